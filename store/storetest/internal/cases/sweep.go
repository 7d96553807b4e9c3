package cases

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/larder-go/larder/store"
)

func sweepCases() []Case {
	c := []Case{
		{Name: "sweep/report", Rule: "Cleanup: A sweep reports what it removed, how many bytes their values had, and the earliest atime among them.", Run: sweepReport},
		{Name: "sweep/scanned", Rule: "Cleanup: A sweep counts each entry that it looks at once.", Run: sweepScanned},
		{Name: "sweep/prefix", Rule: "Cleanup: A sweep with a Prefix removes only keys that begin so and go on.", Run: sweepPrefix},
		{Name: "sweep/limit", Rule: "Cleanup: A sweep with a Limit removes so many entries and no more, and is not Done where some are left.", Run: sweepLimit},
		{Name: "sweep/batch", Rule: "Cleanup: It works in bounded batches; Progress is called after each batch, from the same goroutine.", Run: sweepBatch},
		{Name: "sweep/dry-run", Rule: "Cleanup: A sweep with DryRun counts, and removes nothing.", Run: sweepDryRun},
		{Name: "sweep/idle", Rule: "Cleanup: A sweep with an Idle removes what Cleanup(idle) removes.", Run: sweepIdle},
		{Name: "sweep/cancel", Rule: "Cleanup: When its context ends, it returns what it has removed so far with the context's error.", Run: sweepCancel},
		{Name: "sweep/pause", Rule: "Context: Every method returns within 50 ms of a cancel; a sweep does so from its pause, too.", Run: sweepPause},
	}
	for i := range c {
		c[i].Needs = append(c[i].Needs, Sweep, Swap)
	}
	return c
}

// ages fills s with n entries, the i-th i+2 hours old and with a value of 10 bytes, of which none is older than the Timeout.
func (e *Env) ages(prefix string, n int) store.Store {
	e.Helper()
	s := e.open(store.Expiry{Timeout: 1000 * time.Hour, TouchAfter: time.Minute})
	e.grow(s, prefix, n)
	return s
}

func (e *Env) grow(s store.Store, prefix string, n int) {
	e.Helper()
	for i := range n {
		age := time.Duration(i+2) * time.Hour
		e.swap(s, fmt.Sprintf("%s%d", prefix, i), store.AnyVersion, &store.Item{Value: []byte("ten bytes."), Atime: time.Now().Add(-age)})
	}
}

func (e *Env) sweep(s store.Store, o store.SweepOptions) store.SweepReport {
	e.Helper()
	r, err := store.Sweep(e.ctx, s, o)
	if err != nil {
		e.Fatalf("Sweep: %v", err)
	}
	return r
}

func sweepReport(e *Env) {
	s := e.ages("old ", 20)
	e.fill(s, "new ", 5)
	oldest := time.Now().Add(-21 * time.Hour)
	r := e.sweep(s, store.SweepOptions{Idle: time.Hour})
	if r.Removed != 20 || r.Bytes != 200 || !r.Done || r.Scanned < r.Removed || r.Oldest.Sub(oldest).Abs() > time.Minute+e.Slack {
		e.Errorf("the sweep of 20 entries of 10 bytes, the oldest of %v, reports %+v", oldest, r)
	}
	r = e.sweep(s, store.SweepOptions{Idle: time.Hour})
	if r.Removed != 0 || r.Bytes != 0 || !r.Done || !r.Oldest.IsZero() {
		e.Errorf("a sweep that has nothing to remove reports %+v", r)
	}
	for i := range 5 {
		e.want(s, fmt.Sprintf("new %d", i), "value")
	}
}

// sweepScanned has entries that are due by their atime and by their deadline, and others in the way of a prefix.
func sweepScanned(e *Env) {
	s := e.ages("a/", 10)
	e.grow(s, "b/", 10)
	for i := range 10 {
		e.swap(s, fmt.Sprintf("b/both %d", i), "", &store.Item{Atime: time.Now().Add(-2 * time.Hour), Expires: soon(-time.Minute)})
	}
	for _, dry := range []bool{true, false} {
		if r := e.sweep(s, store.SweepOptions{Idle: time.Hour, Prefix: "b/", Batch: 1, DryRun: dry}); r.Removed != 20 || r.Scanned < 20 || r.Scanned > 30 {
			e.Errorf("a sweep (dry run: %v) of 20 entries among 30 reports %+v", dry, r)
		}
	}
}

func sweepPrefix(e *Env) {
	s := e.ages("a/", 10)
	for _, prefix := range []string{"a", "b/", "A/", "a%", "a_", "aa/"} {
		e.grow(s, prefix+"x", 3)
	}
	e.swap(s, "a/", "", &store.Item{Atime: time.Now().Add(-2 * time.Hour)})
	if r := e.sweep(s, store.SweepOptions{Idle: time.Hour, Prefix: "a/"}); r.Removed != 10 || !r.Done {
		e.Errorf("a sweep of 10 entries by prefix reports %+v", r)
	}
	if r := e.sweep(s, store.SweepOptions{Idle: time.Hour, Prefix: "a_"}); r.Removed != 3 || !r.Done {
		e.Errorf("a sweep of 3 entries by prefix reports %+v", r)
	}
	if !e.contains(s, "a/") {
		e.Errorf("a sweep of the prefix a/ has removed the key a/ itself")
	}
	for _, prefix := range []string{"a", "b/", "A/", "a%", "aa/"} {
		for i := range 3 {
			if key := fmt.Sprintf("%sx%d", prefix, i); !e.contains(s, key) {
				e.Errorf("a sweep of the prefixes a/ and a_ has removed %q", key)
			}
		}
	}
}

