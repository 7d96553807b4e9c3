package live

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/larder-go/larder/store"
	"github.com/larder-go/larder/store/storetest/internal/cases"
)

// run is one Run.
type run struct {
	cfg       Config
	root      string // the prefix of everything
	admin     store.Closer
	lacks     []string
	lists     bool // then what was written is found by its prefix, else by the account of it
	slow      bool
	roundTrip time.Duration
	skew      time.Duration // how far the store's clock is from ours, at least
	stores    atomic.Int64
	gate      gate
	written   written
}

// Run tests the deployment. The report comes also with an error, once cases have run: the error says that the deployment could not be
// opened or asked, that ctx has ended, or that something could not be removed. A broken rule is no error: ask the report.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	selected, err := cfg.selected()
	if err != nil {
		return nil, err
	}
	r := &run{cfg: cfg, root: Prefix + strings.ToLower(rand.Text()[:10]) + "/"}
	if r.admin, err = cfg.Open(ctx, store.Expiry{TouchAfter: -1}); err != nil {
		return nil, err
	}
	defer r.admin.Close()
	if err := r.ask(ctx); err != nil {
		r.remove(ctx)
		return nil, err
	}
	report := &Report{Lacks: r.lacks, Slow: r.slow, Prefix: r.root}
	report.Results = r.all(ctx, selected)
	r.gate.close()
	left, err := r.remove(ctx)
	report.Left = left
	if err == nil {
		err = ctx.Err()
	}
	return report, err
}

// ask finds out what the store can do.
func (r *run) ask(ctx context.Context) error {
	if err := r.measure(ctx); err != nil {
		return err
	}
	for _, name := range r.cfg.Lacks {
		if slices.Contains(cases.Abilities(), name) {
			r.lacks = append(r.lacks, name)
		}
	}
	if !store.CanSwap(r.admin) {
		r.lacks = append(r.lacks, cases.Swap)
	}
	if r.lists = store.CanList(r.admin); r.lists {
		begin := time.Now()
		for _, err := range store.List(ctx, r.admin, r.root) {
			if err != nil && !errors.Is(err, store.ErrCorrupt) {
				return err
			}
		}
		r.slow = time.Since(begin) > slowList && !r.cfg.Full
	}
	if !r.lists || r.slow {
		r.lacks = append(r.lacks, cases.List)
	}
	if !store.CanSweep(r.admin) || r.slow {
		// A cleanup that knows no prefix would remove what is not ours.
		r.lacks = append(r.lacks, cases.Sweep, cases.Cleanup)
	}
	slices.Sort(r.lacks)
	r.lacks = slices.Compact(r.lacks)
	return nil
}

// measure finds out how long the store takes to answer, and how far its clock is from ours: the shortest and the least of some tries, for the
// first may have to connect. The entry that it writes goes with the others.
func (r *run) measure(ctx context.Context) error {
	key := r.root + "clock"
	r.written.note(key)
	for try := range 5 {
		begin := time.Now()
		if err := r.admin.Set(ctx, key, nil); err != nil {
			return err
		}
		end := time.Now()
		if took := end.Sub(begin); try == 0 || took < r.roundTrip {
			r.roundTrip = took
		}
		item, err := store.Peek(ctx, r.admin, key)
		if err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err != nil || item.Atime.IsZero() {
			continue
		}
		if skew := max(begin.Sub(item.Atime), item.Atime.Sub(end), 0); try == 0 || skew < r.skew {
			r.skew = skew
		}
	}
	return nil
}

func (r *run) can(ability string) bool { return !slices.Contains(r.lacks, ability) }

// all runs the cases, those that wait first, some beside each other.
func (r *run) all(ctx context.Context, selected []cases.Case) []Result {
	portable := r.portable()
	results := make([]*Result, len(selected))
	var done atomic.Int64
	for _, group := range []struct {
		waits bool
		room  int
	}{{true, beside}, {false, atWork}} {
		var work sync.WaitGroup
		room := make(chan struct{}, group.room)
		for i := range selected {
			if selected[i].Waits != group.waits || ctx.Err() != nil {
				continue
			}
			room <- struct{}{}
			work.Go(func() {
				defer func() { <-room }()
				results[i] = r.one(ctx, &selected[i], portable)
				if n := int(done.Add(1)); r.cfg.Progress != nil && ctx.Err() == nil {
					r.cfg.Progress(n, len(selected))
				}
			})
		}
		work.Wait()
	}
	var ended []Result
	for _, result := range results {
		if result != nil {
			ended = append(ended, *result)
		}
	}
	return ended
}

// one runs a case, or says why not. It returns nil for a case that is not about this store, and where ctx has ended first: the case
// then ends by itself, at the latest when it next looks at its context, and the gate keeps it from writing.
func (r *run) one(ctx context.Context, c *cases.Case, portable cases.Config) *Result {
	result := newResult(c.Name, c.Rule)
	need, hook := portable.Missing(c)
	switch {
	case need == "Down":
		result.Untested = "it takes an outage"
	case need == "Corrupt":
		result.Untested = "it takes a damaged record"
	case slices.Contains(r.cfg.Lacks, c.Name):
		result.Untested = "this backend does not promise it"
	case c.Name == "sweep/scanned":
		result.Untested = "it takes a store that holds nothing else"
	case need == "Goroutines":
		result.Untested = "package storetest counts goroutines"
	case hook:
		result.Untested = "only one handle can be open"
	case strings.HasPrefix(need, "no "):
		return nil // a rule for others
	case need != "":
		result.Lacks = need
	case result.Heading == "Cleanup" && !r.can(cases.Cleanup) && !r.cfg.Expires, c.Name == "abilities/cleanup" && !r.can(cases.Cleanup):
		result.Lacks = cases.Cleanup
	}
	if result.Untested != "" || result.Lacks != "" {
		return &result
	}
	limit := caseLimit
	if r.cfg.Full {
		limit *= 10
	}
	type outcome struct {
		failures []string
		skipped  string
	}
	ended := make(chan outcome, 1)
	caseCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		failures, skipped := cases.Try(caseCtx, c, portable)
		ended <- outcome{failures, skipped}
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return nil
	case <-timer.C:
		result.Failures = []string{fmt.Sprintf("the case has not ended after %v", limit)}
	case o := <-ended:
		if ctx.Err() != nil {
			return nil // what failed, failed because of that
		}
		result.Failures, result.Untested = o.failures, o.skipped
	}
	return &result
}
