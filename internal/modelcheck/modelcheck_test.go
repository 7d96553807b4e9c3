package modelcheck

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/larder-go/larder/store"
)

// TestLinearCatches proves that the check has teeth.
func TestLinearCatches(t *testing.T) {
	for name, s := range map[string]store.Store{
		"check, then write": loose{store.NewMap(nil), func(ctx context.Context, m *store.Map, key string, old store.Version, item *store.Item) (store.Version, error) {
			if have, err := m.Peek(ctx, key); err == nil && have.Version != old && old != store.AnyVersion || err != nil && old != "" {
				return "", store.ErrConflict
			}
			runtime.Gosched()
			return m.Swap(ctx, key, store.AnyVersion, item)
		}},
		"a late save brings back what was deleted": loose{store.NewMap(nil), func(ctx context.Context, m *store.Map, key string, old store.Version, item *store.Item) (store.Version, error) {
			v, err := m.Swap(ctx, key, old, item)
			if errors.Is(err, store.ErrConflict) && old != "" {
				if ok, _ := m.Contains(ctx, key); !ok {
					return m.Swap(ctx, key, "", item)
				}
			}
			return v, err
		}},
	} {
		history := record(t, s, 20_000, 1)
		if porcupine.CheckOperationsTimeout(linearModel, history, time.Minute) != porcupine.Illegal {
			t.Errorf("%s: not noticed", name)
		}
	}
}

// loose is a Map with another Swap.
type loose struct {
	*store.Map
	swap func(context.Context, *store.Map, string, store.Version, *store.Item) (store.Version, error)
}

func (l loose) Swap(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
	return l.swap(ctx, l.Map, key, old, item)
}
