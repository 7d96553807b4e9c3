package dbstore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// busyServer is set up as one that does work.
func busyServer(b *testing.B, settings ...string) *testserver.Server {
	return testserver.NewPostgres(b, append(settings, "shared_buffers=512MB", "max_wal_size=8GB", "checkpoint_timeout=30min", "autovacuum=off")...)
}

// durable has the server flush to a disk what it acknowledges: a server for tests is in memory.
func durable(b *testing.B, server *testserver.Server) *testserver.Server {
	server.Stop(b)
	dir := b.TempDir()
	wal, disk := filepath.Join(filepath.Dir(server.Socket), "data", "pg_wal"), filepath.Join(dir, "pg_wal")
	for _, open := range []string{dir, filepath.Dir(dir)} { // the server is somebody else
		if err := os.Chmod(open, 0o755); err != nil {
			b.Fatal(err)
		}
	}
	if out, err := exec.Command("cp", "-a", wal, disk).CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	err := os.RemoveAll(wal)
	if err == nil {
		err = os.Symlink(disk, wal)
	}
	if err != nil {
		b.Fatal(err)
	}
	server.Start(b)
	return server
}

// BenchmarkReadMostly is 64 users, of whose calls nine in ten are Get, against the same where each read writes the atime.
func BenchmarkReadMostly(b *testing.B) {
	const users, calls = 64, 300
	s := newStoreAt(b, durable(b, busyServer(b, "fsync=on")).URL, &Options{Expiry: store.Expiry{TouchAfter: time.Minute}})
	fill(b, s, benchKeys, "false", byAtime)
	value := make([]byte, benchValue)
	always := "UPDATE " + s.table + " AS e SET atime = clock_timestamp() WHERE e.key = $1 RETURNING e.value"
	rawGet := func(key string) error {
		var value []byte
		return pooled(s.pool).QueryRow(context.Background(), always, []byte(key)).Scan(&value)
	}
	get := func(key string) error { _, err := s.Get(context.Background(), key); return err }
	load := func(get func(string) error) float64 {
		at := time.Now()
		var all sync.WaitGroup
		for range users {
			all.Go(func() {
				for i := range calls {
					key := fmt.Sprint("key ", rand.N(benchKeys))
					var err error
					if i%10 == 9 {
						err = s.Set(context.Background(), key, value)
					} else {
						err = get(key)
					}
					if err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
		return users * calls / time.Since(at).Seconds()
	}
	var ratios, ours []float64
	for b.Loop() {
		for range benchRounds {
			raw, our := load(rawGet), load(get)
			ours, ratios = append(ours, our), append(ratios, our/raw)
		}
	}
	b.ReportMetric(median(ratios), "rate-ratio")
	b.ReportMetric(median(ours), "our-ops/s")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkCleanup removes one entry of a thousand.
func BenchmarkCleanup(b *testing.B) {
	server := busyServer(b)
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := newStoreAt(b, server.URL, nil)
			fill(b, s, n, "i % 1000 = 0", byAtime)
			if _, err := pooled(s.pool).Exec(context.Background(), "VACUUM ANALYZE "+s.table); err != nil {
				b.Fatal(err)
			}
			if _, err := pooled(s.pool).Exec(context.Background(), "CHECKPOINT"); err != nil {
				b.Fatal(err)
			}
			var times []float64
			for b.Loop() {
				for range benchRounds {
					at := time.Now()
					removed, err := s.Cleanup(context.Background(), time.Hour)
					times = append(times, float64(time.Since(at).Microseconds())/1000)
					if removed != n/1000 || err != nil {
						b.Fatalf("%d removed, %v", removed, err)
					}
					_, err = pooled(s.pool).Exec(context.Background(), "INSERT INTO "+s.table+" SELECT convert_to('again ' || clock_timestamp() || i, 'UTF8'), "+
						"convert_to(rpad('value', 100), 'UTF8'), now() - interval '2 days', NULL, '\\x00' FROM generate_series(1, $1) AS i", n/1000)
					if err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(median(times), "median-ms")
			b.ReportMetric(slices.Max(times), "worst-ms")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkForeground is what users wait for while four cleaners sweep 1,000,000 entries, half of them dead, and before that.
func BenchmarkForeground(b *testing.B) {
	s := newStoreAt(b, busyServer(b).URL, &Options{Expiry: store.Expiry{TouchAfter: time.Minute}})
	const n = 1_000_000
	for b.Loop() {
		fill(b, s, n, "i % 2 = 0", byAtime)
		for _, sql := range []string{"VACUUM ANALYZE " + s.table, "CHECKPOINT"} {
			if _, err := pooled(s.pool).Exec(context.Background(), sql); err != nil {
				b.Fatal(err)
			}
		}
		idle := foreground(b, s, n, func() { time.Sleep(3 * time.Second) })
		var removed atomic.Int64
		swept := foreground(b, s, n, func() {
			var cleaners sync.WaitGroup
			for range 4 {
				cleaners.Go(func() {
					r, err := s.Sweep(context.Background(), store.SweepOptions{Idle: time.Hour})
					if err != nil {
						b.Error(err)
					}
					removed.Add(int64(r.Removed))
				})
			}
			cleaners.Wait()
		})
		if removed.Load() != n/2 {
			b.Errorf("%d removed", removed.Load())
		}
		b.ReportMetric(idle, "idle-p99-ms")
		b.ReportMetric(swept, "swept-p99-ms")
		if _, err := pooled(s.pool).Exec(context.Background(), "TRUNCATE "+s.table); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(0, "ns/op")
}

// foreground is the p99 of what two users wait for during fn, in milliseconds.
func foreground(b *testing.B, s *Store, n int, fn func()) float64 {
	ctx, cancel := context.WithCancel(context.Background())
	var users sync.WaitGroup
	times := make([][]float64, 2)
	for u := range times {
		users.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				key := fmt.Sprint("key ", 2*rand.N(n/2)+1)
				at := time.Now()
				var err error
				if i%10 == 9 {
					err = s.Set(context.Background(), key, make([]byte, 100))
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
