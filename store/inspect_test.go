package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/larder-go/larder/store"
)

// native expires by itself, as memcached does: it has nothing to clean up, and says so, but cannot sweep.
type native struct {
	store.Store
	timeout time.Duration
}

func (s native) Sweep(_ context.Context, o store.SweepOptions) (store.SweepReport, error) {
	if o.DryRun || o.Idle > 0 && (s.timeout <= 0 || o.Idle < s.timeout) {
		return store.SweepReport{}, errors.ErrUnsupported
	}
	return store.SweepReport{Done: true}, nil
}

func (s native) Inspect(context.Context) ([]store.Fact, error) {
	return []store.Fact{{Name: "server", Value: "none"}}, nil
}

// TestPrefixOfNative: that nothing is left to clean up is known through any number of prefixes, also to who asks by prefix.
func TestPrefixOfNative(t *testing.T) {
	ctx := t.Context()
	s := store.Prefix(store.Prefix(native{store.NewMap(nil), time.Hour}, "a:"), "b:")
	if store.CanSweep(s) {
		t.Error("it claims an ability that it lacks")
	}
	for idle, ok := range map[time.Duration]bool{0: true, time.Minute: false, time.Hour: true, 2 * time.Hour: true} {
		n, err := s.Cleanup(ctx, idle)
		if n != 0 || ok != (err == nil) || !ok && !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("Cleanup(%v) = %d, %v", idle, n, err)
		}
	}
}

func TestInspect(t *testing.T) {
	ctx := t.Context()
	facts, err := store.Inspect(ctx, store.Prefix(native{}, "a:"))
	if len(facts) != 1 || err != nil {
		t.Errorf("through a prefix: %v, %v", facts, err)
	}
	for _, s := range []store.Store{newPlain(), store.Prefix(newPlain(), "a:")} {
		if _, err := store.Inspect(ctx, s); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%T: %v", s, err)
		}
	}
}
