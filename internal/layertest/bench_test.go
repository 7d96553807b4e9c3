package layertest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

const (
	benchValue  = 600 // bytes, as a session has
	benchKeys   = 10_000
	benchReads  = 2000 // in a round
	benchRounds = 1001 // in turns, and so short that few are interrupted
)

// BenchmarkHit reports what a hit of Layer(map, Postgres) costs beside the same read of a Map alone, as the median of rounds.
func BenchmarkHit(b *testing.B) {
	slow := open(b, postgres(b, testserver.Postgres(b)))
	b.Run("get", func(b *testing.B) {
		compare(b, store.Layer(store.NewMap(nil), slow, nil), func(ctx context.Context, s store.Store, key string) error {
			_, err := s.Get(ctx, key)
			return err
		})
	})
	b.Run("load", func(b *testing.B) {
		compare(b, store.Layer(store.NewMap(nil), slow, &store.LayerOptions{Loads: true}), func(ctx context.Context, s store.Store, key string) error {
			_, err := store.Load(ctx, s, key)
			return err
		})
	})
}

func compare(b *testing.B, layer store.Store, read func(ctx context.Context, s store.Store, key string) error) {
	ctx, bare := context.Background(), store.NewMap(nil)
	names, value := make([]string, benchKeys), make([]byte, benchValue)
	for i := range names {
		names[i] = fmt.Sprintf("session:%032d", i)
		for _, s := range []store.Store{bare, layer} {
			if err := s.Set(ctx, names[i], value); err != nil {
				b.Fatal(err)
			}
		}
	}
	reads := func(s store.Store, from, n int) {
		for i := range n {
			if err := read(ctx, s, names[(from+i)%benchKeys]); err != nil {
				b.Fatal(err)
			}
		}
	}
	timed := func(s store.Store, round int) float64 {
		start := time.Now()
		reads(s, round*benchReads, benchReads)
		return float64(time.Since(start).Nanoseconds()) / benchReads
	}
	var ratios, bares, ours []float64
	for b.Loop() {
		reads(layer, 0, benchKeys) // the copies that it fills answer until the next use must be recorded: for a minute
		for round := range benchRounds {
			x, y := timed(bare, round), timed(layer, round)
			ratios, bares, ours = append(ratios, y/x), append(bares, x), append(ours, y)
		}
	}
	median := func(x []float64) float64 { slices.Sort(x); return x[len(x)/2] }
	b.ReportMetric(median(bares), "ns-map")
	b.ReportMetric(median(ours), "ns-hit")
	b.ReportMetric(median(ratios), "x-map")
	b.ReportMetric(testing.AllocsPerRun(benchKeys, func() { reads(bare, 0, 1) }), "allocs-map")
	b.ReportMetric(testing.AllocsPerRun(benchKeys, func() { reads(layer, 0, 1) }), "allocs-hit")
	b.ReportMetric(0, "ns/op")
}
