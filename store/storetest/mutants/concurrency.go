package mutants

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/larder-go/larder/store"
)

func concurrencyMutants() []Mutant {
	return []Mutant{
		{Name: "cross-talk", Fault: "goes on with a connection whose last reply nobody has read", Seen: "redis-py CVE-2023-28858, go-redis CVE-2025-29923", Case: "concurrency/cancels",
			New: breakMap(func(b *broken) {
				var mu sync.Mutex
				var unread [][]byte
				b.get = func(ctx context.Context, key string) ([]byte, error) {
					value, err := b.full.Get(context.WithoutCancel(ctx), key)
					mu.Lock()
					defer mu.Unlock()
					if err != nil || ctx.Done() == nil && len(unread) == 0 {
						return value, err
					}
					unread = append(unread, value)
					select {
					case <-ctx.Done():
						return nil, store.Wrap("plain", "get", ctx.Err())
					case <-time.After(100 * time.Microsecond):
					}
					value, unread = unread[0], unread[1:]
					return value, nil
				}
			})},
		{Name: "shared-buffer", Fault: "reads every value through one buffer", Case: "concurrency/mixed", New: breakMap(func(b *broken) {
			var mu sync.Mutex
			var buffer []byte
			b.get = func(ctx context.Context, key string) ([]byte, error) {
				value, err := b.full.Get(ctx, key)
				if err != nil {
					return nil, err
				}
				mu.Lock()
				buffer = append(buffer[:0], value...)
				mu.Unlock()
				runtime.Gosched()
				mu.Lock()
				defer mu.Unlock()
				return slices.Clone(buffer), nil
			}
		})},
		{Name: "in-place", Fault: "writes over the old value while others read it", Seen: "gorilla's FilesystemStore, gokv's file store", Case: "concurrency/mixed", New: breakMap(func(b *broken) {
			b.set = func(ctx context.Context, key string, value []byte) error {
				if err := b.full.Set(ctx, key, value[:len(value)/2]); err != nil {
					return err
				}
				runtime.Gosched()
				return b.full.Set(ctx, key, value)
			}
		})},
		{Name: "one-temp", Fault: "writes every value to one temporary name first", Seen: "web.py's DiskStore", Case: "concurrency/own", New: breakMap(func(b *broken) {
			var mu sync.Mutex
			var temp []byte
			b.set = func(ctx context.Context, key string, value []byte) error {
				mu.Lock()
				temp = slices.Clone(value)
				mu.Unlock()
				runtime.Gosched()
				mu.Lock()
				value = temp
				mu.Unlock()
				return b.full.Set(ctx, key, value)
			}
		})},
		{Name: "index-lost", Fault: "loads the index of its keys, adds one, and saves it, without a lock", Seen: "stores that keep all entries in one blob", Case: "concurrency/new-keys",
			New: breakPlain(func(b *broken, p *plain) {
				b.set = func(ctx context.Context, key string, value []byte) error {
					if err := p.enter(ctx, "set", key); err != nil {
						return err
					}
					index := make(map[string]*store.Item, len(p.items))
					for k, item := range p.items {
						index[k] = item
					}
					p.mu.Unlock()
					runtime.Gosched()
					p.mu.Lock()
					defer p.mu.Unlock()
					p.items = index
					p.put(key, &store.Item{Value: value})
					return nil
				}
			})},
	}
}
