package session_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/store"
)

// brokenMap is a Map with a fault. What a manager on it does wrong is what one that does not ask the store for the like, or not in this order,
// would do on any store.
type brokenMap struct {
	*store.Map
	swap   func(m *store.Map, ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error)
	load   func(m *store.Map, ctx context.Context, key string) (*store.Item, error)
	delete func(m *store.Map, ctx context.Context, key string) error
}

func (b *brokenMap) Swap(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
	if b.swap == nil {
		return b.Map.Swap(ctx, key, old, item)
	}
	return b.swap(b.Map, ctx, key, old, item)
}

func (b *brokenMap) Load(ctx context.Context, key string) (*store.Item, error) {
	if b.load == nil {
		return b.Map.Load(ctx, key)
	}
	return b.load(b.Map, ctx, key)
}

func (b *brokenMap) Delete(ctx context.Context, key string) error {
	if b.delete == nil {
		return b.Map.Delete(ctx, key)
	}
	return b.delete(b.Map, ctx, key)
}

// unconditional makes the Swaps that are meant pass whatever stands there.
func unconditional(meant func(old store.Version, item *store.Item) bool) func(*brokenMap) {
	return func(b *brokenMap) {
		b.swap = func(m *store.Map, ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
			if meant(old, item) {
				old = store.AnyVersion
			}
			return m.Swap(ctx, key, old, item)
		}
	}
}

// changedItem makes Swap store something else, where it does not begin an entry.
func changedItem(change func(item *store.Item)) func(*brokenMap) {
	return func(b *brokenMap) {
		b.swap = func(m *store.Map, ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
			if item != nil && old != "" {
				other := *item
				change(&other)
				item = &other
			}
			return m.Swap(ctx, key, old, item)
		}
	}
}

var mapFaults = []struct {
	name    string
	breakIt func(*brokenMap)
}{
	{"Swap ignores the version", unconditional(func(old store.Version, item *store.Item) bool { return item != nil && old != "" })},
	{"Swap with \"\" overwrites", unconditional(func(old store.Version, item *store.Item) bool { return item != nil && old == "" })},
	{"removal ignores the version", unconditional(func(_ store.Version, item *store.Item) bool { return item == nil })},
	{"removal does nothing", func(b *brokenMap) {
		b.swap = func(m *store.Map, ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
			if item == nil {
				return "", nil
			}
			return m.Swap(ctx, key, old, item)
		}
	}},
	{"a conflict is not told", func(b *brokenMap) {
		b.swap = func(m *store.Map, ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
			v, err := m.Swap(ctx, key, old, item)
			if err != nil {
				return "stale", nil
			}
			return v, nil
		}
	}},
	{"a removed entry is brought back", func(b *brokenMap) {
		b.swap = func(m *store.Map, ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
			if _, err := m.Peek(ctx, key); err != nil && item != nil {
				old = ""
			}
			return m.Swap(ctx, key, old, item)
		}
	}},
	{"Delete does nothing", func(b *brokenMap) {
		b.delete = func(*store.Map, context.Context, string) error { return nil }
	}},
	{"the deadline is lost", changedItem(func(item *store.Item) { item.Expires = time.Time{} })},
	{"half of the record is lost", changedItem(func(item *store.Item) { item.Value = item.Value[:len(item.Value)/2] })},
	{"Load serves a copy of before", func(b *brokenMap) {
		var mu sync.Mutex
		last := map[string]*store.Item{} // as loaded the time before
		b.load = func(m *store.Map, ctx context.Context, key string) (*store.Item, error) {
			mu.Lock()
			defer mu.Unlock()
			item, err := m.Load(ctx, key)
			if before := last[key]; before != nil && (err != nil || before.Version != item.Version) {
				delete(last, key) // served once more
				return before, nil
			}
			if err == nil {
				last[key] = item
			}
			return item, err
		}
	}},
	{"Load mixes an old value with the new version", func(b *brokenMap) {
		var mu sync.Mutex
		first := map[string][]byte{}
		b.load = func(m *store.Map, ctx context.Context, key string) (*store.Item, error) {
			mu.Lock()
			defer mu.Unlock()
			item, err := m.Load(ctx, key)
			if err != nil {
				return nil, err
			}
			if first[key] == nil {
				first[key] = item.Value
			}
			item.Value = first[key]
			return item, nil
		}
	}},
}

// TestRacesHaveTeeth: every fault is found by the pairs of TestInterleavings, which find nothing in a correct store.
func TestRacesHaveTeeth(t *testing.T) {
	for _, fault := range mapFaults {
		t.Run(fault.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if found := bite(t, fault.breakIt); found == "" {
					t.Error("not found by any pair")
				} else {
					t.Logf("found by %.300s", found)
				}
			})
		})
	}
}

// bite returns the first schedule that shows the fault.
func bite(t *testing.T, breakIt func(*brokenMap)) string {
	breakMap := func(m store.Store) store.Store {
		b := &brokenMap{Map: m.(*store.Map)}
		breakIt(b)
		return b
	}
	for _, s := range []start{starts[0], starts[2]} {
		for i, a := range racing {
			for _, b := range racing[i:] {
				if _, bad, first := enumerate(t, s, true, breakMap, a, b); bad > 0 {
					return s.name + ", " + a.name + "/" + b.name + ": " + first
				}
			}
		}
	}
	return ""
}
