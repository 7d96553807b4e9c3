package demo

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
)

// ringChange is a change of the set: one that is under way, has ended, or stands still.
type ringChange struct {
	what     string // in words
	next     shard.Placement
	prepared *shard.Change  // of the first roll-out
	changed  *shard.Change  // of the second
	before   map[string]int // entries by node
	step     int            // so many have been done
	moved    int            // entries
	left     int            // entries on nodes that have left the set
	took     time.Duration
	err      error // it stands still
}

const (
	// changePatience is how long a change may take before whoever waits for the page is told that it stands still.
	changePatience = 40 * time.Second

	// recheck is how long the roll-outs of a change wait for other programs, of which there are none.
	recheck = 50 * time.Millisecond
)

// change makes the next set and brings it in, while people click on.
func (r *Ring) change(make func(context.Context, []shard.Node) ([]shard.Node, string, error)) error {
	if !r.changing.TryLock() {
		return errBusyRing
	}
	defer r.changing.Unlock()
	if r.last != nil && r.last.err != nil {
		return errStands
	}
	// A page that is left while it works must not stop it half way.
	ctx, cancel := context.WithTimeout(r.life, changePatience)
	defer cancel()
	set, what, err := make(ctx, r.set.Nodes())
	if err != nil {
		return err
	}
	c := &ringChange{what: what}
	if c.next, err = shard.NewPlacement("", set); err == nil {
		err = r.begin(ctx, c)
	}
	if err != nil {
		r.forget(ctx) // a node that was to be added: nothing stands there yet
		return err
	}
	r.mu.Lock()
	r.last = c
	r.mu.Unlock()
	return r.goOn(ctx, c)
}

// begin does what may fail without a trace.
func (r *Ring) begin(ctx context.Context, c *ringChange) (err error) {
	if c.before, err = r.count(ctx); err != nil {
		return err
	}
	if c.prepared, err = shard.NewChange(r.stores(), r.set, c.next, &shard.ChangeOptions{Prepare: true, Recheck: recheck}); err != nil {
		return err
	}
	if c.changed, err = shard.NewChange(r.stores(), r.set, c.next, &shard.ChangeOptions{Recheck: recheck}); err != nil {
		return err
	}
	return c.prepared.Begin(ctx, false)
}

// resume goes on with the change that stands still.
func (r *Ring) resume() error {
	if !r.changing.TryLock() {
		return errBusyRing
	}
	defer r.changing.Unlock()
	if r.last == nil || r.last.err == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(r.life, changePatience)
	defer cancel()
	return r.goOn(ctx, r.last)
}

// goOn does the three roll-outs that a site with several programs would do one after the other, each of which waits for what is under way by
// the one before. What fails may be done again.
func (r *Ring) goOn(ctx context.Context, c *ringChange) (err error) {
	began := time.Now()
	defer func() {
		r.mu.Lock()
		c.took, c.err = c.took+time.Since(began), err
		r.mu.Unlock()
	}()
	steps := []func() error{
		func() error { return r.switchable.set(ctx, c.prepared) }, // the next set is read too
		func() error { return r.switchable.set(ctx, c.changed) },  // it is written
		func() error {
			report, err := c.changed.Rebalance(ctx, nil)
			c.moved += report.Moved
			return err
		},
		func() error { // it stands alone
			s, err := shard.New(r.stores(), c.next)
			if err == nil {
				err = r.switchable.set(ctx, s)
			}
			return err
		},
		func() (err error) {
			r.mu.Lock()
			r.set = c.next
			r.mu.Unlock()
			c.left, err = r.forget(ctx)
			return err
		},
	}
	for ; c.step < len(steps); c.step++ {
		if err := steps[c.step](); err != nil {
			return err
		}
	}
	return nil
}

// forget closes the nodes that are not in the set, and counts what stands there.
func (r *Ring) forget(ctx context.Context) (left int, err error) {
	set := r.set.Nodes()
	for name, n := range r.nodes {
		if slices.ContainsFunc(set, func(in shard.Node) bool { return in.Name == name }) {
			continue
		}
		for _, err := range store.List(ctx, n.Store, "") {
			if err != nil {
				return left, fmt.Errorf("node %s: %w", name, err)
			}
			left++
		}
		r.mu.Lock()
		delete(r.nodes, name)
		r.mu.Unlock()
		if err := n.Close(); err != nil {
			return left, err
		}
	}
	return left, nil
}

// count counts the entries of each node.
func (r *Ring) count(ctx context.Context) (map[string]int, error) {
	r.mu.Lock()
	stores, set := r.stores(), r.set
	r.mu.Unlock()
	plan, err := shard.CountMoves(ctx, stores, set, nil, nil)
	if err != nil {
		return nil, err
	}
	entries := make(map[string]int, len(plan.Nodes))
	for _, n := range plan.Nodes {
		entries[n.Name] = n.EntriesNow
	}
	return entries, nil
}
