package mutants

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/larder-go/larder/store"
)

// full is a store with every ability.
type full interface {
	store.Toucher
	store.Lister
	store.Swapper
	store.Sweeper
}

// broken is a good store with some of its methods replaced.
type broken struct {
	full
	contains func(ctx context.Context, key string) (bool, error)
	get      func(ctx context.Context, key string) ([]byte, error)
	set      func(ctx context.Context, key string, value []byte) error
	delete   func(ctx context.Context, key string) error
	cleanup  func(ctx context.Context, idle time.Duration) (int, error)
	touch    func(ctx context.Context, key string) error
	load     func(ctx context.Context, key string) (*store.Item, error)
	peek     func(ctx context.Context, key string) (*store.Item, error)
	swap     func(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error)
	list     func(ctx context.Context, prefix string) iter.Seq2[store.Info, error]
	sweep    func(ctx context.Context, o store.SweepOptions) (store.SweepReport, error)
	expiry   func() (store.Expiry, error)
}

// breakMap makes a mutant's New out of a Map and the hand that breaks it.
func breakMap(hand func(b *broken)) func(store.Expiry) store.Store {
	return func(e store.Expiry) store.Store {
		b := &broken{full: store.NewMap(&store.MapOptions{Expiry: e})}
		hand(b)
		return b
	}
}

func (b *broken) Contains(ctx context.Context, key string) (bool, error) {
	if b.contains != nil {
		return b.contains(ctx, key)
	}
	return b.full.Contains(ctx, key)
}

func (b *broken) Get(ctx context.Context, key string) ([]byte, error) {
	if b.get != nil {
		return b.get(ctx, key)
	}
	return b.full.Get(ctx, key)
}

func (b *broken) Set(ctx context.Context, key string, value []byte) error {
	if b.set != nil {
		return b.set(ctx, key, value)
	}
	return b.full.Set(ctx, key, value)
}

func (b *broken) Delete(ctx context.Context, key string) error {
	if b.delete != nil {
		return b.delete(ctx, key)
	}
	return b.full.Delete(ctx, key)
}

func (b *broken) Cleanup(ctx context.Context, idle time.Duration) (int, error) {
	if b.cleanup != nil {
		return b.cleanup(ctx, idle)
	}
	return b.full.Cleanup(ctx, idle)
}

func (b *broken) Touch(ctx context.Context, key string) error {
	if b.touch != nil {
		return b.touch(ctx, key)
	}
	return b.full.Touch(ctx, key)
}

func (b *broken) Load(ctx context.Context, key string) (*store.Item, error) {
	if b.load != nil {
		return b.load(ctx, key)
	}
	return b.full.Load(ctx, key)
}

func (b *broken) Peek(ctx context.Context, key string) (*store.Item, error) {
	if b.peek != nil {
		return b.peek(ctx, key)
	}
	return b.full.Peek(ctx, key)
}

func (b *broken) Swap(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
	if b.swap != nil {
		return b.swap(ctx, key, old, item)
	}
	return b.full.Swap(ctx, key, old, item)
}

func (b *broken) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	if b.list != nil {
		return b.list(ctx, prefix)
	}
	return b.full.List(ctx, prefix)
}

func (b *broken) Sweep(ctx context.Context, o store.SweepOptions) (store.SweepReport, error) {
	if b.sweep != nil {
		return b.sweep(ctx, o)
	}
	return b.full.Sweep(ctx, o)
}

func (b *broken) Expiry() (store.Expiry, error) {
	if b.expiry != nil {
		return b.expiry()
	}
	return store.ExpiryOf(b.full)
}

func (b *broken) Close() error { return b.full.(io.Closer).Close() }
