package session

import (
	"context"
	"crypto/sha256"
	"hash/maphash"
	"sync"

	"github.com/larder-go/larder/store"
)

// plain lends Load, Peek and Swap to a store that has only the five methods. Within this process it keeps their rules, by a lock around
// read, compare and write, and with the hash of the value as its version. Two processes may overwrite each other's changes, and bring a
// destroyed session back, in the moment between read and write. Deadlines are not passed on: the manager enforces them itself.
type plain struct {
	store.Store
	seed  maphash.Seed
	locks [64]sync.Mutex
}

func newPlain(s store.Store) *plain { return &plain{Store: s, seed: maphash.MakeSeed()} }

func (p *plain) Load(ctx context.Context, key string) (*store.Item, error) {
	value, err := p.Store.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	return &store.Item{Value: value, Version: versionOf(value)}, nil
}

// Peek is a use here, for want of better.
func (p *plain) Peek(ctx context.Context, key string) (*store.Item, error) { return p.Load(ctx, key) }

func (p *plain) Swap(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
	lock := &p.locks[maphash.String(p.seed, key)%uint64(len(p.locks))]
	lock.Lock()
	defer lock.Unlock()
	if old != store.AnyVersion {
		now := store.Version("")
		switch is, err := p.Load(ctx, key); {
		case err == nil:
			now = is.Version
		case err != store.ErrNotFound:
			return "", err
		}
		if now != old {
			return "", store.Wrap("session", "swap", store.ErrConflict)
		}
	}
	if item == nil {
		return "", p.Store.Delete(ctx, key)
	}
	return versionOf(item.Value), p.Store.Set(ctx, key, item.Value)
}

func versionOf(value []byte) store.Version {
	sum := sha256.Sum256(value)
	return store.Version(sum[:16])
}
