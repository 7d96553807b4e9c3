package mutants

import (
	"context"
	"sync"

	"github.com/larder-go/larder/store"
)

// again is a Reopen that breaks a second handle on what the first one holds.
func again(hand func(b *broken)) func(store.Store) store.Store {
	return func(s store.Store) store.Store {
		b := &broken{full: s.(*broken).full}
		hand(b)
		return b
	}
}

// twice is both handles broken alike.
func twice(m Mutant, hand func(b *broken)) Mutant {
	m.New, m.Reopen = breakMap(hand), again(hand)
	return m
}

func handleMutants() []Mutant {
	return []Mutant{
		twice(Mutant{Name: "handle-mutex", Fault: "guards what several processes share with a mutex of one process", Seen: "gorilla's FilesystemStore; go-cloud's fileblob", Case: "handles/create-once"},
			func(b *broken) {
				var mu sync.Mutex
				racy := lookThenWrite(b.full, func(store.Version) bool { return true })
				b.swap = func(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
					mu.Lock()
					defer mu.Unlock()
					return racy(ctx, key, old, item)
				}
			}),
		twice(Mutant{Name: "handle-cache", Fault: "keeps in memory what it has read, also when another process writes", Case: "handles/seen"}, func(b *broken) {
			var mu sync.Mutex
			cache := map[string][]byte{}
			b.get = func(ctx context.Context, key string) ([]byte, error) {
				mu.Lock()
				defer mu.Unlock()
				if value, ok := cache[key]; ok {
					return value, ctx.Err()
				}
				value, err := b.full.Get(ctx, key)
				if err == nil {
					cache[key] = value
				}
				return value, err
			}
		}),
		twice(Mutant{Name: "handle-versions", Fault: "keeps the versions in the memory of one process", Case: "handles/swap"}, func(b *broken) {
			var mu sync.Mutex
			local := map[string]store.Version{}
			b.swap = func(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
				mu.Lock()
				defer mu.Unlock()
				if mine, ok := local[key]; ok && mine == old {
					old = store.AnyVersion
				}
				v, err := b.full.Swap(ctx, key, old, item)
				if err == nil {
					local[key] = v
				}
				return v, err
			}
		}),
	}
}
