package shard

import (
	"context"
	"errors"
	"fmt"
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
	Checked int   // entries that the last look over all nodes has found in their places
	Drained bool  // nothing is left where the present set has it, and every program knows

	// Unlisted are the nodes that cannot List, as memcached's. What is to leave them moves when it is used, and else expires.
	Unlisted []string
}

// ErrUnlisted says that some nodes cannot be listed, so that nobody knows what is still to move.
var ErrUnlisted = errors.New("some nodes cannot list their entries")

// Rebalance moves every entry to the place that the next set gives it, while programs use both, and then looks over all nodes again. It lists each node
// three times and moves nothing that has its place on the same node in both sets. It is no use of an entry. It
// may be killed and run again: what has moved has moved. Where all is in its place it takes four times Recheck, in which every program notices; then
// report.Drained is true and the third roll-out may begin. See [store.HandoverStore.Drain], of which this is one for all pairs of nodes.
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
	drain := store.DrainOptions{}
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
	return fmt.Errorf("%w (%s): what is to leave them moves when it is used, and expires when it is not; keep this roll-out for as long as "+
		"their x-timeout before the next: %w", ErrUnlisted, strings.Join(leaving, ", "), errors.ErrUnsupported)
}
