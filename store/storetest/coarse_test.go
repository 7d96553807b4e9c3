package storetest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/larder-go/larder/store"
	"github.com/larder-go/larder/store/storetest"
)

// coarse is like a store on memcached: it counts in seconds, expires by itself, cannot list, and does not tell the atime.
type coarse struct {
	store.Swapper
	timeout time.Duration
}

func newCoarse(_ *testing.T, e store.Expiry) store.Store {
	inner := store.Expiry{TouchAfter: -1}
	if e.Timeout > 0 && e.Timeout < 250*365*24*time.Hour {
		inner.Timeout = (e.Timeout + e.Slack()).Truncate(time.Second) + time.Second
	}
	return coarse{store.NewMap(&store.MapOptions{Expiry: inner}), e.Timeout}
}

func (c coarse) Load(ctx context.Context, key string) (*store.Item, error) {
	return withoutAtime(c.Swapper.Load(ctx, key))
}

func (c coarse) Peek(ctx context.Context, key string) (*store.Item, error) {
	return withoutAtime(c.Swapper.Peek(ctx, key))
}

func withoutAtime(item *store.Item, err error) (*store.Item, error) {
	if item != nil {
		item.Atime = time.Time{}
	}
	return item, err
}

func (c coarse) Cleanup(ctx context.Context, idle time.Duration) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, store.Wrap("coarse", "cleanup", err)
	}
	if idle <= 0 || 0 < c.timeout && c.timeout <= idle {
		return 0, nil
	}
	return 0, store.Wrap("coarse", "cleanup", errors.ErrUnsupported)
}

func TestCoarse(t *testing.T) {
	storetest.Run(t, storetest.Config{
		New:     newCoarse,
		Timeout: time.Second,
		Slack:   2 * time.Second,
		Lacks:   []string{"list", "sweep", "cleanup"},
		Bubble:  true,
	})
}
