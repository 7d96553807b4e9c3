package shard_test

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/redisstore"
	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
)

// BenchmarkRebalanceRatio grows a set from 4 to 5 Redis nodes while readers and writers use it, and compares with copying the same entries by hand: GET and
// SET by as many workers, and by store.Copy. LARDER_SOAK=1 makes it a million entries in place of 50,000.
func BenchmarkRebalanceRatio(b *testing.B) {
	entries := 50_000
	if os.Getenv("LARDER_SOAK") != "" {
		entries = 1_000_000
	}
	clients := map[string]*redis.Client{}
	nodes := map[string]store.Store{}
	for _, name := range []string{"a", "b", "c", "d", "e", "copied"} {
		client := redis.NewClient(&redis.Options{Addr: testserver.NewRedis(b).Addr, PoolSize: 32})
		b.Cleanup(func() { client.Close() })
		s, err := redisstore.New(client, &redisstore.Options{Prefix: "x:"})
		if err != nil {
			b.Fatal(err)
		}
		clients[name], nodes[name] = client, s
	}
	for b.Loop() {
		for _, client := range clients {
			if err := client.FlushDB(b.Context()).Err(); err != nil {
				b.Fatal(err)
			}
		}
		now, next := ringOf(b, "", "a b c d"), ringOf(b, "", "a b c d e")
		before := storeOn(b, nodes, now)
		value := make([]byte, 200)
		parallel(b, 16, entries, func(i int) error { return before.Set(b.Context(), fmt.Sprint("key ", i), value) })

		// By hand: what moves, and nothing else, without looking for it.
		var moving []string
		for i := range entries {
			if key := fmt.Sprint("key ", i); next.Nodes()[next.Place(key)].Name == "e" {
				moving = append(moving, key)
			}
		}
		began := time.Now()
		parallel(b, 8, len(moving), func(i int) error {
			got, err := clients[before.Where(moving[i])].Get(b.Context(), "x:"+moving[i]).Bytes()
			if err == nil {
				err = clients["copied"].Set(b.Context(), "by hand:"+moving[i], got, 0).Err()
			}
			return err
		})
		byHand := time.Since(began)
		began = time.Now()
		copied := 0
		for _, name := range []string{"a", "b", "c", "d"} {
			r, err := store.Copy(b.Context(), only{nodes[name].(*redisstore.Store), next}, nodes["copied"], nil)
			if err != nil {
				b.Fatal(err)
			}
			copied += r.Copied
		}
		byCopy := time.Since(began)

		c, err := shard.NewChange(nodes, now, next, &shard.ChangeOptions{Recheck: 20 * time.Millisecond})
		if err != nil {
			b.Fatal(err)
		}
		busy, stop := context.WithCancel(b.Context())
		reads, peak := atomic.Int64{}, uint64(0)
		var foreground sync.WaitGroup
		for w := range 2 {
			foreground.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(w), 1))
				for n := 0; busy.Err() == nil; n++ {
					key := fmt.Sprint("key ", rng.IntN(entries))
					_, err := c.Get(b.Context(), key)
					if err == nil && n%10 == 0 {
						err = c.Set(b.Context(), key, value)
					}
					if err != nil {
						b.Error("a read or write failed:", err)
						return
					}
					reads.Add(1)
					time.Sleep(time.Millisecond)
				}
			})
		}
		moved := time.Duration(0)
		began = time.Now()
		r, err := c.Rebalance(b.Context(), &shard.RebalanceOptions{Progress: func(r shard.RebalanceReport) {
			if r.Moved > 0 && r.Checked == 0 {
				moved = time.Since(began)
			}
			peak = max(peak, heap())
		}})
		stop()
		foreground.Wait()
		if err != nil || !r.Drained || copied != len(moving) {
			b.Fatalf("%+v, %v; %d of %d copied", r, err, copied, len(moving))
		}
		rate := func(n int, d time.Duration) float64 { return float64(n) / d.Seconds() }
		b.ReportMetric(rate(r.Moved, time.Since(began)), "moved/s")
		b.ReportMetric(rate(r.Moved, moved)/rate(len(moving), byHand), "of-get-set")
		b.ReportMetric(rate(r.Moved, moved)/rate(copied, byCopy), "of-Copy")
		b.ReportMetric(float64(peak)/(1<<20), "MiB-heap")
		b.ReportMetric(float64(reads.Load()), "reads")
	}
}

// only is what of a node moves to the fifth.
type only struct {
	*redisstore.Store
	next shard.Placement
}

func (o only) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		for info, err := range o.Store.List(ctx, prefix) {
			if err == nil && o.next.Nodes()[o.next.Place(info.Key)].Name != "e" {
				continue
			}
			if !yield(info, err) {
				return
			}
		}
	}
}

func parallel(t testing.TB, workers, n int, do func(i int) error) {
	t.Helper()
	var all sync.WaitGroup
	var at atomic.Int64
	var failed atomic.Value
	for range workers {
		all.Go(func() {
			for i := int(at.Add(1)) - 1; i < n && failed.Load() == nil; i = int(at.Add(1)) - 1 {
				if err := do(i); err != nil {
					failed.Store(err)
				}
			}
		})
	}
	all.Wait()
	if err, _ := failed.Load().(error); err != nil {
		t.Fatal(err)
	}
}

func heap() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
