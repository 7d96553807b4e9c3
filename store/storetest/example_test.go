package storetest_test

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/larder-go/larder/store"
	"github.com/larder-go/larder/store/storetest"
)

// Custom is a store of one's own in 40 lines: a map under a lock. It records every use, and leaves it to Cleanup to remove
// what nobody has used: until then an entry is there, so it lacks "timeout".
type Custom struct {
	sync.Mutex
	m map[string]*store.Item
}

// do calls f with the entry under key, or nil, once key and ctx are found good.
func (c *Custom) do(ctx context.Context, op, key string, f func(e *store.Item)) error {
	c.Lock()
	defer c.Unlock()
	err := store.Wrap("custom", op, cmp.Or(store.CheckKey(key), ctx.Err()))
	if err == nil {
		f(c.m[key])
	}
	return err
}

func (c *Custom) Contains(ctx context.Context, key string) (ok bool, err error) {
	err = c.do(ctx, "contains", key, func(e *store.Item) { ok = e != nil })
	return ok, err
}

func (c *Custom) Get(ctx context.Context, key string) (value []byte, err error) {
	missing := store.ErrNotFound
	err = c.do(ctx, "get", key, func(e *store.Item) {
		if e != nil {
			e.Atime, value, missing = time.Now(), append([]byte{}, e.Value...), nil
		}
	})
	return value, cmp.Or(err, missing)
}

func (c *Custom) Set(ctx context.Context, key string, value []byte) error {
	return c.do(ctx, "set", key, func(*store.Item) { c.m[key] = &store.Item{Value: slices.Clone(value), Atime: time.Now()} })
}

func (c *Custom) Delete(ctx context.Context, key string) error {
	return c.do(ctx, "delete", key, func(*store.Item) { delete(c.m, key) })
}

func (c *Custom) Cleanup(ctx context.Context, idle time.Duration) (n int, err error) {
	err = c.do(ctx, "cleanup", "any", func(*store.Item) {
		n = len(c.m)
		maps.DeleteFunc(c.m, func(_ string, e *store.Item) bool { return e.Atime.Before(time.Now().Add(-idle)) && idle > 0 })
		n -= len(c.m)
	})
	return n, err
}

// The test of a store: how to open it, and what it lacks.
func Example() {
	_ = func(t *testing.T) { // func TestCustom(t *testing.T)
		storetest.Run(t, storetest.Config{
			New: func(*testing.T, store.Expiry) store.Store {
				return &Custom{m: map[string]*store.Item{}}
			},
			Lacks: []string{"swap", "list", "sweep", "timeout"},
		})
	}
	// Output:
}
