package session

import (
	"context"
	"crypto/sha256"
	"hash/maphash"

	"github.com/larder-go/larder/store"
)

// plain lends Load, Peek and Swap to a store that has only the five methods. For one manager it keeps their rules, by a lock around read,
// compare and write, and with the hash of the value as its version. Two processes, or two managers, may overwrite each other's changes, and bring
// a destroyed session back, in the moment between read and write. Deadlines are not passed on: the manager enforces them itself.
type plain struct {
	store.Store
	seed  maphash.Seed
	locks [64]chan struct{} // each taken while it is full, so that a context can end the wait
}

func newPlain(s store.Store) *plain {
	p := &plain{Store: s, seed: maphash.MakeSeed()}
	for n := range p.locks {
		p.locks[n] = make(chan struct{}, 1)
	}
	return p
}

func (p *plain) lock(ctx context.Context, key string) (unlock func(), err error) {
	lock := p.locks[maphash.String(p.seed, key)%uint64(len(p.locks))]
	select {
	case lock <- struct{}{}:
		return func() { <-lock }, nil
	case <-ctx.Done():
		return nil, store.Wrap("session", "lock", ctx.Err())
	}
}

// Expiry is that of the store.
func (p *plain) Expiry() (store.Expiry, error) { return store.ExpiryOf(p.Store) }

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
	unlock, err := p.lock(ctx, key)
	if err != nil {
		return "", err
	}
	defer unlock()
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

// Delete waits for a Swap under way, or that would bring back what it removes.
func (p *plain) Delete(ctx context.Context, key string) error {
	unlock, err := p.lock(ctx, key)
	if err != nil {
		return err
	}
	defer unlock()
	return p.Store.Delete(ctx, key)
}

func versionOf(value []byte) store.Version {
	sum := sha256.Sum256(value)
	return store.Version(sum[:16])
}
