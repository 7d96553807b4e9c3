package memstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/larder-go/larder/store"
)

// Cleanup is [store.Store]'s. memcached removes what is absent by itself and cannot be asked for what is idle, so there is nothing to do where
// idle ≤ 0 or is at least the Timeout, and otherwise the error wraps [errors.ErrUnsupported]. It asks no server.
func (s *Store) Cleanup(ctx context.Context, idle time.Duration) (int, error) {
	return 0, s.sweep(ctx, "cleanup", idle)
}

// Sweep is [store.Sweeper]'s, by the rule of Cleanup, so that a view by [store.Prefix] can clean up, too. A DryRun is not supported: what memcached
// will remove cannot be counted.
func (s *Store) Sweep(ctx context.Context, o store.SweepOptions) (store.SweepReport, error) {
	if o.DryRun {
		// CanSweep asks so under a context that has ended, and is to hear that it is not supported, besides that the context has ended.
		if err := s.ready(ctx, "sweep"); err != nil {
			return store.SweepReport{}, fmt.Errorf("%w; and %w", err, errNoSweep)
		}
		return store.SweepReport{}, store.Wrap("memstore", "sweep", errNoSweep)
	}
	err := s.sweep(ctx, "sweep", o.Idle)
	return store.SweepReport{Done: err == nil}, err
}

func (s *Store) sweep(ctx context.Context, op string, idle time.Duration) error {
	if err := s.ready(ctx, op); err != nil {
		return err
	}
	if idle > 0 && (s.expiry.Timeout <= 0 || idle < s.expiry.Timeout) {
		return store.Wrap("memstore", op, errNoSweep)
	}
	return nil
}

var errNoSweep = fmt.Errorf("%w: memcached removes entries by their Timeout (x-timeout) itself, and cannot list those that are idle for less",
	errors.ErrUnsupported)
