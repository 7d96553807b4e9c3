package boltstore

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/larder-go/larder/store"
)

// BenchmarkForeground is what users of a program wait for while it sweeps, and as long before that: two of them, whose calls are nine in ten Get.
func BenchmarkForeground(b *testing.B) {
	n := deadEntries(b)
	path := filepath.Join(b.TempDir(), "bench.db")
	fillDead(b, path, n)
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	s := newStore(b, db, nil)
	if err := fill(s, n, n+10_000, make([]byte, benchValue)); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		idle := foreground(b, s, n, func() { time.Sleep(3 * time.Second) })
		swept := foreground(b, s, n, func() {
			began := time.Now()
			r, err := s.Sweep(context.Background(), store.SweepOptions{Idle: time.Hour})
			if err != nil || r.Removed != n {
				b.Errorf("%+v, %v", r, err)
			}
			b.ReportMetric(time.Since(began).Seconds(), "sweep-s")
		})
		b.ReportMetric(idle, "idle-p99-ms")
		b.ReportMetric(swept, "swept-p99-ms")
		b.ReportMetric(0, "ns/op")
	}
}

// foreground is the p99 of what two users wait for during fn, in milliseconds. Theirs are the keys from n on.
func foreground(b *testing.B, s *Store, n int, fn func()) float64 {
	ctx, cancel := context.WithCancel(context.Background())
	var users sync.WaitGroup
	times := make([][]float64, 2)
	for u := range times {
		users.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				key := benchKey(n + rand.N(10_000))
				at := time.Now()
				var err error
				if i%10 == 9 {
					err = s.Set(context.Background(), key, make([]byte, benchValue))
				} else {
					_, err = s.Get(context.Background(), key)
				}
				times[u] = append(times[u], float64(time.Since(at).Microseconds())/1000)
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	fn()
	cancel()
	users.Wait()
	all := slices.Concat(times...)
	slices.Sort(all)
	return all[len(all)*99/100]
}
