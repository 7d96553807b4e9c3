package demo

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/larder-go/larder/store"
)

// switchable is a store in whose place another can be put while it is in use.
type switchable struct {
	mu     sync.Mutex
	now    *ringView
	former []*ringView // those that may still be in use
}

// ringView is one of the stores, and how many use it.
type ringView struct {
	store.Store
	users int
	idle  chan struct{} // closed when it has been replaced and nobody uses it
}

var (
	_ store.Toucher   = (*switchable)(nil)
	_ store.Lister    = (*switchable)(nil)
	_ store.Resumer   = (*switchable)(nil)
	_ store.Swapper   = (*switchable)(nil)
	_ store.Sweeper   = (*switchable)(nil)
	_ store.Inspector = (*switchable)(nil)
	_ store.Expirer   = (*switchable)(nil)
)

func newSwitchable(s store.Store) *switchable {
	return &switchable{now: &ringView{Store: s, idle: make(chan struct{})}}
}

// set puts next in place, and returns when nothing is under way any more on what was there. Of three views in a row only neighbours agree on where
// a key is written, so the next but one must not be put in place before. Where ctx ends first, set may be called again.
func (w *switchable) set(ctx context.Context, next store.Store) error {
	w.mu.Lock()
	if w.now.users == 0 {
		close(w.now.idle)
	}
	w.former = append(w.former, w.now)
	w.now = &ringView{Store: next, idle: make(chan struct{})}
	former := w.former
	w.mu.Unlock()
	for _, v := range former {
		select {
		case <-v.idle:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.former = nil
	return nil
}

func (w *switchable) use() *ringView {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now.users++
	return w.now
}

func (w *switchable) leave(v *ringView) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if v.users--; v.users == 0 && v != w.now {
		close(v.idle)
	}
}

func (w *switchable) Contains(ctx context.Context, key string) (bool, error) {
	v := w.use()
	defer w.leave(v)
	return v.Store.Contains(ctx, key)
}

func (w *switchable) Get(ctx context.Context, key string) ([]byte, error) {
	v := w.use()
	defer w.leave(v)
	return v.Store.Get(ctx, key)
}

func (w *switchable) Set(ctx context.Context, key string, value []byte) error {
	v := w.use()
	defer w.leave(v)
	return v.Store.Set(ctx, key, value)
}

func (w *switchable) Delete(ctx context.Context, key string) error {
	v := w.use()
	defer w.leave(v)
	return v.Store.Delete(ctx, key)
}

func (w *switchable) Cleanup(ctx context.Context, idle time.Duration) (int, error) {
	v := w.use()
	defer w.leave(v)
	return v.Store.Cleanup(ctx, idle)
}

func (w *switchable) Touch(ctx context.Context, key string) error {
	v := w.use()
	defer w.leave(v)
	return store.Touch(ctx, v.Store, key)
}

func (w *switchable) Load(ctx context.Context, key string) (*store.Item, error) {
	v := w.use()
	defer w.leave(v)
	return store.Load(ctx, v.Store, key)
}

func (w *switchable) Peek(ctx context.Context, key string) (*store.Item, error) {
	v := w.use()
	defer w.leave(v)
	return store.Peek(ctx, v.Store, key)
}

func (w *switchable) Swap(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
	v := w.use()
	defer w.leave(v)
	return store.Swap(ctx, v.Store, key, old, item)
}

func (w *switchable) Sweep(ctx context.Context, o store.SweepOptions) (store.SweepReport, error) {
	v := w.use()
	defer w.leave(v)
	return store.Sweep(ctx, v.Store, o)
}

func (w *switchable) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	return w.list(func(s store.Store) iter.Seq2[store.Info, error] { return store.List(ctx, s, prefix) })
}

func (w *switchable) ListAfter(ctx context.Context, prefix, after string) iter.Seq2[store.Info, error] {
	return w.list(func(s store.Store) iter.Seq2[store.Info, error] { return store.ListAfter(ctx, s, prefix, after) })
}

func (w *switchable) list(of func(store.Store) iter.Seq2[store.Info, error]) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		v := w.use()
		defer w.leave(v)
		of(v.Store)(yield)
	}
}

func (w *switchable) Inspect(ctx context.Context) ([]store.Fact, error) {
	v := w.use()
	defer w.leave(v)
	return store.Inspect(ctx, v.Store)
}

func (w *switchable) Expiry() (store.Expiry, error) {
	v := w.use()
	defer w.leave(v)
	return store.ExpiryOf(v.Store)
}
