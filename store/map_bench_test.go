package store

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// benchValue is as long as a session.
var benchValue = make([]byte, 600)

// rawMap is what Map is measured against: a map under an RWMutex that copies the value.
type rawMap struct {
	mu sync.RWMutex
	m  map[string][]byte
}

func (r *rawMap) get(key string) []byte {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Clone(r.m[key])
}

func (r *rawMap) set(key string, value []byte) {
	value = slices.Clone(value)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.m[key] = value
}

// ratio runs raw and ours in turns and reports the median of ours/raw as a metric.
func ratio(b *testing.B, n int, raw, ours func(i int)) {
	var ratios []float64
	measure := func(f func(int)) float64 {
		start := time.Now()
		for i := range n {
			f(i)
		}
		return float64(time.Since(start))
	}
	for b.Loop() {
		for range 9 {
			base := measure(raw)
			ratios = append(ratios, measure(ours)/base)
		}
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "x-raw")
	b.ReportMetric(0, "ns/op")
}

func BenchmarkMapRatio(b *testing.B) {
	const keys = 10_000
	ctx := context.Background()
	m, raw := NewMap(&MapOptions{Expiry: Expiry{Timeout: time.Hour}}), &rawMap{m: make(map[string][]byte)}
	names := make([]string, keys)
	for i := range names {
		names[i] = fmt.Sprintf("session:%032d", i)
		raw.set(names[i], benchValue)
		m.Set(ctx, names[i], benchValue)
	}
	b.Run("get", func(b *testing.B) {
		ratio(b, 200_000, func(i int) { raw.get(names[i%keys]) }, func(i int) { m.Get(ctx, names[i%keys]) })
	})
	b.Run("set", func(b *testing.B) {
		ratio(b, 100_000, func(i int) { raw.set(names[i%keys], benchValue) }, func(i int) { m.Set(ctx, names[i%keys], benchValue) })
	})
}

// BenchmarkMapSweep sweeps a million entries and reports the longest time that a shard's lock was held.
func BenchmarkMapSweep(b *testing.B) {
	const entries = 1_000_000
	for _, dead := range []int{entries / 1000, entries} {
		b.Run(fmt.Sprintf("dead=%d", dead), func(b *testing.B) {
			m := NewMap(&MapOptions{Expiry: Expiry{Timeout: time.Hour}})
			ctx := context.Background()
			for i := range entries {
				m.Set(ctx, fmt.Sprintf("session:%032d", i), benchValue[:16])
			}
			var longest, total time.Duration
			rounds := 0
			for b.Loop() {
				b.StopTimer()
				bury(m, dead)
				b.StartTimer()
				start := time.Now()
				r, err := m.Sweep(ctx, SweepOptions{})
				total += time.Since(start)
				rounds++
				b.StopTimer()
				if err != nil || r.Removed != dead {
					b.Fatalf("removed %d of %d: %v", r.Removed, dead, err)
				}
				for i := range dead {
					m.Set(ctx, fmt.Sprintf("session:%032d", i), benchValue[:16])
				}
				bury(m, dead)
				longest = max(longest, longestLock(m))
				for i := range dead {
					m.Set(ctx, fmt.Sprintf("session:%032d", i), benchValue[:16])
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(total.Microseconds())/1000/float64(rounds), "sweep-ms")
			b.ReportMetric(float64(longest.Microseconds()), "longest-lock-µs")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// bury gives the first n entries an atime that is over.
func bury(m *Map, n int) {
	long := time.Now().Add(-2 * time.Hour)
	for i := range n {
		m.Swap(context.Background(), fmt.Sprintf("session:%032d", i), AnyVersion, &Item{Value: benchValue[:16], Atime: long})
	}
}

// longestLock sweeps m and returns the longest time that a shard's lock was held, for reading or for writing.
func longestLock(m *Map) (longest time.Duration) {
	now := mapNow()
	w := mapSweeper{o: SweepOptions{Batch: mapBatch}, now: now, cutoff: m.expiry.Cutoff(now, 0)}
	for i := range m.shards {
		start := time.Now()
		w.found = w.find(&m.shards[i], w.found[:0])
		longest = max(longest, time.Since(start))
		for chunk := range slices.Chunk(w.found, mapChunk) {
			start := time.Now()
			w.remove(&m.shards[i], chunk)
			longest = max(longest, time.Since(start))
		}
	}
	return longest
}
