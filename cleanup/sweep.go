package cleanup

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/larder-go/larder/store"
)

const (
	maxGrace   = time.Second     // a batch has this much at most after the end of the budget or the lease
	maxBacklog = 2 * time.Second // the backlog is counted for so long at most
)

// sweep is one sweep, under the lease l unless it is nil.
//
// The budget ends a context of its own and not by a deadline: stores report a deadline that passed as an outage, and some hand it to their
// backend, which then rolls a batch back instead of ending it. A batch that runs when the budget ends gets a tenth of it more, a second at
// most; a pause that would last longer is cut short then.
func (j *job) sweep(parent context.Context, s store.Store, l *lease) (Report, error) {
	start := time.Now()
	c := j.newCourse(parent)
	defer c.cancel(nil)
	if j.MaxTime > 0 {
		grace := min(j.MaxTime/10, maxGrace, math.MaxInt64-j.MaxTime)
		defer time.AfterFunc(j.MaxTime+grace, func() { c.cancel(ErrBudget) }).Stop()
	}
	if j.Grace > 0 {
		defer context.AfterFunc(parent, func() { c.end(context.Cause(parent), j.Grace) })()
	}
	if l != nil {
		defer context.AfterFunc(l.held, func() { c.end(ErrLeaseLost, maxGrace) })()
	}

	swept, err := j.ask(c.ctx, s, func(r store.SweepReport) {
		spent := time.Since(start)
		if j.Progress != nil {
			j.Progress(report(r, start, spent))
		}
		switch {
		case c.ended(): // nothing of it is left undone
		case j.MaxTime > 0 && spent >= j.MaxTime: // not earlier: a pause need not follow, and what fits is done
			c.cancel(ErrBudget)
		}
	})
	return j.judge(parent, s, l, start, swept, err, context.Cause(c.ctx))
}

// judge says what became of a sweep whose context has ended by cause, or has not.
func (j *job) judge(parent context.Context, s store.Store, l *lease, start time.Time, swept store.SweepReport, err, cause error) (Report, error) {
	r := report(swept, start, time.Since(start))
	cut := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || cause != nil && errors.Is(err, cause)
	switch {
	case err == nil && swept.Done:
		r.Reason = Done
	case err == nil && j.Limit > 0 && swept.Removed >= j.Limit:
		r.Reason = Limit
	case err == nil:
		r.Reason = Incomplete
	case cut && cause == ErrLeaseLost:
		r.Reason, err = LeaseLost, store.Wrap("cleanup", "run", l.why())
	case cut && cause == ErrBudget && (parent.Err() == nil || !errors.Is(err, parent.Err())):
		r.Reason = Budget
		err = store.Wrap("cleanup", "run", fmt.Errorf("%w (MaxTime is %v); run it again to go on", ErrBudget, j.MaxTime))
	case cut && parent.Err() != nil:
		r.Reason = Canceled
		if !errors.Is(err, parent.Err()) { // the course's own end stood for it
			err = store.Wrap("cleanup", "run", parent.Err())
		}
	default:
		r.Reason = Failed
	}
	j.countBacklog(parent, s, l, start, &r)
	return r, err
}

// course is the context of a sweep, and how it comes to its end.
type course struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	pause  time.Duration // between batches; 0: none

	mu     sync.Mutex
	batch  time.Time // when the last batch ended; zero: none did
	ending error     // why no other batch is to begin; nil: nothing speaks against it
}

func (j *job) newCourse(parent context.Context) *course {
	c := new(course)
	if !j.DryRun {
		c.pause = j.Pause
	}
	if j.Grace > 0 {
		parent = context.WithoutCancel(parent) // the end comes through c.end
	}
	c.ctx, c.cancel = context.WithCancelCause(parent)
	return c
}

// end lets a batch that is in flight come to its own end, within the grace. Until a pause has passed since the last one, none can be.
func (c *course) end(cause error, grace time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending != nil {
		return
	}
	c.ending = cause
	if c.pause > 0 && !c.batch.IsZero() && time.Since(c.batch) < c.pause {
		grace = 0
	}
	if grace <= 0 {
		c.cancel(cause)
		return
	}
	timer := time.AfterFunc(grace, func() { c.cancel(cause) })
	context.AfterFunc(c.ctx, func() { timer.Stop() })
}

// ended notes that a batch is done, and reports whether it was the last.
func (c *course) ended() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.batch = time.Now()
	if c.ending != nil {
		c.cancel(c.ending)
	}
	return c.ending != nil
}

func (j *job) ask(ctx context.Context, s store.Store, progress func(store.SweepReport)) (store.SweepReport, error) {
	if store.CanSweep(s) {
		return store.Sweep(ctx, s, store.SweepOptions{Idle: j.Idle, Prefix: j.Prefix, Batch: j.Batch, Limit: j.Limit,
			Pause: j.Pause, DryRun: j.DryRun, Progress: progress})
	}
	r, err := store.Sweep(ctx, s, store.SweepOptions{Idle: j.Idle})
	progress(r)
	return r, err
}

func report(r store.SweepReport, start time.Time, spent time.Duration) Report {
	return Report{Scanned: r.Scanned, Removed: r.Removed, Bytes: r.Bytes, Oldest: r.Oldest, Lag: lag(start, r.Due), Duration: spent, Done: r.Done}
}

// lag is how long before start something was due. The moment may be of another clock, a server's.
func lag(start, due time.Time) time.Duration {
	if due.IsZero() {
		return 0
	}
	return max(start.Sub(due), 0)
}

// countBacklog looks how much is left after a sweep that stopped early.
func (j *job) countBacklog(ctx context.Context, s store.Store, l *lease, start time.Time, r *Report) {
	switch {
	case j.DryRun && r.Reason != Canceled:
		r.Backlog, r.BacklogAtLeast = r.Removed, !r.Done
		return
	case r.Done:
		return
	}
	r.BacklogAtLeast = true
	if r.Reason == LeaseLost || ctx.Err() != nil || !store.CanSweep(s) {
		return
	}
	limit := maxBacklog
	if j.MaxTime > 0 {
		limit = min(limit, j.MaxTime/10)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if l != nil {
		defer context.AfterFunc(l.held, cancel)()
	}
	left, err := store.Sweep(ctx, s, store.SweepOptions{Idle: j.Idle, Prefix: j.Prefix, DryRun: true})
	r.Backlog, r.BacklogAtLeast = left.Removed, err != nil || !left.Done
	r.Lag = max(r.Lag, lag(start, left.Due))
}
