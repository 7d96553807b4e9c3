package modelcheck

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/larder-go/larder/store"
)

// either sends each call to one of two handles.
type either [2]store.Store

func (e either) any() store.Store { return e[rand.IntN(2)] }

func (e either) Contains(ctx context.Context, key string) (bool, error) {
	return e.any().Contains(ctx, key)
}
func (e either) Get(ctx context.Context, key string) ([]byte, error) { return e.any().Get(ctx, key) }
func (e either) Set(ctx context.Context, key string, value []byte) error {
	return e.any().Set(ctx, key, value)
}
func (e either) Delete(ctx context.Context, key string) error { return e.any().Delete(ctx, key) }
func (e either) Cleanup(ctx context.Context, d time.Duration) (int, error) {
	return e.any().Cleanup(ctx, d)
}
func (e either) Load(ctx context.Context, key string) (*store.Item, error) {
	return store.Load(ctx, e.any(), key)
}
func (e either) Peek(ctx context.Context, key string) (*store.Item, error) {
	return store.Peek(ctx, e.any(), key)
}
func (e either) Swap(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
	return store.Swap(ctx, e.any(), key, old, item)
}
func (e either) Sweep(ctx context.Context, o store.SweepOptions) (store.SweepReport, error) {
	return store.Sweep(ctx, e.any(), o)
}
