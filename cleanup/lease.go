package cleanup

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
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
