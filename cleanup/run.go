package cleanup

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/larder-go/larder/store"
)

// ErrBudget says that [Options.MaxTime] was used up before everything was removed that should go. What the report counts
// is removed. Run again to go on.
var ErrBudget = errors.New("the time budget is used up")

// Reason says why a sweep stopped.
type Reason string

// The reasons. They are stable: scripts and dashboards may compare them.
const (
	Done       Reason = "done"        // nothing that should go is left
	Limit      Reason = "limit"       // [Options.Limit] entries were removed
	Incomplete Reason = "incomplete"  // the store left something for the next time without saying why
	Budget     Reason = "time budget" // [ErrBudget]
	Canceled   Reason = "canceled"    // the context ended
	Failed     Reason = "error"       // any other error
)

// Report is what a sweep has done. It is true also when an error comes with it.
type Report struct {
	Scanned  int           // entries looked at; where the store cannot sweep, the same as Removed
	Removed  int           // entries removed, or with DryRun, that would have been
	Bytes    int64         // length of their values; 0 where the store cannot sweep
	Oldest   time.Time     // the earliest atime among them: how far behind cleanup is; zero: none, or not known
	Duration time.Duration // how long it took
	Done     bool          // nothing that should go is left
	Reason   Reason        // why it stopped
}

// Run sweeps s once. That a Limit was reached is not an error, that MaxTime was used up is [ErrBudget]. When ctx ends,
// the error wraps ctx's. Other errors are the store's own.
func Run(ctx context.Context, s store.Store, o *Options) (Report, error) {
	c, err := o.settle("run", s)
	if err != nil {
		return Report{Reason: Failed}, err
	}
	return c.run(ctx, s)
}

// supported says whether s can do all that o asks of it.
func supported(op string, s store.Store, o Options) error {
	if store.CanSweep(s) {
		return nil
	}
	what := ""
	switch {
	case o.Limit > 0:
		what = "Limit"
	case o.Prefix != "":
		what = "Prefix"
	case o.DryRun:
		what = "DryRun"
	default:
		return nil
	}
	return store.Wrap("cleanup", op, fmt.Errorf("%T cannot sweep, so %s cannot be kept: %w", s, what, errors.ErrUnsupported))
}

// run is one sweep. The budget ends a context of its own and not by a deadline: stores report a deadline that passed as
// an outage, and some hand it to their backend, which then rolls a batch back instead of ending it. A batch that runs when
// the budget ends gets a tenth of it more, a second at most; a pause that would last longer is cut short then.
func (o *Options) run(parent context.Context, s store.Store) (Report, error) {
	start := time.Now()
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	if o.MaxTime > 0 {
		grace := min(o.MaxTime/10, time.Second, math.MaxInt64-o.MaxTime)
		defer time.AfterFunc(o.MaxTime+grace, func() { cancel(ErrBudget) }).Stop()
	}

	r, err := o.sweep(ctx, s, func(r store.SweepReport) {
		spent := time.Since(start)
		if o.Progress != nil {
			o.Progress(report(r, spent))
		}
		if o.MaxTime > 0 && spent >= o.MaxTime { // not earlier: a pause need not follow, and what fits is done
			cancel(ErrBudget)
		}
	})

	rep := report(r, time.Since(start))
	switch {
	case err == nil && r.Done:
		rep.Reason = Done
	case err == nil && o.Limit > 0 && r.Removed >= o.Limit:
		rep.Reason = Limit
	case err == nil:
		rep.Reason = Incomplete
	case parent.Err() != nil && errors.Is(err, parent.Err()):
		rep.Reason = Canceled
	case context.Cause(ctx) == ErrBudget && (errors.Is(err, context.Canceled) || errors.Is(err, ErrBudget)):
		rep.Reason = Budget
		err = store.Wrap("cleanup", "run", fmt.Errorf("%w (MaxTime is %v); run it again to go on", ErrBudget, o.MaxTime))
	default:
		rep.Reason = Failed
	}
	return rep, err
}

func (o *Options) sweep(ctx context.Context, s store.Store, progress func(store.SweepReport)) (store.SweepReport, error) {
	if store.CanSweep(s) {
		return store.Sweep(ctx, s, store.SweepOptions{Idle: o.Idle, Prefix: o.Prefix, Batch: o.Batch, Limit: o.Limit,
			Pause: o.Pause, DryRun: o.DryRun, Progress: progress})
	}
	r, err := store.Sweep(ctx, s, store.SweepOptions{Idle: o.Idle})
	progress(r)
	return r, err
}

func report(r store.SweepReport, spent time.Duration) Report {
	return Report{Scanned: r.Scanned, Removed: r.Removed, Bytes: r.Bytes, Oldest: r.Oldest, Duration: spent, Done: r.Done}
}
