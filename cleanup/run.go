package cleanup

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/larder-go/larder/store"
)

var (
	// ErrBudget says that [Options.MaxTime] was used up before everything was removed that should go. What the report counts
	// is removed. Run again to go on.
	ErrBudget = errors.New("the time budget is used up")

	// ErrLeased says that another run holds the lease: it is at work, or it died and its lease has not run out yet. Nothing was done, or where
	// [ErrLeaseLost] comes with it, no more.
	ErrLeased = errors.New("another cleanup holds the lease")

	// ErrLeaseLost says that a run stopped because its lease was taken by another, which is [ErrLeased], too, or could not be renewed in time. What
	// the report counts is removed.
	ErrLeaseLost = errors.New("the lease was lost")
)

// Reason says why a sweep stopped.
type Reason string

// The reasons. They are stable: scripts and dashboards may compare them.
const (
	Done       Reason = "done"        // nothing that should go is left
	Limit      Reason = "limit"       // [Options.Limit] entries were removed
	Incomplete Reason = "incomplete"  // the store left something for the next time without saying why
	Budget     Reason = "time budget" // [ErrBudget]
	Leased     Reason = "leased"      // [ErrLeased]: it did not begin
	LeaseLost  Reason = "lease lost"  // [ErrLeaseLost]
	Canceled   Reason = "canceled"    // the context ended
	Failed     Reason = "error"       // any other error
)

// Report is what a sweep has done. It is true also when an error comes with it.
type Report struct {
	Scanned  int           // entries looked at; where the store cannot sweep, the same as Removed
	Removed  int           // entries removed, or with DryRun, that would have been
	Bytes    int64         // length of their values; 0 where the store cannot sweep
	Oldest   time.Time     // the earliest atime among them; zero: none, or not known
	Lag      time.Duration // how long before the sweep the first of them, or of the backlog, should have gone; 0: none, or not known
	Duration time.Duration // how long it took
	Done     bool          // nothing that should go is left
	Reason   Reason        // why it stopped

	// Backlog is how many entries are left that should go: 0 where the sweep is Done, else counted after it. The count may take a tenth of
	// MaxTime and two seconds at most; none is made after the context's end, without the lease, or where the store cannot sweep.
	Backlog int

	// BacklogAtLeast says that the count of the backlog is not complete.
	BacklogAtLeast bool
}

// Run sweeps s once. That a Limit was reached is not an error, that MaxTime was used up is [ErrBudget], that another has the lease
// [ErrLeased]. When ctx ends, the error wraps ctx's. Other errors are the store's own. A lease is given back before Run returns, which may
// take two seconds more where the store does not answer. A store whose disk is full has no room for a lease: it is swept without. So is what answers of a store over
// several nodes of which the one with the lease is down; the error names that node, once its turn has come.
func Run(ctx context.Context, s store.Store, o *Options) (Report, error) {
	j, err := o.settle("run", s)
	if err != nil {
		return Report{Reason: Failed, BacklogAtLeast: true}, err
	}
	return j.run(ctx, s)
}

// supported says whether s can do all that is asked of it.
func (j *job) supported(op string, s store.Store) error {
	if j.Lease > 0 && !j.DryRun && !store.CanSwap(s) {
		return store.Wrap("cleanup", op, fmt.Errorf("%T cannot swap, so it cannot keep a Lease: %w", s, errors.ErrUnsupported))
	}
	if store.CanSweep(s) {
		return nil
	}
	what := ""
	switch {
	case j.Limit > 0:
		what = "Limit"
	case j.Prefix != "":
		what = "Prefix"
	case j.DryRun:
		what = "DryRun"
	default:
		return nil
	}
	return store.Wrap("cleanup", op, fmt.Errorf("%T cannot sweep, so %s cannot be kept: %w", s, what, errors.ErrUnsupported))
}

func (j *job) run(ctx context.Context, s store.Store) (Report, error) {
	if err := ctx.Err(); err != nil {
		return Report{Reason: Canceled, BacklogAtLeast: true}, store.Wrap("cleanup", "run", err)
	}
	if j.Lease > 0 && !j.DryRun {
		return j.runLeased(ctx, s)
	}
	return j.sweep(ctx, s, nil)
}

// runLeased is a run that only one of many does at a time.
func (j *job) runLeased(ctx context.Context, s store.Store) (r Report, err error) {
	start := j.clock()
	l, err := take(ctx, s, j.Lease, j.clock)
	switch {
	case err == nil:
	case errors.Is(err, ErrLeased):
		return Report{Reason: Leased, BacklogAtLeast: true}, store.Wrap("cleanup", "run", err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		// A store that is full takes no lease, and only a sweep makes room. Two at once do no harm; none would.
		return j.sweep(ctx, s, nil)
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return Report{Reason: Canceled, BacklogAtLeast: true}, err
	case errors.Is(err, store.ErrUnavailable) && ctx.Err() == nil:
		return j.sweepRest(ctx, s, err)
	default:
		return Report{Reason: Failed, BacklogAtLeast: true}, err
	}

	stop := l.keepUp(ctx)
	defer stop() // also where Progress panics
	r, err = j.sweep(ctx, s, l)
	stop()
	if r.Reason == LeaseLost {
		return r, err // another's by now, and so is the place for the report
	}
	last := LastRun{Start: start, Host: l.mine.Host, PID: l.mine.PID, Idle: j.Idle, Prefix: j.Prefix, Report: r}
	if releaseErr := l.release(ctx, last, err == nil); err == nil && releaseErr != nil {
		err = fmt.Errorf("cleanup: run: the sweep has ended, but its lease could not be given back and runs out by itself: %w", releaseErr)
	}
	return r, err
}

// sweepRest sweeps a store that could not take the lease, as it is down. Of one over several nodes the lease is on one of them, and while that is
// down the others would not be swept by anybody. leaseErr is the error where nothing was looked at, as of a store that is down as a whole.
func (j *job) sweepRest(ctx context.Context, s store.Store, leaseErr error) (Report, error) {
	r, err := j.sweep(ctx, s, nil)
	if r.Scanned == 0 && r.Removed == 0 && r.Reason != Canceled {
		return Report{Reason: Failed, BacklogAtLeast: true}, leaseErr
	}
	return r, err
}
