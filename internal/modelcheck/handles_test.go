package modelcheck

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/larder-go/larder/diskstore"
	"github.com/larder-go/larder/store"
)

// either sends each call to one of two handles of the same folder, as the clients of two processes would.
type either [2]*diskstore.Store

func (e either) any() *diskstore.Store { return e[rand.IntN(2)] }

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
	return e.any().Load(ctx, key)
}
func (e either) Peek(ctx context.Context, key string) (*store.Item, error) {
	return e.any().Peek(ctx, key)
}
func (e either) Swap(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
	return e.any().Swap(ctx, key, old, item)
}

func TestLinearTwoHandles(t *testing.T) {
	folder := dir(t)
	var both either
	for i := range both {
		s, err := diskstore.Open(folder, &diskstore.Options{Expiry: Expiry})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		both[i] = s
	}
	Linear(t, both, 50_000, uint64(time.Now().UnixNano()))
}
