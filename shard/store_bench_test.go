package shard_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/larder-go/larder/store"
)

const (
	benchValue  = 600 // bytes, as a session has
	benchKeys   = 1000
	benchRounds = 15
	benchTurns  = 15 // of each, by turns, in a round
	benchOps    = 100
)

// BenchmarkStore compares the store over four memcached servers with memstore alone on the same four: a store for each server, of which the caller knows for
// each key which one it is.
func BenchmarkStore(b *testing.B) {
	_, urls := memcached(b, 4)
	s := open(b, shardURL(urls))
	alone := map[string]store.Store{}
	for i, n := range names(4) {
		alone[n] = openAny(b, urls[i])
	}
	keys, of := make([]string, benchKeys), map[string]store.Store{}
	value, versions := make([]byte, benchValue), map[string]store.Version{}
	ctx := context.Background()
	for i := range keys {
		keys[i] = fmt.Sprintf("%016x%027d", uint64(i)*0x9E3779B97F4A7C15, i)
		of[keys[i]] = alone[s.Where(keys[i])]
		set(b, s, keys[i], string(value))
	}
	swap := func(s store.Store, key string) (err error) {
		versions[key], err = store.Swap(ctx, s, key, versions[key], &store.Item{Value: value})
		return err
	}
	for name, op := range map[string]func(s store.Store, key string) error{
		"Get":  func(s store.Store, key string) error { _, err := s.Get(ctx, key); return err },
		"Set":  func(s store.Store, key string) error { return s.Set(ctx, key, value) },
		"Swap": swap,
	} {
		b.Run(name, func(b *testing.B) {
			for _, key := range keys {
				item, err := store.Peek(ctx, s, key)
				if err != nil {
					b.Fatal(err)
				}
				versions[key] = item.Version
			}
			raw := &caller{call: func(key string) error { return op(of[key], key) }, keys: keys}
			ours := &caller{call: func(key string) error { return op(s, key) }, keys: keys}
			var ratios, rawTimes, ourTimes []float64
			for b.Loop() {
				for range benchRounds {
					for range benchTurns { // short turns: what the machine does meanwhile hits both
						raw.turn(b)
						ours.turn(b)
					}
					rawP50, ourP50 := raw.p50(), ours.p50()
					ratios, rawTimes, ourTimes = append(ratios, ourP50/rawP50), append(rawTimes, rawP50), append(ourTimes, ourP50)
				}
			}
			b.ReportMetric(median(ratios), "p50-ratio")
			b.ReportMetric(median(rawTimes), "raw-ns")
			b.ReportMetric(median(ourTimes), "our-ns")
			b.ReportMetric(raw.allocs(), "raw-allocs")
			b.ReportMetric(ours.allocs(), "our-allocs")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// caller calls and takes the time.
type caller struct {
	call    func(string) error
	keys    []string
	times   []float64
	calls   int
	mallocs uint64
}

func (c *caller) turn(b *testing.B) {
	b.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range benchOps {
		key := c.keys[rand.N(len(c.keys))]
		begin := time.Now()
		err := c.call(key)
		c.times = append(c.times, float64(time.Since(begin)))
		if err != nil {
			b.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	c.calls += benchOps
	c.mallocs += after.Mallocs - before.Mallocs
}

func (c *caller) p50() float64 {
	m := median(c.times)
	c.times = c.times[:0]
	return m
}

func (c *caller) allocs() float64 { return float64(c.mallocs) / float64(c.calls) }

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// TestStoreAllocates: nothing that the node's store does not.
func TestStoreAllocates(t *testing.T) {
	m := store.NewMap(nil)
	s := over(t, m, m, m)
	set(t, s, "key", "v")
	ctx := t.Context()
	for name, op := range map[string]func(s store.Store){
		"contains": func(s store.Store) { s.Contains(ctx, "key") },
		"get":      func(s store.Store) { s.Get(ctx, "key") },
		"missing":  func(s store.Store) { s.Get(ctx, "nothing") },
		"set":      func(s store.Store) { s.Set(ctx, "key", nil) },
		"touch":    func(s store.Store) { store.Touch(ctx, s, "key") },
		"peek":     func(s store.Store) { store.Peek(ctx, s, "key") },
		"swap":     func(s store.Store) { store.Swap(ctx, s, "key", store.AnyVersion, &store.Item{}) },
		"delete":   func(s store.Store) { s.Delete(ctx, "nothing") },
	} {
		alone := testing.AllocsPerRun(100, func() { op(m) })
		if got := testing.AllocsPerRun(100, func() { op(s) }); got > alone {
			t.Errorf("%s allocates %v times, the node's store %v", name, got, alone)
		}
	}
}