func sweepLimit(e *Env) {
	s := e.ages("key ", 25)
	for _, want := range []int{10, 10, 5, 0} {
		r := e.sweep(s, store.SweepOptions{Idle: time.Hour, Limit: 10})
		if r.Removed != want || want < 10 && !r.Done {
			e.Errorf("a sweep with a Limit of 10 reports %+v; want %d removed", r, want)
		}
		if want == 10 && r.Done && !e.lacks(List) && len(e.list(s, "")) > 0 {
			e.Errorf("a sweep that its Limit has ended says that nothing is left")
		}
	}
}

func sweepBatch(e *Env) {
	s := e.ages("key ", 25)
	var reports []store.SweepReport
	r := e.sweep(s, store.SweepOptions{Idle: time.Hour, Batch: 10, Pause: time.Millisecond, Progress: func(r store.SweepReport) {
		reports = append(reports, r)
		e.contains(s, "key 0") // nothing is held meanwhile
	}})
	if r.Removed != 25 || !r.Done || len(reports) < 3 {
		e.Errorf("a sweep of 25 entries in batches of 10 reports %+v, after %d calls of Progress", r, len(reports))
	}
	before := 0
	for i, p := range reports {
		if p.Removed-before > 10 || p.Removed < before {
			e.Errorf("the %d. batch has removed %d entries; the limit is 10", i+1, p.Removed-before)
		}
		before = p.Removed
	}
	if before != 25 {
		e.Errorf("the last call of Progress tells of %d entries; want 25", before)
	}
}

func sweepDryRun(e *Env) {
	s := e.ages("key ", 20)
	e.fill(s, "new ", 5)
	for range 2 {
		if r := e.sweep(s, store.SweepOptions{Idle: time.Hour, DryRun: true}); r.Removed != 20 || r.Bytes != 200 {
			e.Errorf("a dry run over 20 entries of 10 bytes reports %+v", r)
		}
	}
	if r := e.sweep(s, store.SweepOptions{Idle: time.Hour, DryRun: true, Limit: 5, Batch: 2}); r.Removed != 5 {
		e.Errorf("a dry run with a Limit of 5 reports %+v", r)
	}
	for i := range 20 {
		if !e.contains(s, fmt.Sprintf("key %d", i)) {
			e.Errorf("a dry run has removed an entry")
		}
	}
	if r := e.sweep(s, store.SweepOptions{Idle: time.Hour}); r.Removed != 20 {
		e.Errorf("after dry runs, a sweep reports %+v; want 20 removed", r)
	}
}

func sweepIdle(e *Env) {
	s := e.ages("key ", 20)
	for i := 19; i >= 0; i-- {
		idle := time.Duration(i+2)*time.Hour - 30*time.Minute
		if r := e.sweep(s, store.SweepOptions{Idle: idle}); r.Removed != 1 {
			e.Errorf("of entries that are 2 to %d hours old, a sweep of those idle for %v reports %+v; want 1 removed", i+2, idle, r)
		}
		if key := fmt.Sprintf("key %d", i); e.contains(s, key) {
			e.Errorf("%s is still there", key)
		}
	}
	e.grow(s, "key ", 5)
	if r := e.sweep(s, store.SweepOptions{}); r.Removed != 0 || !r.Done {
		e.Errorf("a sweep without Idle, with nothing absent, reports %+v", r)
	}
}

func sweepCancel(e *Env) {
	s := e.ages("key ", 50)
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	r, err := store.Sweep(ctx, s, store.SweepOptions{Idle: time.Hour, Batch: 10, Progress: func(store.SweepReport) { cancel() }})
	if !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnavailable) || r.Done || r.Removed == 0 || r.Removed == 50 {
		e.Errorf("a sweep in batches of 10, cancelled after the first, = %+v, %v; want some removed, not Done and context.Canceled", r, err)
	}
	if rest := e.sweep(s, store.SweepOptions{Idle: time.Hour}); rest.Removed != 50-r.Removed {
		e.Errorf("a sweep that was cancelled says that it has removed %d, and the next finds %d; there were 50", r.Removed, rest.Removed)
	}
}

func sweepPause(e *Env) {
	s := e.ages("key ", 50)
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	begin := time.Now()
	_, err := store.Sweep(ctx, s, store.SweepOptions{Idle: time.Hour, Batch: 10, Pause: 5 * time.Second, Progress: func(store.SweepReport) {
		time.AfterFunc(20*time.Millisecond, cancel)
	}})
	if took := time.Since(begin); took > 4*time.Second {
		e.Errorf("a sweep that was cancelled in a pause of 5 s returned after %v", took)
	}
	e.is("a sweep that was cancelled in its pause", err, context.Canceled)
}
