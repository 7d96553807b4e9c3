package storetest_test

import (
	"testing"

	"github.com/larder-go/larder/internal/traits"
	"github.com/larder-go/larder/store"
	"github.com/larder-go/larder/store/storetest"
)

func newMap(t *testing.T, e store.Expiry) store.Store {
	m := store.NewMap(&store.MapOptions{Expiry: e})
	t.Cleanup(func() { m.Close() })
	return m
}

func TestMap(t *testing.T) {
	storetest.Run(t, storetest.Config{New: newMap, Lacks: traits.Of("map").Lacks})
}

func TestMapBubble(t *testing.T) { storetest.Run(t, storetest.Config{New: newMap, Bubble: true}) }

func TestMapLimited(t *testing.T) {
	storetest.Run(t, storetest.Config{
		MaxValue: 1_000_000,
		New: func(t *testing.T, e store.Expiry) store.Store {
			return store.NewMap(&store.MapOptions{Expiry: e, MaxValue: 1_000_000})
		},
	})
}

func TestPrefix(t *testing.T) {
	const prefix = "app:é/"
	storetest.Run(t, storetest.Config{
		MaxKey: store.MaxKeyLen - len(prefix),
		New: func(t *testing.T, e store.Expiry) store.Store {
			m := newMap(t, e)
			for _, key := range []string{"app", "app:", "app:é", "app:é0", "b", prefix} { // what is not under the prefix
				m.Set(t.Context(), key, []byte("another's"))
			}
			return store.Prefix(m, prefix)
		},
	})
}

var customLacks = []string{"swap", "list", "sweep", "timeout"}

func newCustom(*testing.T, store.Expiry) store.Store {
	return &Custom{m: map[string]*store.Item{}}
}

func TestCustom(t *testing.T) {
	storetest.Run(t, storetest.Config{New: newCustom, Lacks: customLacks})
}

// TestPrefixCustom: what a store lacks, it lacks through a wrapper, too, and says so as it should.
func TestPrefixCustom(t *testing.T) {
	storetest.Run(t, storetest.Config{
		MaxKey: store.MaxKeyLen - len("p/"),
		New:    func(t *testing.T, e store.Expiry) store.Store { return store.Prefix(newCustom(t, e), "p/") },
		// A prefix cannot know the Timeout underneath, so it refuses an idle time that is as long.
		Lacks: append([]string{"cleanup", "cleanup/by-itself"}, customLacks...),
	})
}
