package live

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/larder-go/larder/store"
	"github.com/larder-go/larder/store/storetest/internal/cases"
)

// view is the store that a case is given: a handle of its own, seen through a prefix of its own, that keeps account of what it writes.
// It lacks what the run says is lacking.
type view struct {
	run    *run
	whole  store.Closer
	prefix string
	expiry store.Expiry
	closed atomic.Bool
}

var (
	_ store.Toucher = (*view)(nil)
	_ store.Lister  = (*view)(nil)
	_ store.Swapper = (*view)(nil)
	_ store.Sweeper = (*view)(nil)
	_ store.Expirer = (*view)(nil)
)

func (r *run) newStore(t cases.T, e store.Expiry) store.Store {
	return r.open(t, e, fmt.Sprintf("%s%0*x/", r.root, hexDigits, r.stores.Add(1)))
}

func (r *run) reopen(t cases.T, s store.Store) store.Store {
	v := s.(*view)
	return r.open(t, v.expiry, v.prefix)
}

func (r *run) open(t cases.T, e store.Expiry, prefix string) store.Store {
	whole, err := r.cfg.Open(t.Context(), e)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	v := &view{run: r, whole: whole, prefix: prefix, expiry: e}
	t.Cleanup(func() {
		if !v.closed.Load() {
			v.Close()
		}
	})
	return v
}

// Close closes the handle, also a second time: what it says then is the store's business.
func (v *view) Close() error {
	v.closed.Store(true)
	return v.whole.Close()
}

// write lets do change the entry under key, which has its prefix, unless the run is over.
func (v *view) write(op, key string, do func() error) error {
	if !v.run.gate.enter() {
		return store.Wrap("live", op, errors.New("the run is over"))
	}
	defer v.run.gate.leave()
	if !v.run.lists {
		v.run.written.note(key)
	}
	return do()
}

// full puts the prefix before key. It leaves it to the store to refuse what is no key, so not package store's own view: only the empty key
// is refused here, for with its prefix it would be one.
func (v *view) full(op, key string) (string, error) {
	if key == "" {
		return "", store.Wrap("live", op, store.CheckKey(key))
	}
	return v.prefix + key, nil
}

func (v *view) Contains(ctx context.Context, key string) (bool, error) {
	key, err := v.full("contains", key)
	if err != nil {
		return false, err
	}
	return v.whole.Contains(ctx, key)
}

func (v *view) Get(ctx context.Context, key string) ([]byte, error) {
	key, err := v.full("get", key)
	if err != nil {
		return nil, err
	}
	return v.whole.Get(ctx, key)
}

func (v *view) Set(ctx context.Context, key string, value []byte) error {
	key, err := v.full("set", key)
	if err != nil {
		return err
	}
	return v.write("set", key, func() error { return v.whole.Set(ctx, key, value) })
}

func (v *view) Delete(ctx context.Context, key string) error {
	key, err := v.full("delete", key)
	if err != nil {
		return err
	}
	return v.whole.Delete(ctx, key)
}

func (v *view) Touch(ctx context.Context, key string) error {
	key, err := v.full("touch", key)
	if err != nil {
		return err
	}
	return store.Touch(ctx, v.whole, key)
}

func (v *view) Load(ctx context.Context, key string) (*store.Item, error) {
	return v.read(ctx, "load", key, store.Load)
}

func (v *view) Peek(ctx context.Context, key string) (*store.Item, error) {
	return v.read(ctx, "peek", key, store.Peek)
}

func (v *view) read(ctx context.Context, op, key string, do func(context.Context, store.Store, string) (*store.Item, error)) (*store.Item, error) {
	key, err := v.full(op, key)
	if err != nil && v.run.can(cases.Swap) {
		return nil, err
	}
	return do(ctx, v.whole, key)
}

func (v *view) Swap(ctx context.Context, key string, old store.Version, item *store.Item) (version store.Version, err error) {
	key, err = v.full("swap", key)
	switch {
	case !v.run.can(cases.Swap):
		return store.Swap(ctx, v.whole, key, old, item)
	case err != nil:
		return "", err
	}
	err = v.write("swap", key, func() error {
		version, err = store.Swap(ctx, v.whole, key, old, item)
		return err
	})
	return version, err
}

func (v *view) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		if !v.run.can(cases.List) {
			yield(store.Info{}, v.lacking("list"))
			return
		}
		for info, err := range store.List(ctx, v.whole, v.prefix+prefix) {
			info.Key = strings.TrimPrefix(info.Key, v.prefix)
			if !yield(info, err) {
				return
			}
		}
	}
}

func (v *view) Sweep(ctx context.Context, o store.SweepOptions) (store.SweepReport, error) {
	if !v.run.can(cases.Sweep) {
		return store.SweepReport{}, v.lacking("sweep")
	}
	o.Prefix = v.prefix + o.Prefix
	return store.Sweep(ctx, v.whole, o)
}

// Cleanup reaches the store's own only where that knows the prefix or removes nothing. Elsewhere it answers as a store that has nothing
// to remove, for cases on other rules call it too; those on Cleanup are left out.
func (v *view) Cleanup(ctx context.Context, idle time.Duration) (int, error) {
	switch {
	case v.run.can(cases.Cleanup):
		r, err := v.Sweep(ctx, store.SweepOptions{Idle: idle})
		return r.Removed, err
	case v.run.cfg.Expires && !v.run.slow:
		return v.whole.Cleanup(ctx, idle)
	case v.closed.Load():
		return 0, store.Wrap("live", "cleanup", os.ErrClosed)
	case ctx.Err() != nil:
		return 0, store.Wrap("live", "cleanup", ctx.Err())
	case idle > 0:
		return 0, v.lacking("cleanup")
	}
	return 0, nil
}

// Expiry is that of the deployment.
func (v *view) Expiry() (store.Expiry, error) { return store.ExpiryOf(v.whole) }

func (v *view) lacking(op string) error {
	return store.Wrap("live", op, errors.ErrUnsupported)
}
