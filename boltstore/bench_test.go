package boltstore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

const (
	benchValue  = 600    // bytes, as a session has
	benchKeys   = 10_000 // entries that stand there
	benchRounds = 9      // interleaved: what the machine does meanwhile hits both
	benchKeyLen = 43     // an id of 256 bits in base64
)

var rawBucket = []byte("raw")

// bed is one database with the same entries in a bare bucket and in a store, synced as in production.
type bed struct {
	db    *bbolt.DB
	s     *Store
	value []byte
	next  atomic.Int64 // numbers for new keys
}

func newBed(b *testing.B) *bed {
	b.Helper()
	db, err := bbolt.Open(filepath.Join(b.TempDir(), "bench.db"), 0o600, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	d := &bed{db: db, s: newStore(b, db, nil), value: make([]byte, benchValue)}
	err = db.Update(func(tx *bbolt.Tx) error {
		bucket, err := tx.CreateBucket(rawBucket)
		for i := 0; i < benchKeys && err == nil; i++ {
			err = bucket.Put([]byte(benchKey(i)), d.value)
		}
		return err
	})
	if err == nil {
		err = fill(d.s, 0, benchKeys, d.value)
	}
	if err != nil {
		b.Fatal(err)
	}
	return d
}

// fill sets many entries with few commits.
func fill(s *Store, from, to int, value []byte) error {
	var wg sync.WaitGroup
	errs := make(chan error, maxBatch)
	for w := range maxBatch {
		wg.Go(func() {
			for i := from + w; i < to; i += maxBatch {
				if err := s.Set(context.Background(), benchKey(i), value); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs
}

// benchKey spreads numbers over the whole range of keys, as random ids are.
func benchKey(i int) string {
	return fmt.Sprintf("%016x%0*d", uint64(i)*0x9E3779B97F4A7C15, benchKeyLen-16, i)
}

func (d *bed) rawGet(key string) error {
	var value []byte
	err := d.db.View(func(tx *bbolt.Tx) error {
		value = append([]byte(nil), tx.Bucket(rawBucket).Get([]byte(key))...)
		return nil
	})
	if len(value) != benchValue {
		return fmt.Errorf("%d bytes: %w", len(value), err)
	}
	return err
}

func (d *bed) rawSet(key string) error {
	return d.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(rawBucket).Put([]byte(key), d.value) })
}

// rawBatch returns a function that sets n keys in one transaction at every n-th call.
func (d *bed) rawBatch(n int, key func() string) func(string) error {
	calls := 0
	return func(string) error {
		if calls++; calls%n != 0 {
			return nil
		}
		return d.db.Update(func(tx *bbolt.Tx) error {
			for range n {
				if err := tx.Bucket(rawBucket).Put([]byte(key()), d.value); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

func (d *bed) get(key string) error { _, err := d.s.Get(context.Background(), key); return err }
func (d *bed) set(key string) error { return d.s.Set(context.Background(), key, d.value) }

// setCtx is set with a context that can end, which costs a little more.
func (d *bed) setCtx(ctx context.Context) func(string) error {
	return func(key string) error { return d.s.Set(ctx, key, d.value) }
}

func (d *bed) known() string { return benchKey(rand.N(benchKeys)) }
func (d *bed) fresh() string { return benchKey(benchKeys + int(d.next.Add(1))) }

// compare reports the median over rounds of raw's time in relation to ours, as "rate-ratio": above 1 we are faster.
func compare(b *testing.B, workers, ops int, key func() string, raw, ours func(string) error) {
	b.Helper()
	var ratios, rawTimes, ourTimes []float64
	for b.Loop() {
		for range benchRounds {
			r, o := timed(b, workers, ops, key, raw), timed(b, workers, ops, key, ours)
			rawTimes = append(rawTimes, float64(r.Nanoseconds())/float64(ops))
			ourTimes = append(ourTimes, float64(o.Nanoseconds())/float64(ops))
			ratios = append(ratios, float64(r)/float64(o))
		}
	}
	b.ReportMetric(median(ratios), "rate-ratio")
	b.ReportMetric(1/median(ratios), "time-ratio")
	b.ReportMetric(median(rawTimes), "raw-ns/op")
	b.ReportMetric(median(ourTimes), "our-ns/op")
	b.ReportMetric(0, "ns/op")
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}

// timed is how long workers take for ops calls of fn between them.
func timed(b *testing.B, workers, ops int, key func() string, fn func(string) error) time.Duration {
	b.Helper()
	var wg sync.WaitGroup
	start := time.Now()
	for range workers {
		wg.Go(func() {
			for range ops / workers {
				if err := fn(key()); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return time.Since(start)
}

func BenchmarkGet(b *testing.B) {
	d := newBed(b)
	compare(b, 1, 20_000, d.known, d.rawGet, d.get)
}

func BenchmarkSet(b *testing.B) {
	d := newBed(b)
	for _, workers := range []int{1, 8, 64} {
		ops := 320 * max(1, workers/4)
		b.Run(fmt.Sprintf("overwrite/%d", workers), func(b *testing.B) { compare(b, workers, ops, d.known, d.rawSet, d.set) })
		b.Run(fmt.Sprintf("new/%d", workers), func(b *testing.B) { compare(b, workers, ops, d.fresh, d.rawSet, d.set) })
	}
	// What sharing can reach: one caller who puts 64 keys in the bare bucket at once.
	b.Run("overwrite/64/bare", func(b *testing.B) { compare(b, 1, 20*64, d.known, d.rawSet, d.rawBatch(64, d.known)) })
	b.Run("new/64/bare", func(b *testing.B) { compare(b, 1, 20*64, d.fresh, d.rawSet, d.rawBatch(64, d.fresh)) })
	b.Run("overwrite/1/cancellable", func(b *testing.B) { compare(b, 1, 320, d.known, d.rawSet, d.setCtx(b.Context())) })
	b.Run("new/1/cancellable", func(b *testing.B) { compare(b, 1, 320, d.fresh, d.rawSet, d.setCtx(b.Context())) })
}
