package shard

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/larder-go/larder/store"
)

// A note on each node, under a reserved key that only this change has, spares programs of the first roll-out the search for what is left over.
const (
	noteLooked = "looked" // nothing was, a short while ago
	noteMoves  = "moves"  // some program is in the second roll-out, or was: what stands where the next set has it has moved there

	lookedLife = time.Hour
	movesLife  = 7 * 24 * time.Hour
)

// Begin is called by each program before it uses the Change. A shard: URL does so when it is opened.
//
// In Prepare it makes sure that no node holds entries of keys that are to move there, left over from earlier: each would hide the true one, and
// perhaps bring back what has been deleted. Where one does, the error wraps [store.ErrNotEmpty]; nonempty allows it. All nodes are listed for
// that, unless a program has done so within the hour, or some program moves entries already. Without Prepare it notes that entries move.
//
// Nodes that cannot List, and those that are down, are not looked over. What returns with entries of an earlier time must be emptied before.
func (c *Change) Begin(ctx context.Context, nonempty bool) error {
	err := c.apart(ctx)
	if err == nil {
		err = c.begin(ctx, nonempty)
	}
	return store.Wrap("shard", "begin", err)
}

func (c *Change) begin(ctx context.Context, nonempty bool) error {
	if !c.o.Prepare {
		c.note(ctx, noteMoves, movesLife)
		return ctx.Err()
	}
	if c.noted(ctx) {
		return ctx.Err()
	}
	if !nonempty {
		if err := c.leftOver(ctx); err != nil {
			return err
		}
	}
	c.forget(ctx, c.backID) // what has moved the other way round did so before
	c.note(ctx, noteLooked, lookedLife)
	return ctx.Err()
}

// noted reports whether any node has a note. Here, as in note and forget, what does not answer in time is not waited for.
func (c *Change) noted(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, apartPatience)
	defer cancel()
	var mu sync.Mutex
	found := false
	_ = c.all.onAll(ctx, func(_ int, n *node) error {
		there, err := n.s.Contains(ctx, noteKey(c.id))
		mu.Lock()
		defer mu.Unlock()
		found = found || err == nil && there
		return err
	})
	return found
}

// note puts one on every node that answers. Where none does, others look for themselves.
func (c *Change) note(ctx context.Context, what string, life time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, apartPatience)
	defer cancel()
	_ = c.all.onAll(ctx, func(_ int, n *node) error {
		_, err := store.Swap(ctx, n.s, noteKey(c.id), store.AnyVersion, &store.Item{Value: []byte(what), Expires: time.Now().Add(life)})
		return err
	})
}

func (c *Change) forget(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, apartPatience)
	defer cancel()
	_ = c.all.onAll(ctx, func(_ int, n *node) error { return n.s.Delete(ctx, noteKey(id)) })
}

func noteKey(id string) string { return store.ReservedKey("ring change " + id) }

// leftOver looks over all nodes at once for entries where only the next set has their keys.
func (c *Change) leftOver(ctx context.Context) error {
	err := c.all.onAll(ctx, func(i int, n *node) error {
		if c.next.holds[i] == 0 || !store.CanList(n.s) {
			return nil
		}
		for info, err := range store.List(ctx, n.s, "") {
			if errors.Is(err, store.ErrCorrupt) {
				continue
			} else if err != nil {
				return err
			}
			from, to := c.now.node(info.Key), c.next.node(info.Key)
			if from == to || to != i {
				continue
			}
			if counts, err := c.pair(from, to).Counts(ctx, info, false); err == nil && counts { // and no trace of an attempt that was given up
				return fmt.Errorf("%w: node %q holds entries of keys that are to move there from %q, perhaps of an earlier time; each would hide the one that is in "+
					"use; empty it first, or say &nonempty=true if these entries are to win", store.ErrNotEmpty, n.name, c.name(from))
			}
		}
		return nil
	})
	if errors.Is(err, store.ErrUnavailable) && !errors.Is(err, store.ErrNotEmpty) && ctx.Err() == nil {
		return nil
	}
	return err
}

// apart makes sure that no two nodes are one store.
func (c *Change) apart(ctx context.Context) error {
	stores := make(map[string]store.Store, len(c.alone))
	for i, s := range c.alone {
		stores[c.name(i)] = s
	}
	return apart(ctx, stores)
}
