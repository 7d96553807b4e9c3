package redisstore

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

const (
	fieldsRounds = 9 // interleaved: what the machine does meanwhile hits both
	fieldsOps    = 1000
)

// BenchmarkFieldsRatio compares with the bare commands on a hash with the same fields: 10 of 600 bytes.
func BenchmarkFieldsRatio(b *testing.B) {
	c := newClient(b, testserver.Redis(b).Addr)
	f, err := NewFields(c, &FieldsOptions{Prefix: "bench:", Expiry: store.Expiry{Timeout: time.Hour}})
	if err != nil {
		b.Fatal(err)
	}
	ctx, value, fields := context.Background(), make([]byte, 600), make(map[string][]byte)
	for i := range 10 {
		fields[fmt.Sprint("field ", i)] = value
	}
	if err := c.HSet(ctx, "bare", fieldsArgs(fields)...).Err(); err != nil {
		b.Fatal(err)
	}
	if _, err := f.Create(ctx, "k", fields); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Del(ctx, "bare", "bench:k") })

	cancellable, cancel := context.WithCancel(ctx)
	defer cancel()
	bareGet := func() error { return c.HGet(ctx, "bare", "field 3").Err() }
	bareAll := func() error { return c.HGetAll(ctx, "bare").Err() }
	bareSet := func() error { return c.HSet(ctx, "bare", "field 3", value).Err() }
	get := func(ctx context.Context) func() error {
		return func() error { _, err := f.Get(ctx, "k", "field 3"); return err }
	}
	set := func(ctx context.Context) func() error {
		return func() error { return f.Set(ctx, "k", "field 3", value) }
	}
	b.Run("Get", func(b *testing.B) { fieldsCompare(b, bareGet, get(ctx)) })
	b.Run("Get/cancellable", func(b *testing.B) { fieldsCompare(b, bareGet, get(cancellable)) })
	b.Run("All", func(b *testing.B) {
		fieldsCompare(b, bareAll, func() error { _, err := f.All(ctx, "k"); return err })
	})
	b.Run("Set", func(b *testing.B) { fieldsCompare(b, bareSet, set(ctx)) })
	b.Run("Set/cancellable", func(b *testing.B) { fieldsCompare(b, bareSet, set(cancellable)) })
	b.Run("Set/withExpiry", func(b *testing.B) { // what bare Redis needs for the same: two commands, between which it can fail
		fieldsCompare(b, func() error {
			_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
				p.HSet(ctx, "bare", "field 3", value)
				p.PExpire(ctx, "bare", time.Hour)
				return nil
			})
			return err
		}, set(ctx))
	})
}

func fieldsArgs(fields map[string][]byte) (args []any) {
	for field, value := range fields {
		args = append(args, field, value)
	}
	return args
}

// fieldsCompare reports the median over rounds of our p50 in relation to that of the bare call, and the allocations of both.
func fieldsCompare(b *testing.B, bare, ours func() error) {
	b.Helper()
	var ratios, bareTimes, ourTimes []float64
	for b.Loop() {
		for range fieldsRounds {
			raw, our := fieldsP50(b, bare), fieldsP50(b, ours)
			bareTimes, ourTimes, ratios = append(bareTimes, raw), append(ourTimes, our), append(ratios, our/raw)
		}
	}
	b.ReportMetric(median50(ratios), "p50-ratio")
	b.ReportMetric(median50(bareTimes), "bare-ns")
	b.ReportMetric(median50(ourTimes), "our-ns")
	b.ReportMetric(fieldsAllocs(b, bare), "bare-allocs")
	b.ReportMetric(fieldsAllocs(b, ours), "our-allocs")
	b.ReportMetric(0, "ns/op")
}

func fieldsP50(b *testing.B, call func() error) float64 {
	b.Helper()
	times := make([]float64, fieldsOps)
	for i := range times {
		began := time.Now()
		if err := call(); err != nil {
			b.Fatal(err)
		}
		times[i] = float64(time.Since(began))
	}
	return median50(times)
}

func median50(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}

func fieldsAllocs(b *testing.B, call func() error) float64 {
	b.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range fieldsOps {
		if err := call(); err != nil {
			b.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	return float64((after.Mallocs - before.Mallocs) / fieldsOps)
}
