package cli

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/larder-go/larder/cleanup"
	"github.com/larder-go/larder/internal/words"
	"github.com/larder-go/larder/store"
)

// cleanupGrace is how long the batch in flight may take after SIGTERM: less than the ten seconds that Docker waits before it kills, and Kubernetes and
// systemd wait longer.
const cleanupGrace = 5 * time.Second

type cleanupResult struct {
	Scanned        int        `json:"scanned"`          // entries looked at
	Removed        int        `json:"removed"`          // with dry_run: that would have been
	Bytes          int64      `json:"bytes"`            // of their values
	Oldest         *time.Time `json:"oldest"`           // earliest atime among them; null: none
	Lag            float64    `json:"lag"`              // seconds; how late the first came
	Backlog        int        `json:"backlog"`          // left that should go
	BacklogAtLeast bool       `json:"backlog_at_least"` // not all of it was counted
	Duration       float64    `json:"duration"`         // seconds
	Done           bool       `json:"done"`             // nothing that should go is left
	Reason         string     `json:"reason"`           // why it stopped
	DryRun         bool       `json:"dry_run"`
}

func newCleanupResult(r cleanup.Report, dryRun bool) cleanupResult {
	return cleanupResult{r.Scanned, r.Removed, r.Bytes, stamp(r.Oldest), r.Lag.Seconds(), r.Backlog, r.BacklogAtLeast,
		r.Duration.Seconds(), r.Done, string(r.Reason), dryRun}
}

func (a *app) cleanup(ctx context.Context, s store.Store, f *cleanupFlags, m *cleanupMetrics) error {
	if err := a.cleansItself(s, f); err != nil {
		return err
	}
	var scanned, removed atomic.Int64
	verb := "removed"
	if f.dryRun {
		verb = "to remove"
	}
	line := a.progress(func() string {
		return fmt.Sprintf("cleaning up: %s looked at, %s %s", entries(int(scanned.Load())), thousands(int(removed.Load())), verb)
	})
	o := f.options()
	o.Progress = func(r cleanup.Report) {
		scanned.Store(int64(r.Scanned))
		removed.Store(int64(r.Removed))
	}
	r, err := cleanup.Run(ctx, s, o)
	line.stop()
	m.report = &r
	if r.Reason == cleanup.Leased {
		m.othersSuccess(ctx, s)
	}
	return a.cleanedUp(r, err, f)
}

// cleanedUp tells what a sweep has done, here or in a program that was asked for it.
func (a *app) cleanedUp(r cleanup.Report, err error, f *cleanupFlags) error {
	if errors.Is(err, errors.ErrUnsupported) {
		return &failure{exitUsage, err, "this kind of store expires by itself, or can clean up only as a whole: leave the other flags out"}
	}
	text := a.cleanupText(r, f)
	if !a.json && (r.Reason == cleanup.Leased || r.Reason == cleanup.Failed && r.Scanned == 0 && r.Removed == 0) {
		return err // it did not even look
	}
	if err := a.summary(newCleanupResult(r, f.dryRun), text); err != nil {
		return err
	}
	switch {
	case f.dryRun:
	case r.Reason == cleanup.Limit:
		a.note("stopped at --limit; %s", backlogText(r))
	case r.Reason == cleanup.Incomplete:
		a.note("something is left: another cleanup is at work, or a program holds entries; the next run takes it")
	case r.Backlog > 0:
		a.note("%s", backlogText(r))
	}
	return err
}

// backlogText says how much is left.
func backlogText(r cleanup.Report) string {
	verb := " are left"
	if r.Backlog == 1 {
		verb = " is left"
	}
	switch {
	case r.BacklogAtLeast && r.Backlog == 0:
		return "more may be left"
	case r.BacklogAtLeast:
		return "at least " + entries(r.Backlog) + verb
	case r.Backlog == 0:
		return "nothing is left"
	}
	return entries(r.Backlog) + verb
}

// cleansItself refuses what a backend that expires by itself cannot do, and says what will not happen by itself.
func (a *app) cleansItself(s store.Store, f *cleanupFlags) error {
	if store.CanSweep(s) || !a.backend.Expires {
		a.noteForEver()
		return nil
	}
	advice := "in the store's URL, here and in every program that uses the store; larder rm KEY removes one entry"
	switch idle := time.Duration(f.idle); {
	case a.expiry.Timeout <= 0:
		return usage("write ?x-timeout=24h "+advice,
			"%s removes what is idle by itself, but only where the URL has x-timeout: without, what has no deadline of its own stays for ever", a.backend.Name)
	case idle > 0 && idle < a.expiry.Timeout:
		return usage(fmt.Sprintf("write ?x-timeout=%s %s", idle, advice), "%s removes what is idle for x-timeout, %s, by itself, and cannot say what is idle for %s",
			a.backend.Name, age(a.expiry.Timeout), age(idle))
	}
	return nil
}

// noteForEver is for backends that expire by themselves if they are told when.
func (a *app) noteForEver() {
	if a.backend.Expires && a.expiry.Timeout <= 0 {
		a.note("note: %s", keptForEver)
	}
}

// cleanupText says what went and, since that surprises, how much longer than --idle an entry may stay.
func (a *app) cleanupText(r cleanup.Report, f *cleanupFlags) string {
	which := "expired"
	if f.idle > 0 {
		which += " or not used for " + age(time.Duration(f.idle))
		if slack := a.expiry.Slack(); slack > 0 {
			which += " (and " + age(slack) + " of x-touch-after)"
		}
	}
	soFar := ""
	if r.Reason == cleanup.Failed {
		soFar = "incomplete: "
	}
	switch {
	case r.Removed == 0 && r.Done && a.backend.Expires && (f.idle <= 0 || a.expiry.Timeout > 0 && a.expiry.Timeout <= time.Duration(f.idle)):
		return "nothing to do: " + a.backend.Name + " removes by itself what is " + which
	case r.Removed == 0 && r.Done:
		return "nothing to remove: no entry is " + which
	case f.dryRun:
		return soFar + fmt.Sprintf("would remove %s, %s: %s", entries(r.Removed), words.Size(r.Bytes), which)
	}
	return soFar + fmt.Sprintf("removed %s, %s, in %s: %s", entries(r.Removed), words.Size(r.Bytes), age(roundDuration(r.Duration)), which)
}

// roundDuration keeps what a person wants to read of a run time.
func roundDuration(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(time.Second)
}
