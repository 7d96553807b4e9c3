package peers

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
)

// newOurs is package session on a store.Map, with its defaults.
func newOurs(t testing.TB) *contender {
	calls := &calls{Map: store.NewMap(nil)}
	m, err := session.New(calls, &session.Options{Keys: [][]byte{[]byte("0123456789abcdef0123456789abcdef")}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return &contender{
		name: "ours",
		handler: func(do work, got *fields) http.Handler {
			return m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if err := useOurs(r.Context(), do, got); err != nil {
					panic(err)
				}
				w.Write(answer)
			}))
		},
		create: m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s, f := session.From(r.Context()), someFields()
			for name, value := range map[string]any{"name": f.name, "count": f.count, "admin": f.admin, "roles": f.roles, "created": f.created} {
				if err := s.Set(name, value); err != nil {
					panic(err)
				}
			}
		})),
		watch: calls.watch,
		raw:   calls.again,
	}
}

func useOurs(ctx context.Context, do work, got *fields) (err error) {
	if do == nothing {
		return nil
	}
	s := session.From(ctx)
	got.name, _ = session.Get[string](s, "name")
	switch do {
	case readAll:
		got.count, _ = session.Get[int64](s, "count")
		got.admin, _ = session.Get[bool](s, "admin")
		got.roles, _ = session.Get[[]string](s, "roles")
		got.created, _ = session.Get[time.Time](s, "created")
	case modify:
		got.count, _ = session.Get[int64](s, "count")
		got.count++
		err = s.Set("count", got.count)
	}
	return err
}

// calls is a Map that keeps what it was asked for while somebody watches, so that the very calls can be made again without a session.
type calls struct {
	*store.Map
	watched bool
	loads   []string
	swaps   []swap
}

type swap struct {
	key     string
	version store.Version
	item    store.Item
}

func (c *calls) watch(on bool) int {
	if c.watched = on; on {
		c.loads, c.swaps = nil, nil
	}
	return len(c.loads) + len(c.swaps)
}

func (c *calls) Load(ctx context.Context, key string) (*store.Item, error) {
	if c.watched {
		c.loads = append(c.loads, key)
	}
	return c.Map.Load(ctx, key)
}

func (c *calls) Swap(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
	if c.watched {
		c.swaps = append(c.swaps, swap{key, old, *item})
	}
	return c.Map.Swap(ctx, key, old, item)
}

// again makes the calls that were watched.
func (c *calls) again(ctx context.Context) error {
	var version store.Version
	for _, key := range c.loads {
		item, err := c.Map.Load(ctx, key)
		if err != nil {
			return err
		}
		version = item.Version
	}
	for i := range c.swaps {
		if _, err := c.Map.Swap(ctx, c.swaps[i].key, version, &c.swaps[i].item); err != nil {
			return err
		}
	}
	return nil
}
