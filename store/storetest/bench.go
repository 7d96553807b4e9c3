package storetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larder-go/larder/store"
	"github.com/larder-go/larder/store/storetest/internal/cases"
)

// Bench measures the store that cfg describes, with values of 600 bytes. What the store lacks is left out. Compare runs of one
// machine only; for a ratio to a raw client, measure both in one run.
//
//	func BenchmarkStore(b *testing.B) { storetest.Bench(b, config) }
func Bench(b *testing.B, cfg Config) {
	bench := func(name string, f func(b *testing.B, s store.Store)) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			withT(b, func(t *testing.T) { f(b, cfg.New(t, store.Expiry{Timeout: time.Hour})) })
		})
	}
	bench("get", benchEach(benchKeys, func(ctx context.Context, s store.Store, key string) error {
		_, err := s.Get(ctx, key)
		return err
	}))
	bench("contains", benchEach(benchKeys, func(ctx context.Context, s store.Store, key string) error {
		_, err := s.Contains(ctx, key)
		return err
	}))
	bench("touch", benchEach(benchKeys, func(ctx context.Context, s store.Store, key string) error { return store.Touch(ctx, s, key) }))
	bench("set/new", benchEach(0, benchSet))
	bench("set/overwrite", benchEach(benchKeys, benchSet))
	bench("delete", benchDelete)
	if !slices.Contains(cfg.Lacks, cases.Swap) {
		bench("swap", benchSwap)
	}
	bench("parallel/get", benchParallel(func(ctx context.Context, s store.Store, key string) error {
		_, err := s.Get(ctx, key)
		return err
	}))
	bench("parallel/set", benchParallel(benchSet))
	if !slices.Contains(cfg.Lacks, cases.Swap) && !slices.Contains(cfg.Lacks, cases.Cleanup) {
		bench("cleanup", benchCleanup)
	}
}

const (
	benchValue = 600  // bytes: those of a usual session
	benchKeys  = 1000 // entries among which the calls choose
)

// withT calls f with a *testing.T, which Config.New wants and a benchmark has not. What f leaves to t.Cleanup is done afterwards.
func withT(b *testing.B, f func(t *testing.T)) {
	b.Helper()
	var once sync.Once // RunTests heeds -count and -cpu, and so does the benchmark around it
	procs := runtime.GOMAXPROCS(0)
	ok := testing.RunTests(func(_, _ string) (bool, error) { return true, nil }, []testing.InternalTest{{Name: b.Name(), F: func(t *testing.T) {
		once.Do(func() {
			runtime.GOMAXPROCS(procs)
			f(t)
		})
	}}})
	runtime.GOMAXPROCS(procs)
	if !ok {
		b.Fail()
	}
}

func benchKey(i int) string { return fmt.Sprintf("session/%016x", uint64(i)*0x9e3779b97f4a7c15) }

func benchSet(ctx context.Context, s store.Store, key string) error {
	return s.Set(ctx, key, make([]byte, benchValue))
}

// benchFill puts n entries into s.
func benchFill(b *testing.B, s store.Store, n int) {
	for i := range n {
		if err := benchSet(b.Context(), s, benchKey(i)); err != nil {
			b.Errorf("Set: %v", err)
			return
		}
	}
}

// benchEach measures do on one of keys entries after another, or where keys is 0, on a new key each time.
func benchEach(keys int, do func(ctx context.Context, s store.Store, key string) error) func(*testing.B, store.Store) {
	return func(b *testing.B, s store.Store) {
		benchFill(b, s, keys)
		i := 0
		for b.Loop() {
			key := i
			if keys > 0 {
				key = i % keys
			}
			if err := do(b.Context(), s, benchKey(key)); err != nil {
				b.Error(err)
				return
			}
			i++
		}
	}
}

// benchDelete measures a Delete and the Set that goes before it: no clock can be stopped for so short a time. Subtract set/new.
func benchDelete(b *testing.B, s store.Store) {
	i := 0
	for b.Loop() {
		key := benchKey(i)
		if err := errors.Join(benchSet(b.Context(), s, key), s.Delete(b.Context(), key)); err != nil {
			b.Error(err)
			return
		}
		i++
	}
}

func benchSwap(b *testing.B, s store.Store) {
	value := make([]byte, benchValue)
	versions := make([]store.Version, benchKeys)
	i := 0
	for b.Loop() {
		k := i % benchKeys
		v, err := store.Swap(b.Context(), s, benchKey(k), versions[k], &store.Item{Value: value})
		if err != nil {
			b.Error(err)
			return
		}
		versions[k] = v
		i++
	}
}

// benchParallel measures do from 8 goroutines for each processor.
func benchParallel(do func(ctx context.Context, s store.Store, key string) error) func(*testing.B, store.Store) {
	return func(b *testing.B, s store.Store) {
		benchFill(b, s, benchKeys)
		b.SetParallelism(8)
		var next atomic.Int64
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for i := int(next.Add(7919)); pb.Next(); i++ {
				if err := do(b.Context(), s, benchKey(i%benchKeys)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
}

// benchCleanup measures a Cleanup of 20,000 entries, or 2,000 with -short, of which 1 in 1000 is due, and the writing of those.
func benchCleanup(b *testing.B, s store.Store) {
	n := 20_000
	if testing.Short() {
		n = 2_000
	}
	benchFill(b, s, n)
	dead := time.Now().Add(-3 * time.Hour)
	for b.Loop() {
		for i := 0; i < n; i += 1000 {
			item := &store.Item{Value: make([]byte, benchValue), Atime: dead}
			if _, err := store.Swap(b.Context(), s, benchKey(i), store.AnyVersion, item); err != nil {
				b.Error(err)
				return
			}
		}
		if removed, err := s.Cleanup(b.Context(), 0); removed != n/1000 || err != nil {
			b.Errorf("Cleanup = %d, %v; want %d", removed, err, n/1000)
			return
		}
	}
	b.ReportMetric(float64(n), "entries")
}
