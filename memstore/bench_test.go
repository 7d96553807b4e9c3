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
	benchRounds = 15
	benchTurns  = 15 // of each, by turns, in a round
	benchOps    = 100
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
	var ratios, rawTimes, ourTimes []float64
	r, o := &caller{call: raw, keys: keys}, &caller{call: ours, keys: keys}
	for b.Loop() {
		for range benchRounds {
			for range benchTurns { // short turns: what the machine does meanwhile hits both
				r.turn(b)
				o.turn(b)
			}
			rawP50, ourP50 := r.p50(), o.p50()
			ratios, rawTimes, ourTimes = append(ratios, ourP50/rawP50), append(rawTimes, rawP50), append(ourTimes, ourP50)
		}
	}
	b.ReportMetric(median(ratios), "p50-ratio")
	b.ReportMetric(median(rawTimes), "raw-ns")
	b.ReportMetric(median(ourTimes), "our-ns")
	b.ReportMetric(r.allocs(), "raw-allocs")
	b.ReportMetric(o.allocs(), "our-allocs")
	b.ReportMetric(0, "ns/op")
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

// p50 is the median since the last one, in nanoseconds.
func (c *caller) p50() float64 {
	p50 := median(c.times)
	c.times = c.times[:0]
	return p50
}

func (c *caller) allocs() float64 { return float64(c.mallocs) / float64(c.calls) }

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
