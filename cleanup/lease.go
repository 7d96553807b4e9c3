package cleanup

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/larder-go/larder/store"
)

const (
	// DefaultLease suits [Options.Lease]: a host that dies keeps the others waiting for three minutes, four where clocks differ.
	DefaultLease = 2 * time.Minute

	MinLease = time.Second    // bounds of [Options.Lease]: what is shorter cannot be renewed in time,
	MaxLease = 24 * time.Hour // and what is longer outlives its purpose

	// leaseMargin is by how much a lease holds longer for others than for its holder: twice 30 s, for the holder's clock may be behind by so
	// much and theirs ahead. The holder goes by the time that has passed for itself.
	leaseMargin = time.Minute

	leaseAttempts = 10              // to write where others write, too
	leaseRelease  = 2 * time.Second // to give it back, also when the context has ended
)

// lease is a lease that is held, or was. It stands in the store as the entry under leaseKey, which is only ever changed by a Swap of the version
// that was read: of all who find it free one gets it, and who has lost it cannot renew it.
type lease struct {
	s     store.Store
	clock func() time.Time

	held context.Context // ends when the lease is lost
	lose context.CancelCauseFunc

	mine    record // as last written
	version store.Version
	since   time.Time // before that was sent
}

// take gets the lease, or an error that wraps ErrLeased.
func take(ctx context.Context, s store.Store, ttl time.Duration, clock func() time.Time) (*lease, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	l := &lease{s: s, clock: clock, mine: record{Holder: rand.Text(), Host: host, PID: os.Getpid(), TTL: ttl}}
	for range leaseAttempts {
		found, version, err := readRecord(ctx, s)
		switch {
		case errors.Is(err, store.ErrNotFound), errors.Is(err, ErrBrokenReport):
		case errors.Is(err, store.ErrCorrupt):
			version = store.AnyVersion // nothing else replaces it; if two do, the first finds out when it renews
		case err != nil:
			return nil, err
		}
		l.since = clock()
		if found.heldAt(l.since) {
			return nil, found.refusal()
		}
		l.mine.Last = found.Last
		if err = l.write(ctx, version, l.mine.until(l.since)); err == nil {
			l.held, l.lose = context.WithCancelCause(context.WithoutCancel(ctx))
			return l, nil
		}
		if !errors.Is(err, store.ErrConflict) {
			l.giveUp(ctx) // it may be there all the same
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: several hosts are after it at this moment", ErrLeased)
}

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
	for wait := ttl / 4; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		err := l.renew(ctx)
		left := ttl - l.spent()
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			wait = ttl / 4
		case errors.Is(err, ErrLeaseLost):
			return err
		case left <= 0:
			return fmt.Errorf("%w: it could not be renewed for %v: %w", ErrLeaseLost, ttl, err)
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
		return fmt.Errorf("%w: another had it meanwhile", ErrLeaseLost)
	}
	return fmt.Errorf("%w: %w", ErrLeaseLost, found.refusal())
}

func (l *lease) write(ctx context.Context, version store.Version, next record) error {
	value, err := next.encode()
	if err != nil {
		return err
	}
	version, err = store.Swap(ctx, l.s, leaseKey(), version, &store.Item{Value: value})
	if err == nil {
		l.mine, l.version = next, version
	}
	return err
}

// why is why the lease was lost.
func (l *lease) why() error { return context.Cause(l.held) }

// release gives the lease back and leaves the report. That another has taken it meanwhile is no error: the sweep is over.
func (l *lease) release(ctx context.Context, last LastRun, success bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaseRelease)
	defer cancel()
	l.lose(nil)
	if last.Success = l.mine.Last.success(); success {
		last.Success = l.clock()
	}
	for {
		err := l.put(ctx, l.clock(), record{Last: newWire(last)})
		if err == nil || errors.Is(err, ErrLeaseLost) {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(leaseRelease / 10): // whatever it was, one more attempt costs less than a lease that nobody has
		}
	}
}

// giveUp takes a lease back that is not known to have been taken. Where that fails too, it runs out.
func (l *lease) giveUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaseRelease)
	defer cancel()
	found, version, err := readRecord(ctx, l.s)
	if err == nil && found.Holder == l.mine.Holder {
		_ = l.write(ctx, version, record{Last: found.Last})
	}
}
