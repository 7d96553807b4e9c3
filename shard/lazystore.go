package shard

import (
	"context"
	"iter"
	"time"

	"github.com/larder-go/larder/store"
)

var (
	_ store.Toucher   = (*lazy)(nil)
	_ store.Lister    = (*lazy)(nil)
	_ store.Resumer   = (*lazy)(nil)
	_ store.Swapper   = (*lazy)(nil)
	_ store.Sweeper   = (*lazy)(nil)
	_ store.Inspector = (*lazy)(nil)
	_ store.Expirer   = (*lazy)(nil)
)

func (l *lazy) Contains(ctx context.Context, key string) (bool, error) {
	s, err := l.get(ctx)
	if err != nil {
		return false, err
	}
	return s.Contains(ctx, key)
}

func (l *lazy) Get(ctx context.Context, key string) ([]byte, error) {
	s, err := l.get(ctx)
	if err != nil {
		return nil, err
	}
	return s.Get(ctx, key)
}

func (l *lazy) Set(ctx context.Context, key string, value []byte) error {
	s, err := l.get(ctx)
	if err != nil {
		return err
	}
	return s.Set(ctx, key, value)
}

func (l *lazy) Delete(ctx context.Context, key string) error {
	s, err := l.get(ctx)
	if err != nil {
		return err
	}
	return s.Delete(ctx, key)
}

func (l *lazy) Cleanup(ctx context.Context, idle time.Duration) (int, error) {
	s, err := l.get(ctx)
	if err != nil {
		return 0, err
	}
	return s.Cleanup(ctx, idle)
}

func (l *lazy) Touch(ctx context.Context, key string) error {
	s, err := l.get(ctx)
	if err != nil {
		return err
	}
	return store.Touch(ctx, s, key)
}

func (l *lazy) Load(ctx context.Context, key string) (*store.Item, error) {
	s, err := l.get(ctx)
	if err != nil {
		return nil, err
	}
	return store.Load(ctx, s, key)
}

func (l *lazy) Peek(ctx context.Context, key string) (*store.Item, error) {
	s, err := l.get(ctx)
	if err != nil {
		return nil, err
	}
	return store.Peek(ctx, s, key)
}

func (l *lazy) Swap(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
	s, err := l.get(ctx)
	if err != nil {
		return "", err
	}
	return store.Swap(ctx, s, key, old, item)
}

func (l *lazy) Sweep(ctx context.Context, o store.SweepOptions) (store.SweepReport, error) {
	s, err := l.get(ctx)
	if err != nil {
		return store.SweepReport{}, err
	}
	return store.Sweep(ctx, s, o)
}

func (l *lazy) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	return l.list(ctx, func(s store.Store) iter.Seq2[store.Info, error] { return store.List(ctx, s, prefix) })
}

func (l *lazy) ListAfter(ctx context.Context, prefix, after string) iter.Seq2[store.Info, error] {
	return l.list(ctx, func(s store.Store) iter.Seq2[store.Info, error] { return store.ListAfter(ctx, s, prefix, after) })
}

func (l *lazy) list(ctx context.Context, list func(store.Store) iter.Seq2[store.Info, error]) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		s, err := l.get(ctx)
		if err != nil {
			yield(store.Info{}, err)
			return
		}
		list(s)(yield)
	}
}

func (l *lazy) Inspect(ctx context.Context) ([]store.Fact, error) {
	s, err := l.get(ctx)
	if err != nil {
		return nil, err
	}
	return store.Inspect(ctx, s)
}

// Expiry opens nothing: it is to be known without the backend.
func (l *lazy) Expiry() (store.Expiry, error) {
	n := l.ready.Load()
	if n == nil {
		return store.Expiry{}, errNotOpen
	}
	return store.ExpiryOf(n.Closer)
}
