package shard

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/larder-go/larder/store"
)

// RebalanceOptions steer [Change.Rebalance]. nil is the zero value.
type RebalanceOptions struct {
	Workers  int                   // entries on their way at once; 0: 8
	Rate     float64               // entries a second, at most, over all workers; 0: no limit
	Progress func(RebalanceReport) // called about ten times a second and at the end, never by two goroutines at once
}

// RebalanceReport is what a Rebalance has done so far.
type RebalanceReport struct {
	Moved   int   // entries that moved
	Bytes   int64 // of their values
	Garbage int   // entries that stood in their new places already, and were removed from the old ones
	Failed  int   // entries that their new nodes refuse, as too large; they stay
	Corrupt int   // records on nodes that leave the set, which cannot be read; they stay
	Checked int   // entries that the last look over all nodes has found in their places; not those on nodes that are Unlisted
	Drained bool  // nothing is left where the present set has it

	// Unlisted are the nodes that cannot List, as memcached's. What is to leave them moves when it is used, and else expires.
	Unlisted []string
}

// ErrUnlisted says that some nodes cannot be listed, so that nobody knows what is still to move.
var ErrUnlisted = errors.New("some nodes cannot list their entries")

// Rebalance moves every entry to the place that the next set gives it, while programs use both, and then looks over all nodes again. It lists each node
// three times and moves nothing that has its place on the same node in both sets. It is no use of an entry. It
// may be killed and run again: what has moved has moved. Where all is in its place it waits for twice Recheck, whether anything comes to where it has no place any
// more; then report.Drained is true and the third roll-out may begin. Marks on a new node that cannot List take five minutes more to pass. See [store.HandoverStore.Drain], of which this is one for all pairs of nodes.
//
// Where entries leave nodes that cannot List, the others' move, and the error wraps [ErrUnlisted] and [errors.ErrUnsupported]: keep the second roll-out for as
// long as those nodes' Timeout.
func (c *Change) Rebalance(ctx context.Context, o *RebalanceOptions) (RebalanceReport, error) {
	var r RebalanceReport
	var handovers []*store.HandoverStore
	var sides []store.DrainSide
	for i, s := range c.alone {
		if !store.CanList(s) {
			r.Unlisted = append(r.Unlisted, c.name(i))
			continue
		}
		side := store.DrainSide{Store: s, Of: func(key string) (*store.HandoverStore, bool) { return c.side(i, key) }}
		for to := range c.alone {
			if c.mayMove(i, to) {
				handovers = append(handovers, c.pair(i, to))
				side.Leaves = true
			}
		}
		sides = append(sides, side)
	}
	stuck := stuckEntries{c: c}
	drain := store.DrainOptions{Stuck: stuck.add}
	if o != nil {
		drain.Workers, drain.Rate = o.Workers, o.Rate
		if o.Progress != nil {
			drain.Progress = func(d store.DrainReport) { o.Progress(r.with(d)) }
		}
	}
	err := c.apart(ctx)
	if err == nil {
		var d store.DrainReport
		d, err = store.DrainAll(ctx, handovers, sides, &drain)
		r = r.with(d)
		err = stuck.explain(err, r)
	}
	if err == nil {
		err = c.unlisted(&r)
	}
	return r, store.Wrap("shard", "rebalance", err)
}

func (r RebalanceReport) with(d store.DrainReport) RebalanceReport {
	r.Moved, r.Bytes, r.Garbage, r.Failed, r.Corrupt, r.Checked, r.Drained = d.Moved, d.Bytes, d.Garbage, d.Failed, d.Corrupt, d.Checked, d.Drained
	return r
}

// stuckEntries are those that cannot move.
type stuckEntries struct {
	c     *Change
	first error
	where map[string]bool // "a to b"
}

func (s *stuckEntries) add(_ *store.HandoverStore, key string, err error) {
	if s.where == nil {
		s.first, s.where = err, map[string]bool{}
	}
	s.where[s.c.name(s.c.now.node(key))+" to "+s.c.name(s.c.next.node(key))] = true
}

// explain says in the words of a set what keeps a drain from its end.
func (s *stuckEntries) explain(err error, r RebalanceReport) error {
	switch {
	case errors.Is(err, store.ErrLingers):
		return fmt.Errorf("something still comes to nodes that have no place for it in the next set: is a program in the first roll-out, or before it? Bring it to " +
			"the second, and run this again")
	case r.Failed > 0 && s.first != nil && errors.Is(err, store.ErrTooLarge):
		ways := slices.Sorted(maps.Keys(s.where))
		return fmt.Errorf("%d entries did not move, from %s: %w; raise the limit of that node (x-max-value, and 100 bytes more where it leaves) and run this again, or "+
			"remove them", r.Failed, strings.Join(ways, ", "), s.first)
	case r.Corrupt > 0 && errors.Is(err, store.ErrCorrupt):
		return fmt.Errorf("%d records on nodes that leave the set cannot be read: %w; sweep them by their age, or drop them with their nodes", r.Corrupt, store.ErrCorrupt)
	}
	return err
}

// side says which handover a key that stands on the node i belongs to. A record that does not tell its key stays where it is, unless the node leaves.
func (c *Change) side(i int, key string) (h *store.HandoverStore, old bool) {
	if key == "" {
		if c.next.holds[i] > 0 {
			return nil, false
		}
		return c.pair(i, c.next.at[0]), true
	}
	from, to := c.now.node(key), c.next.node(key)
	if from == to || from != i && to != i {
		return nil, false
	}
	return c.pair(from, to), from == i
}

// unlisted says what is to be done where entries leave nodes that nobody can look over.
func (c *Change) unlisted(r *RebalanceReport) error {
	var leaving []string
	for i, s := range c.alone {
		for to := range c.alone {
			if c.mayMove(i, to) && !store.CanList(s) {
				leaving = append(leaving, c.name(i))
				break
			}
		}
	}
	if len(leaving) == 0 {
		return nil
	}
	r.Drained = false
	wait := "they have no x-timeout, so keep this roll-out until the longest deadline of an entry has passed; what has none and is not used stays behind"
	if e, err := c.all.Expiry(); err == nil && e.Timeout > 0 {
		wait = fmt.Sprintf("what is not expires: keep this roll-out for their x-timeout, %v, before the next", e.Timeout+e.Slack())
	}
	return fmt.Errorf("%w (%s): what is to leave them moves when it is used; %s: %w", ErrUnlisted, strings.Join(leaving, ", "), wait, errors.ErrUnsupported)
}
