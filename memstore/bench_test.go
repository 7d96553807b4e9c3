package memstore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

const (
	benchValue  = 600 // bytes, as a session has
	benchKeys   = 1000
	benchRounds = 25 // interleaved: what the machine does meanwhile hits both
	benchOps    = 1000
	benchKeyLen = 43 // an id of 256 bits in base64
)

// bed is one server with the same entries for the bare client and for a store, each with connections of its own.
type bed struct {
	raw     *memcache.Client
	s       *Store
	value   []byte
	timeout int32 // as the bare client gives it
}

func newBed(b *testing.B, timeout time.Duration) *bed {
	b.Helper()
	addr := testserver.Memcached(b).Addr
	d := &bed{raw: plain(b, addr), s: fresh(b, Options{Expiry: store.Expiry{Timeout: timeout}}, addr), value: make([]byte, benchValue),
		timeout: int32(timeout / time.Second)}
	for i := range benchKeys {
		if err := d.rawSet(benchKey(i)); err != nil {
			b.Fatal(err)
		}
		if err := d.set(context.Background())(benchKey(i)); err != nil {
			b.Fatal(err)
		}
	}
	return d
}

func benchKey(i int) string {
	return fmt.Sprintf("%016x%0*d", uint64(i)*0x9E3779B97F4A7C15, benchKeyLen-16, i)
}

func (d *bed) rawGet(key string) (err error) {
	if d.timeout > 0 {
		_, err = d.raw.GetAndTouch(key, d.timeout)
	} else {
		_, err = d.raw.Get(key)
	}
	return err
}

func (d *bed) rawSet(key string) error {
	return d.raw.Set(&memcache.Item{Key: key, Value: d.value, Expiration: d.timeout})
}

func (d *bed) get(ctx context.Context) func(string) error {
	return func(key string) error { _, err := d.s.Get(ctx, key); return err }
}

func (d *bed) set(ctx context.Context) func(string) error {
	return func(key string) error { return d.s.Set(ctx, key, d.value) }
}

// compare reports the median over rounds of our p50 in relation to the bare client's, and what both allocate.
func compare(b *testing.B, raw, ours func(string) error) {
	b.Helper()
	keys := make([]string, benchKeys)
	for i := range keys {
		keys[i] = benchKey(i)
	}
	var ratios, rawTimes, ourTimes, rawAllocs, ourAllocs []float64
	for b.Loop() {
		for range benchRounds {
			r, rAllocs := round(b, keys, raw)
			o, oAllocs := round(b, keys, ours)
			ratios = append(ratios, o/r)
			rawTimes, ourTimes = append(rawTimes, r), append(ourTimes, o)
			rawAllocs, ourAllocs = append(rawAllocs, rAllocs), append(ourAllocs, oAllocs)
		}
	}
	b.ReportMetric(median(ratios), "p50-ratio")
	b.ReportMetric(median(rawTimes), "raw-ns")
	b.ReportMetric(median(ourTimes), "our-ns")
	b.ReportMetric(median(rawAllocs), "raw-allocs")
	b.ReportMetric(median(ourAllocs), "our-allocs")
	b.ReportMetric(0, "ns/op")
}

// round returns the median time of a call in nanoseconds, and how much a call allocates.
func round(b *testing.B, keys []string, call func(string) error) (p50, allocs float64) {
	b.Helper()
	times := make([]float64, 0, benchOps)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range benchOps {
		key := keys[rand.N(len(keys))]
		begin := time.Now()
		err := call(key)
		times = append(times, float64(time.Since(begin)))
		if err != nil {
			b.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	return median(times), float64(after.Mallocs-before.Mallocs) / benchOps
}

func median(x []float64) float64 {
	x = slices.Clone(x)
	slices.Sort(x)
	return x[len(x)/2]
}

func BenchmarkGet(b *testing.B) {
	for name, timeout := range map[string]time.Duration{"for-ever": 0, "timeout": time.Hour} {
		b.Run(name, func(b *testing.B) {
			d := newBed(b, timeout)
			compare(b, d.rawGet, d.get(context.Background()))
		})
		b.Run(name+"/cancellable", func(b *testing.B) {
			d := newBed(b, timeout)
			compare(b, d.rawGet, d.get(b.Context()))
		})
	}
}

func BenchmarkSet(b *testing.B) {
	for name, ctx := range map[string]context.Context{"background": context.Background(), "cancellable": b.Context()} {
		b.Run(name, func(b *testing.B) {
			d := newBed(b, time.Hour)
			compare(b, d.rawSet, d.set(ctx))
		})
	}
}
