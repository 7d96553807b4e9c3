package diskstore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/larder-go/larder/diskstore"
	"github.com/larder-go/larder/store"
)

// BenchmarkForeground is what users wait for while another process's worth of cleanup sweeps dead files, and as long before that: two of them,
// whose calls are nine in ten Get.
func BenchmarkForeground(b *testing.B) {
	const users = 2000
	n := deadFiles(b)
	dir := b.TempDir()
	o := &diskstore.Options{Expiry: store.Expiry{Timeout: time.Hour}}
	s, cleaner := open(b, dir, o), open(b, dir, o)
	for i := range n {
		diskstore.WriteEntry(b, dir, fmt.Sprint("key-", i), value(benchSize, i), time.Now().Add(-2*time.Hour))
	}
	for i := range users {
		if err := s.Set(b.Context(), fmt.Sprint("user-", i), value(benchSize, i)); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		idle := foreground(b, s, users, func() { time.Sleep(3 * time.Second) })
		swept := foreground(b, s, users, func() {
			began := time.Now()
			if removed, err := cleaner.Cleanup(context.Background(), 0); removed != n || err != nil {
				b.Errorf("%d removed of %d, %v", removed, n, err)
			}
			b.ReportMetric(time.Since(began).Seconds(), "sweep-s")
		})
		b.ReportMetric(idle, "idle-p99-ms")
		b.ReportMetric(swept, "swept-p99-ms")
		b.ReportMetric(0, "ns/op")
	}
}

// foreground is the p99 of what two users wait for during fn, in milliseconds.
func foreground(b *testing.B, s *diskstore.Store, n int, fn func()) float64 {
	ctx, cancel := context.WithCancel(context.Background())
	var users sync.WaitGroup
	times := make([][]float64, 2)
	for u := range times {
		users.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				key := fmt.Sprint("user-", rand.N(n))
				at := time.Now()
				var err error
				if i%10 == 9 {
					err = s.Set(context.Background(), key, value(benchSize, i))
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
