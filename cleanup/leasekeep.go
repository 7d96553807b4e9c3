package cleanup

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/larder-go/larder/store"
)

// keepUp renews the lease in a goroutine until stop is called, which waits for its end.
func (l *lease) keepUp(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // the last batch, after the end of ctx, needs it too
	var done sync.WaitGroup
	done.Go(func() {
		if err := l.keep(ctx); err != nil {
			l.lose(err)
		}
	})
	return func() {
		cancel()
		done.Wait()
	}
}

// keep renews the lease four times in its life, or more often where that fails, until ctx ends or the lease is lost.
func (l *lease) keep(ctx context.Context) error {
	ttl := l.mine.TTL
	limit := ttl - ttl/8 // what then is in flight ends before others can begin
	for wait := ttl / 4; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		err := l.renew(ctx)
		left := limit - l.spent()
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			wait = ttl / 4
		case errors.Is(err, ErrLeaseLost):
			return err
		case left <= 0:
			return l.late(ctx, err)
		default:
			wait = min(ttl/16, left)
		}
	}
}

// spent is how long ago the lease was last written, by the clock that runs and by the one that is set: the first stands while the machine sleeps.
func (l *lease) spent() time.Duration {
	now := l.clock()
	return max(now.Sub(l.since), now.Round(0).Sub(l.since.Round(0)))
}

// late is why a lease was lost that has not been renewed in time: a machine that slept finds another's in its place.
func (l *lease) late(ctx context.Context, err error) error {
	ctx, cancel := context.WithTimeout(ctx, maxGrace)
	defer cancel()
	if found, _, readErr := readRecord(ctx, l.s); readErr == nil && found.Holder != l.mine.Holder {
		return l.lost(found)
	}
	return fmt.Errorf("%w: it could not be renewed for %v: %w", ErrLeaseLost, l.spent().Round(time.Millisecond), err)
}

func (l *lease) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, l.mine.TTL/4) // a store that hangs leaves time for another attempt
	defer cancel()
	now := l.clock()
	return l.put(ctx, now, l.mine.until(now))
}

// put writes what the holder has to say. A conflict is no loss where the entry is ours: a write that seemed to fail may have come through. It is
// none either where there is no entry, as after an eviction: then nobody holds it, and to create it shuts others out as well.
func (l *lease) put(ctx context.Context, now time.Time, next record) error {
	version := l.version
	for range leaseAttempts {
		err := l.write(ctx, version, next)
		if err == nil {
			l.since = now
		}
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
		var found record
		found, version, err = readRecord(ctx, l.s)
		switch {
		case errors.Is(err, store.ErrNotFound):
		case errors.Is(err, ErrBrokenReport) || err == nil && found.Holder != l.mine.Holder:
			return l.lost(found)
		case err != nil:
			return err
		}
	}
	return store.ErrConflict
}

func (l *lease) lost(found record) error {
	if !found.heldAt(l.clock()) {
		return fmt.Errorf("%w: %w, or had it meanwhile", ErrLeaseLost, ErrLeased)
	}
	return fmt.Errorf("%w: %w", ErrLeaseLost, found.refusal())
}

// why is why the lease was lost.
func (l *lease) why() error { return context.Cause(l.held) }
