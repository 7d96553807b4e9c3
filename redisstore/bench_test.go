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
	benchValue  = 600 // bytes, as a session has
	benchKeys   = 1000
	benchRounds = 9    // interleaved: what the machine does meanwhile hits both
	benchOps    = 4000 // of each in a round
)

// bed is one database with the same entries as bare strings and in a store, over the same client.
type bed struct {
	client redis.UniversalClient
	s      *Store
	value  []byte
}

func newBed(b *testing.B, client redis.UniversalClient) *bed {
	b.Helper()
	d := &bed{client: client, value: make([]byte, benchValue)}
	d.s = open(b, client, store.Expiry{Timeout: time.Hour})
	for i := range benchKeys {
		if err := d.rawSet(benchKey(i)); err != nil {
			b.Fatal(err)
		}
		if err := d.set(benchKey(i)); err != nil {
			b.Fatal(err)
		}
	}
	return d
}

func benchKey(i int) string { return fmt.Sprintf("session/%043d", i) }

func (d *bed) rawGet(key string) error {
	_, err := d.client.Get(context.Background(), key).Bytes()
	return err
}

func (d *bed) rawSet(key string) error {
	return d.client.Set(context.Background(), key, d.value, time.Hour).Err()
}

func (d *bed) get(key string) error { _, err := d.s.Get(context.Background(), key); return err }
func (d *bed) set(key string) error { return d.s.Set(context.Background(), key, d.value) }

// compare reports the median over rounds of our median time in relation to raw's, and the allocations of both.
func compare(b *testing.B, raw, ours func(string) error) {
	b.Helper()
	keys := make([]string, benchKeys)
	for i := range keys {
		keys[i] = benchKey(i)
	}
	var ratios, rawTimes, ourTimes, rawAllocs, ourAllocs []float64
	for b.Loop() {
		for range benchRounds {
			r, ra := timed(b, keys, raw)
			o, oa := timed(b, keys, ours)
			rawTimes, ourTimes = append(rawTimes, r), append(ourTimes, o)
			rawAllocs, ourAllocs = append(rawAllocs, ra), append(ourAllocs, oa)
			ratios = append(ratios, o/r)
		}
	}
	b.ReportMetric(median(ratios), "time-ratio")
	b.ReportMetric(median(rawTimes), "raw-p50-ns")
	b.ReportMetric(median(ourTimes), "our-p50-ns")
	b.ReportMetric(median(rawAllocs), "raw-allocs")
	b.ReportMetric(median(ourAllocs), "our-allocs")
	b.ReportMetric(0, "ns/op")
}

func median(x []float64) float64 {
	x = slices.Clone(x)
	slices.Sort(x)
	return x[len(x)/2]
}

// timed returns the median time of a call, and how often it allocates.
func timed(b *testing.B, keys []string, fn func(string) error) (p50, allocs float64) {
	b.Helper()
	times := make([]float64, benchOps)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range times {
		start := time.Now()
		if err := fn(keys[i%len(keys)]); err != nil {
			b.Fatal(err)
		}
		times[i] = float64(time.Since(start))
	}
	runtime.ReadMemStats(&after)
	return median(times), float64(after.Mallocs-before.Mallocs) / benchOps
}

func BenchmarkAgainstDriver(b *testing.B) {
	for _, over := range []string{"tcp", "unix", "cluster"} {
		b.Run(over, func(b *testing.B) {
			var client redis.UniversalClient
			switch server := testserver.Redis(b); over {
			case "tcp":
				client = newClient(b, server.Addr)
			case "unix":
				c := redis.NewClient(&redis.Options{Network: "unix", Addr: server.Socket, Protocol: 2})
				b.Cleanup(func() { c.Close() })
				client = c
			case "cluster":
				client = newCluster(b, testserver.RedisCluster(b))
			}
			d := newBed(b, client)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			b.Run("get", func(b *testing.B) { compare(b, d.rawGet, d.get) })
			b.Run("set", func(b *testing.B) { compare(b, d.rawSet, d.set) })
			b.Run("get/cancellable", func(b *testing.B) {
				compare(b, d.rawGet, func(key string) error { _, err := d.s.Get(ctx, key); return err })
			})
			b.Run("set/cancellable", func(b *testing.B) {
				compare(b, d.rawSet, func(key string) error { return d.s.Set(ctx, key, d.value) })
			})
			b.Run("noise", func(b *testing.B) { compare(b, d.rawGet, d.rawGet) })
		})
	}
}
