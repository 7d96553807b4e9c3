package store

import (
	"context"
	"fmt"
	"iter"
	"time"
)

const defaultCopyWorkers = 8

// copier is a copy at work. Only the goroutine of the caller touches what is not of dst and src.
type copier struct {
	o        CopyOptions
	parent   context.Context // the caller's
	ctx      context.Context // ended also where the copy must end
	cancel   context.CancelCauseFunc
	src      *source // nil for PutItems
	dst      *target
	patience patience
	pace     pace
	begun    time.Time

	report   CopyReport
	n        int       // entries counted, of all runs
	cause    error     // of the first entry that failed
	stopped  error     // why the copy must end
	position string    // what a next run goes on behind: all up to here is dealt with
	holed    bool      // what comes now stands behind something that is not
	since    time.Time // when the first of the runs began
	sum      copySum   // of the items up to position, for PutItems

	settled tally // the counts at position
	saved   savedState

	recent recent // by many goroutines
}

func newCopier(ctx context.Context, dst Store, o *CopyOptions) (*copier, error) {
	c := &copier{parent: ctx, begun: time.Now()}
	c.since = c.begun
	if o != nil {
		c.o = *o
	}
	if c.o.Workers <= 0 {
		c.o.Workers = defaultCopyWorkers
	}
	c.patience = patience(c.o.Patience)
	if c.patience == 0 {
		c.patience = defaultPatience
	}
	c.pace = pace{rate: c.o.Rate}
	c.ctx, c.cancel = context.WithCancelCause(ctx)
	c.dst = newTarget(dst, &c.o, c.patience)
	switch {
	case c.o.Overwrite < OverwriteNever || c.o.Overwrite > OverwriteAlways:
		return c, Wrap("store", "copy", fmt.Errorf("there is no %v", c.o.Overwrite))
	case c.o.Overwrite == OverwriteOlder && !c.dst.swaps:
		return c, unsupported("overwrite older", dst)
	}
	return c, nil
}

// through has c's workers do what r says with all jobs, and returns the error with which that has ended.
func through[J, R any](c *copier, r relay[J, R], jobs iter.Seq[J]) error {
	r.workers, r.idle, r.hole = c.o.Workers, func() { c.tell(); c.due() }, func() { c.holed = true }
	if c.o.Rate > 0 {
		r.wait = c.pace.wait
	}
	r.run(c.ctx, jobs)
	if err := c.parent.Err(); err != nil { // whatever else has gone wrong since
		c.stopped = Wrap("store", "copy", err)
	}
	return c.stopped
}

// end ends the copy: the last report is told, the checkpoint is left behind or removed, and the error says what is missing.
func (c *copier) end(err error) (CopyReport, error) {
	defer c.cancel(nil)
	if keepErr := c.leave(err == nil); err == nil {
		err = keepErr
	}
	c.tell()
	v := c.report.Verify
	switch bad := c.report.Failed + c.report.Corrupt; {
	case err != nil:
	case bad > 0 && c.cause == nil: // it was an earlier run's
		err = Wrap("store", "copy", fmt.Errorf("%w: %d of %d", ErrPartial, bad, c.report.Done()))
	case bad > 0:
		err = Wrap("store", "copy", fmt.Errorf("%w: %d of %d: %w", ErrPartial, bad, c.report.Done(), c.cause))
	case v.Missing+v.Different+v.Corrupt > 0:
		err = Wrap("store", "copy", fmt.Errorf("%w: of %d entries %d are missing, %d are different, %d cannot be read",
			ErrDiffers, v.Done(), v.Missing, v.Different, v.Corrupt))
	}
	return c.report, err
}

// tell calls Progress.
func (c *copier) tell() {
	c.report.Duration = time.Since(c.begun)
	if c.o.Progress != nil {
		c.o.Progress(c.report)
	}
}

// count counts what became of one entry.
func (c *copier) count(r copyResult) (more bool) {
	switch r.outcome {
	case isStopped:
		c.stop(r.err)
		return false
	case isRestarted: // all comes once more
		c.n, c.report.Kept, c.report.Gone, c.report.Corrupt, c.report.Failed = 0, 0, 0, 0, 0
		if c.o.DryRun {
			c.report.Copied, c.report.Bytes = 0, 0
		}
		return true
	}
	c.n++
	switch r.outcome {
	case isCopied:
		c.report.Copied++
		c.report.Bytes += r.bytes
	case isKept:
		c.report.Kept++
	case isGone:
		c.report.Gone++
	case isCorrupt:
		c.report.Corrupt++
	case isFailed:
		c.report.Failed++
	}
	if r.err != nil {
		if c.cause == nil {
			c.cause = r.err
		}
		c.problem(c.n, r.key, r.err)
	}
	c.settle(r)
	return c.stopped == nil
}

func (c *copier) problem(n int, key string, err error) {
	if c.o.Problem != nil {
		c.o.Problem(CopyProblem{n, key, err})
	}
}

// stop ends the copy because of err; what is under way is called off. The first reason counts.
func (c *copier) stop(err error) {
	if c.stopped == nil {
		c.stopped = err
		c.cancel(err)
	}
}

// pace spreads jobs over time.
type pace struct {
	rate float64
	next time.Time
}

// paceBurst is how much lost time is made up for.
const paceBurst = 50 * time.Millisecond

// wait returns how long the next job must wait.
func (p *pace) wait() time.Duration {
	now := time.Now()
	if earliest := now.Add(-paceBurst); p.next.Before(earliest) {
		p.next = earliest
	}
	wait := p.next.Sub(now)
	p.next = p.next.Add(time.Duration(float64(time.Second) / p.rate))
	return max(wait, 0)
}
