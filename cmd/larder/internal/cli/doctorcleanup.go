package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/larder-go/larder/cleanup"
	"github.com/larder-go/larder/store"
)

const (
	// cleanupDue is how long nobody has cleaned up, or how long what should have gone stands there, before something is wrong.
	cleanupDue = 24 * time.Hour

	// clockSkew is by how much clocks of hosts may differ before what one of them has written tells another nothing.
	clockSkew = time.Minute

	adviceOnTimer = "run larder cleanup from a timer, cron or a CronJob, or cleanup.Loop in the program that holds the store"
)

// lastCleanup is the report that the last cleanup with a lease has left, or nil.
func (d *doctor) lastCleanup(ctx context.Context) (*cleanup.LastRun, error) {
	ctx, cancel := context.WithTimeout(ctx, doctorAsk)
	defer cancel()
	last, err := cleanup.Last(ctx, d.s)
	switch {
	case err == nil:
		return &last, nil
	case errors.Is(err, cleanup.ErrBrokenReport), errors.Is(err, store.ErrCorrupt):
		d.add(doctorFact{"cleanup report", "damaged", "the report of the last cleanup cannot be read: larder cleanup --lease replaces it"})
	case d.passes(err):
		d.unknown("cleanup report", "the node that would have the report of the last cleanup does not answer")
	case !errors.Is(err, store.ErrNotFound) && !errors.Is(err, errors.ErrUnsupported):
		return nil, err
	}
	return nil, nil
}

// idle is what the cleanup job has as --idle, as far as that is known.
func (d *doctor) idle(last *cleanup.LastRun) time.Duration {
	if d.f.idle > 0 || last == nil {
		return time.Duration(d.f.idle)
	}
	return last.Idle
}

// cleanupFacts tells whether cleanup runs: by the report of its last run, and by how long what should have gone is still there, which shows
// also where no report is kept.
func (d *doctor) cleanupFacts(ctx context.Context, last *cleanup.LastRun) error {
	idle := d.idle(last)
	if d.backend.Expires && (d.expiry.Timeout > 0 || idle <= 0) {
		d.fine("cleanup", "%s removes by itself what is expired", d.backend.Name)
		return nil
	}
	backlog, err := d.backlog(ctx, idle)
	if err != nil {
		return err
	}
	fact := doctorFact{Name: "cleanup"}
	if last != nil {
		fact = lastFact(last, time.Now())
	}
	switch lag := backlog.lag(); {
	case fact.Advice != "":
	case backlog == nil && last == nil:
		d.unknown("cleanup", "this kind of store cannot look for what should have gone, and no cleanup with --lease has left a report")
		return nil
	case backlog == nil:
	case lag > cleanupDue && last == nil:
		fact.Value = fmt.Sprintf("none seen for a day: %s should have gone, the first %s ago", backlog.entries(), age(lag.Truncate(time.Minute)))
		fact.Advice = adviceOnTimer
	case lag > cleanupDue:
		fact.Value += fmt.Sprintf("; but %s should have gone, the first %s ago", backlog.entries(), age(lag.Truncate(time.Minute)))
		fact.Advice = "it does not keep up, or has another --idle, x-timeout or --prefix than is meant here: " +
			"look at its exit code, give it more --max-time or --limit"
	case last == nil && backlog.whole && backlog.report.Removed == 0:
		fact.Value = "nothing is left that should have gone"
	case last == nil && backlog.whole:
		fact.Value = fmt.Sprintf("%s should have gone, the first %s ago", backlog.entries(), age(max(lag, 0).Truncate(time.Second)))
	case last == nil && d.partly:
		d.unknown("cleanup", "not all nodes could be looked through for what should have gone, and no report of a cleanup was found")
		return nil
	case last == nil:
		d.unknown("cleanup", fmt.Sprintf("the store is too large to look in %v for what should have gone, "+
			"and no cleanup with --lease has left a report", doctorSwept))
		return nil
	}
	d.add(fact)
	return nil
}

// lastFact is what the report of the last run comes to.
func lastFact(last *cleanup.LastRun, now time.Time) doctorFact {
	ago := now.Sub(last.End())
	if ahead := max(-ago, last.Success.Sub(now)); ahead > clockSkew {
		return doctorFact{"cleanup", fmt.Sprintf("not known: its last report, from %s, is dated %s in the future", last.Host, age(ahead.Truncate(time.Second))),
			"clock skew: that report tells nothing until then; set the clocks of " + last.Host + " and of this host, and run larder cleanup --lease"}
	}
	f := doctorFact{Name: "cleanup", Value: fmt.Sprintf("last ended %s ago on %s: %s, %s removed", age(max(ago, 0).Truncate(time.Second)),
		last.Host, last.Reason, entries(last.Removed))}
	success := "since it runs"
	if !last.Success.IsZero() {
		success = "for " + age(now.Sub(last.Success).Truncate(time.Minute))
	}
	well := last.Reason == cleanup.Done || last.Reason == cleanup.Limit || last.Reason == cleanup.Incomplete
	switch {
	case ago > cleanupDue:
		f.Advice = "none for more than a day: look whether its timer runs and what it logs; " + adviceOnTimer
	case well || !last.Success.IsZero() && now.Sub(last.Success) <= cleanupDue:
	case last.Reason == cleanup.Budget:
		f.Value += ", " + leftText(last)
		f.Advice = "its budget is used up each time, " + success + ": give it more --max-time, less --pause, or run it more often"
	default:
		f.Advice = "it has not come to its end " + success + ": look at what it logs on " + last.Host + ", or run larder cleanup by hand"
	}
	return f
}

func leftText(last *cleanup.LastRun) string {
	if last.BacklogAtLeast {
		return "more than " + thousands(last.Backlog) + " left"
	}
	return thousands(last.Backlog) + " left"
}

// overdue is what a sweep would remove now.
type overdue struct {
	report store.SweepReport
	whole  bool // it was counted to the end
	now    time.Time
}

func (o *overdue) lag() time.Duration {
	if o == nil || o.report.Due.IsZero() {
		return 0
	}
	return o.now.Sub(o.report.Due)
}

func (o *overdue) entries() string {
	if !o.whole {
		return entries(o.report.Removed) + " at least"
	}
	return entries(o.report.Removed)
}

// backlog looks for what should have gone, for a while. It is nil where the store cannot.
func (d *doctor) backlog(parent context.Context, idle time.Duration) (*overdue, error) {
	if !store.CanSweep(d.s) {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(parent, doctorSwept)
	defer cancel()
	r, err := store.Sweep(ctx, d.s, store.SweepOptions{Idle: idle, DryRun: true, Limit: doctorDead})
	switch {
	case err == nil:
	case parent.Err() != nil || ctx.Err() == nil:
		if errors.Is(err, errors.ErrUnsupported) {
			return nil, nil
		}
		if !d.passes(err) {
			return nil, err
		}
	}
	return &overdue{r, err == nil && r.Done, time.Now()}, nil
}
