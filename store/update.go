package store

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// Update changes the entry under key so that no other change is lost. It calls fn with the entry as loaded, nil where
// there is none, and swaps what fn returns for that very version:
//
//   - old itself writes nothing, also when fn changed its fields;
//   - nil removes the entry;
//   - anything else takes its place, with the Expires that fn gave it.
//
// On [ErrConflict], and on nothing else, it loads again and calls fn again, with growing pauses, until ctx ends: fn may
// run several times and must have no other effect. An error of fn is returned as it is. Without [Swapper] the
// error wraps [errors.ErrUnsupported] and fn is not called.
func Update(ctx context.Context, s Store, key string, fn func(old *Item) (*Item, error)) error {
	for wait := minBackoff; ; wait = min(2*wait, maxBackoff) {
		old, err := Load(ctx, s, key)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		item, err := fn(old)
		if err != nil || item == old {
			return err
		}
		version := Version("")
		if old != nil {
			version = old.Version
		}
		if _, err = Swap(ctx, s, key, version, item); !errors.Is(err, ErrConflict) {
			return err
		}
		if err := sleep(ctx, rand.N(wait)); err != nil {
			return Wrap("store", "update", err)
		}
	}
}

// The pause after a conflict is drawn from [0, wait): losers of one race must not meet again.
const (
	minBackoff = 100 * time.Microsecond
	maxBackoff = 50 * time.Millisecond
)

// sleep waits for d or until ctx ends, and returns ctx's error in that case.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
