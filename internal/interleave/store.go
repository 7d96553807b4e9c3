package interleave

import (
	"context"
	"iter"
	"time"

	"github.com/larder-go/larder/store"
)

// Store passes every call on to Under through Around, with every ability that Under has.
type Store struct {
	Under store.Store

	// Around is called in place of each call and may call it, at any time, or not. It returns the error that the caller gets; with
	// an error of its own, it should not have called. nil: [Turn].
	Around func(ctx context.Context, c Call, call func() error) error
}

// Call is one call of a store.
type Call struct {
	Op  string // the method, in small letters
	Key string // or prefix
	Old store.Version
	New *store.Item // what Swap is to put there
}

var (
	_ store.Toucher   = (*Store)(nil)
	_ store.Lister    = (*Store)(nil)
	_ store.Swapper   = (*Store)(nil)
	_ store.Sweeper   = (*Store)(nil)
	_ store.Expirer   = (*Store)(nil)
	_ store.Inspector = (*Store)(nil)
)

func (s *Store) do(ctx context.Context, c Call, call func() error) error {
	if s.Around == nil {
		return Turn(ctx, c, call)
	}
	return s.Around(ctx, c, call)
}

func (s *Store) Contains(ctx context.Context, key string) (found bool, err error) {
	err = s.do(ctx, Call{Op: "contains", Key: key}, func() (err error) { found, err = s.Under.Contains(ctx, key); return err })
	return found, err
}

func (s *Store) Get(ctx context.Context, key string) (value []byte, err error) {
	err = s.do(ctx, Call{Op: "get", Key: key}, func() (err error) { value, err = s.Under.Get(ctx, key); return err })
	return value, err
}

func (s *Store) Set(ctx context.Context, key string, value []byte) error {
	return s.do(ctx, Call{Op: "set", Key: key}, func() error { return s.Under.Set(ctx, key, value) })
}

func (s *Store) Delete(ctx context.Context, key string) error {
	return s.do(ctx, Call{Op: "delete", Key: key}, func() error { return s.Under.Delete(ctx, key) })
}

func (s *Store) Cleanup(ctx context.Context, idle time.Duration) (n int, err error) {
	err = s.do(ctx, Call{Op: "cleanup"}, func() (err error) { n, err = s.Under.Cleanup(ctx, idle); return err })
	return n, err
}

func (s *Store) Touch(ctx context.Context, key string) error {
	return s.do(ctx, Call{Op: "touch", Key: key}, func() error { return store.Touch(ctx, s.Under, key) })
}

func (s *Store) Load(ctx context.Context, key string) (item *store.Item, err error) {
	err = s.do(ctx, Call{Op: "load", Key: key}, func() (err error) { item, err = store.Load(ctx, s.Under, key); return err })
	return item, err
}

func (s *Store) Peek(ctx context.Context, key string) (item *store.Item, err error) {
	err = s.do(ctx, Call{Op: "peek", Key: key}, func() (err error) { item, err = store.Peek(ctx, s.Under, key); return err })
	return item, err
}

func (s *Store) Swap(ctx context.Context, key string, old store.Version, item *store.Item) (v store.Version, err error) {
	err = s.do(ctx, Call{Op: "swap", Key: key, Old: old, New: item}, func() (err error) {
		v, err = store.Swap(ctx, s.Under, key, old, item)
		return err
	})
	return v, err
}

// List waits its turn once, before the first entry.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		if err := s.do(ctx, Call{Op: "list", Key: prefix}, func() error { return nil }); err != nil {
			yield(store.Info{}, err)
			return
		}
		store.List(ctx, s.Under, prefix)(yield)
	}
}

func (s *Store) Sweep(ctx context.Context, o store.SweepOptions) (r store.SweepReport, err error) {
	err = s.do(ctx, Call{Op: "sweep", Key: o.Prefix}, func() (err error) { r, err = store.Sweep(ctx, s.Under, o); return err })
	return r, err
}

// Expiry and Inspect ask for no entry and wait for nobody.
func (s *Store) Expiry() (store.Expiry, error) { return store.ExpiryOf(s.Under) }

func (s *Store) Inspect(ctx context.Context) ([]store.Fact, error) {
	return store.Inspect(ctx, s.Under)
}
