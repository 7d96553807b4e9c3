package boltstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/larder-go/larder/internal/record"
	"github.com/larder-go/larder/store"
)

// BenchmarkCleanup removes 0.1 % of a million entries; the file is synced. It needs 2 GB of disk and some 20 seconds to
// fill. With -short it is a hundred thousand.
func BenchmarkCleanup(b *testing.B) {
	n := 1_000_000
	if testing.Short() {
		n /= 10
	}
	db, err := bbolt.Open(filepath.Join(b.TempDir(), "bench.db"), 0o600, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	s := newStore(b, db, nil)
	db.NoSync = true
	if err := fillFast(s, n); err != nil {
		b.Fatal(err)
	}
	db.NoSync = false
	if err := db.Sync(); err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	var times, bare []float64
	var grown uint64
	for round := range benchRounds {
		took, err := deleteBare(s, n, n/1000, 500+round)
		if err != nil {
			b.Fatal(err)
		}
		bare = append(bare, took)
		for i := range n / 1000 { // these go, spread over the whole file
			item := &store.Item{Value: make([]byte, benchValue), Atime: time.Now().Add(-time.Hour)}
			db.NoSync = true
			if _, err := s.Swap(ctx, benchKey(i*1000+len(times)), store.AnyVersion, item); err != nil {
				b.Fatal(err)
			}
			db.NoSync = false
		}
		if err := db.Sync(); err != nil {
			b.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		begin := time.Now()
		removed, err := s.Cleanup(ctx, 30*time.Minute)
		times = append(times, float64(time.Since(begin).Microseconds())/1000)
		runtime.ReadMemStats(&after)
		grown = max(grown, after.TotalAlloc-before.TotalAlloc)
		if err != nil || removed != n/1000 {
			b.Fatalf("removed %d, %v", removed, err)
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(times), "ms/cleanup")
	b.ReportMetric(median(bare), "ms/bare-deletes")
	b.ReportMetric(times[len(times)-1], "ms/slowest")
	b.ReportMetric(float64(grown)/(1<<20), "MB/cleanup")
	b.ReportMetric(float64(n), "entries")
}

// deleteBare deletes so many entries and their places by bbolt's own calls in one transaction, as somebody could who knew the
// keys: what no cleanup can be faster than. It returns the milliseconds that took, and puts the entries back.
func deleteBare(s *Store, n, dead, offset int) (float64, error) {
	type both struct{ key, place, stored []byte }
	var all []both
	err := s.db.View(func(tx *bbolt.Tx) error {
		for i := range dead {
			key := []byte(benchKey(i*(n/dead) + offset))
			stored := bytes.Clone(tx.Bucket(s.names[records]).Get(key))
			h, err := parseHead(stored)
			if err != nil {
				return err
			}
			all = append(all, both{key, orderKey(h.place, key), stored})
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	slices.SortFunc(all, func(a, b both) int { return bytes.Compare(a.key, b.key) })
	begin := time.Now()
	err = s.db.Update(func(tx *bbolt.Tx) error {
		for _, e := range all {
			if err := errors.Join(tx.Bucket(s.names[records]).Delete(e.key), tx.Bucket(s.names[byAtime]).Delete(e.place)); err != nil {
				return err
			}
		}
		return nil
	})
	took := float64(time.Since(begin).Microseconds()) / 1000
	if err != nil {
		return 0, err
	}
	return took, s.db.Update(func(tx *bbolt.Tx) error {
		for _, e := range all {
			if err := errors.Join(tx.Bucket(s.names[records]).Put(e.key, e.stored), tx.Bucket(s.names[byAtime]).Put(e.place, nil)); err != nil {
				return err
			}
		}
		return nil
	})
}

// fillFast sets n entries with few commits.
func fillFast(s *Store, n int) error {
	const chunk = 20_000
	value := make([]byte, benchValue)
	for from := 0; from < n; from += chunk {
		err := s.commits.do(context.Background(), 0, func(t *txn) error {
			for i := from; i < min(n, from+chunk); i++ {
				stored, h, _ := encode(benchKey(i), &store.Item{Value: value})
				h.atime = record.Nanos(t.now)
				t.put([]byte(benchKey(i)), nil, stored, h, s.lag)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkRefresh shows what it costs that a use rewrites the value beside which the atime stands.
func BenchmarkRefresh(b *testing.B) {
	for _, size := range []int{benchValue, 8 << 10, 64 << 10, 1 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			d := newBed(b)
			d.s.expiry.TouchAfter = -1
			d.s.lag = time.Hour
			d.value = make([]byte, size)
			const n = 50
			for i := range n {
				if err := d.set(benchKey(i)); err != nil {
					b.Fatal(err)
				}
			}
			i := 0
			compare(b, 1, n, func() string { i++; return benchKey(i % n) },
				func(key string) error { return d.rawSet(key[:20]) },
				func(key string) error { return d.s.Touch(context.Background(), key) })
		})
	}
}
