package shard

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/larder-go/larder/store"
)

// Sweep is [store.Sweeper]'s. It sweeps all nodes at once, and with a Limit one after the other, beginning at any of them: one that hangs, or always has
// more to remove than the Limit, does not hold up the same ones every time. Pause and Batch are each node's. What stands on a node where the placement does
// not look is swept as everything else is. A node that fails keeps no other from being swept; one that hangs does with a Limit, until ctx ends.
//
// Nodes that cannot sweep at all, as memcached's, make it unsupported, unless they know that nothing is left to do: they are asked first.
func (s *Store) Sweep(ctx context.Context, o store.SweepOptions) (store.SweepReport, error) {
	nodes, asked := s.byName, []error(nil)
	if err := s.can("sweep", noSweep); err != nil {
		if o.DryRun || onlyIdle(o) { // of these two Cleanup does the latter
			return store.SweepReport{}, err
		}
		nodes = nil
		quiet := o
		quiet.Progress = nil
		for _, n := range s.byName {
			if s.lacksNode(n)&noSweep == 0 {
				nodes = append(nodes, n)
			} else if r, err := store.Sweep(ctx, n.s, quiet); errors.Is(err, errors.ErrUnsupported) {
				return r, n.fail(err)
			} else if err != nil {
				asked = append(asked, n.fail(err))
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return store.SweepReport{}, store.Wrap("shard", "sweep", err)
	}
	t := &tally{ctx: ctx, nodes: nodes, o: o, reports: make([]store.SweepReport, len(nodes)), errs: make([]error, len(nodes))}
	if o.Limit > 0 || len(nodes) == 1 {
		t.inTurn()
	} else {
		t.atOnce()
	}
	r := t.sum()
	r.Done = r.Done && len(asked) == 0
	return r, join(ctx, append(asked, t.errs...))
}

// onlyIdle is whether a plain Cleanup would do the same.
func onlyIdle(o store.SweepOptions) bool {
	return o.Prefix == "" && o.Batch <= 0 && o.Limit <= 0 && o.Pause <= 0 && !o.DryRun && o.Progress == nil
}

// tally is a sweep of several nodes.
type tally struct {
	ctx     context.Context
	nodes   []*node
	o       store.SweepOptions
	reports []store.SweepReport // of each, as it told last
	errs    []error
}

// sum is what all have done so far.
func (t *tally) sum() store.SweepReport {
	all, done := store.SweepReport{}, true
	for _, r := range t.reports {
		all, done = all.And(r), done && r.Done
	}
	all.Done = done
	return all
}

func (t *tally) inTurn() {
	left, first := t.o.Limit, rand.IntN(max(1, len(t.nodes)))
	for at := range t.nodes {
		i := (first + at) % len(t.nodes)
		n, o := t.nodes[i], t.o
		if o.Limit > 0 {
			if o.Limit = left; left <= 0 {
				return
			}
		}
		if o.Progress != nil {
			o.Progress = func(r store.SweepReport) {
				t.reports[i] = r
				t.o.Progress(t.sum())
			}
		}
		r, err := store.Sweep(t.ctx, n.s, o)
		t.reports[i], t.errs[i] = r, n.fail(err)
		left -= r.Removed
		if t.ctx.Err() != nil {
			return
		}
	}
}

// news is what the sweep of one node tells.
type news struct {
	node  int
	r     store.SweepReport
	err   error
	heard chan<- struct{} // it waits until this is closed; nil: it has ended
}

// batchGrace is how long a batch in flight may take to end where the caller cancels. Its report would miss what it has removed.
const batchGrace = 25 * time.Millisecond

// atOnce has a goroutine for each node. Progress is called here, as callers expect, while the node which has something to tell waits.
func (t *tally) atOnce() {
	over, end := context.WithCancel(t.ctx)
	told := make(chan news)
	for i, n := range t.nodes {
		go func() {
			ctx, stop := context.WithCancel(context.WithoutCancel(t.ctx))
			defer stop()
			defer context.AfterFunc(over, func() { time.AfterFunc(batchGrace, stop) })()
			o := t.o
			o.Progress = func(r store.SweepReport) {
				if t.o.Progress != nil {
					heard := make(chan struct{})
					told <- news{i, r, nil, heard}
					<-heard
				}
				if over.Err() != nil {
					stop()
				}
			}
			r, err := store.Sweep(ctx, n.s, o)
			if cause := t.ctx.Err(); cause != nil && errors.Is(err, context.Canceled) {
				err = store.Wrap("shard", "sweep", cause) // not what it was told
			}
			told <- news{i, r, n.fail(err), nil}
		}()
	}
	left := len(t.nodes)
	next := func() (tell bool, release func()) {
		now := <-told
		t.reports[now.node], t.errs[now.node] = now.r, now.err
		if now.heard == nil {
			left--
			return false, func() {}
		}
		return true, func() { close(now.heard) }
	}
	defer func() {
		end()
		for left > 0 { // Progress has panicked
			_, release := next()
			release()
		}
	}()
	for left > 0 {
		func() {
			tell, release := next()
			defer release()
			if tell {
				t.o.Progress(t.sum())
			}
		}()
	}
}
