package store

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"
)

// BenchmarkHandover reports what a Get costs through a handover: of what the new store has, as a multiple of that store's own, and of what has to move
// first, in calls of the two stores, whose Maps take no time. Rounds are in turns, and the median counts.
func BenchmarkHandover(b *testing.B) {
	const n = 20_000
	ctx := context.Background()
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprint("key-", i)
	}
	all := func(s Store) float64 {
		start := time.Now()
		for _, key := range keys {
			if _, err := s.Get(ctx, key); err != nil {
				b.Fatal(err)
			}
		}
		return float64(time.Since(start).Nanoseconds()) / n
	}
	var hits, moves []float64
	for b.Loop() {
		for range 7 {
			old, new := NewMap(nil), NewMap(nil)
			for _, key := range keys {
				old.Set(ctx, key, benchValue)
			}
			h := Handover(old, new, nil)
			moving := all(h)
			bare := all(new)
			hits, moves = append(hits, all(h)/bare), append(moves, moving/bare)
		}
	}
	slices.Sort(hits)
	slices.Sort(moves)
	b.ReportMetric(hits[len(hits)/2], "x-hit")
	b.ReportMetric(moves[len(moves)/2], "x-move")
	h := Handover(NewMap(nil), NewMap(nil), nil)
	h.Set(ctx, "k", benchValue)
	b.ReportMetric(testing.AllocsPerRun(1000, func() { h.Get(ctx, "k") }), "allocs-hit")
	b.ReportMetric(testing.AllocsPerRun(1000, func() { h.new.Get(ctx, "k") }), "allocs-bare")
	b.ReportMetric(0, "ns/op")
}
