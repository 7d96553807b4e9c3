package shard

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/larder-go/larder/store"
)

// Begin is the first roll-out's, with Prepare: it notes on the nodes that the change has begun, unless they say so already. A shard: URL with
// prepare=true does so when it is opened. No node may hold entries of keys that are to move there, left over from earlier: each would hide the
// true one. Where one does, the error wraps [store.ErrNotEmpty]; nonempty allows it.
//
// Nodes that cannot List are not looked over, and those that are down are left out: what is to move there cannot be used until they are back.
func (c *Change) Begin(ctx context.Context, nonempty bool) error {
	err := c.apart(ctx)
	if err == nil {
		err = c.begin(ctx, nonempty)
	}
	return store.Wrap("shard", "begin", err)
}

func (c *Change) begin(ctx context.Context, nonempty bool) error {
	if !c.o.Prepare {
		return nil
	}
	look := sync.OnceValues(func() (*contents, error) { return c.look(ctx) })
	for from := range c.alone {
		for to := range c.alone {
			if !c.mayMove(from, to) {
				continue
			}
			holds := func(old bool) func() (bool, error) {
				return func() (bool, error) {
					found, err := look()
					if err != nil {
						return false, err
					}
					return found.holds[side{from, to, old}], nil
				}
			}
			newHolds := holds(false)
			if nonempty {
				newHolds = nil
			}
			err := c.pair(from, to).Begin(ctx, holds(true), newHolds)
			switch {
			case errors.Is(err, store.ErrUnavailable) && ctx.Err() == nil:
			case errors.Is(err, store.ErrNotEmpty):
				return fmt.Errorf("%w: node %q holds entries of keys that are to move there from %q, perhaps of an earlier set; each would hide "+
					"the one that is in use; empty it first, or say &nonempty=true if these entries are to win", err, c.name(to), c.name(from))
			case err != nil:
				return err
			}
		}
	}
	return nil
}

// side is one end of a handover.
type side struct {
	from, to int
	old      bool
}

// contents is which ends of the handovers hold entries.
type contents struct{ holds map[side]bool }

// look looks over all nodes at once.
func (c *Change) look(ctx context.Context) (*contents, error) {
	found := &contents{map[side]bool{}}
	var mu sync.Mutex
	err := c.all.onAll(ctx, func(i int, n *node) error {
		if !store.CanList(n.s) {
			return nil
		}
		for info, err := range store.List(ctx, n.s, "") {
			if err != nil {
				if errors.Is(err, store.ErrCorrupt) {
					continue
				}
				return err
			}
			at := side{c.now.node(info.Key), c.next.node(info.Key), false}
			at.old = at.from == i
			if at.from == at.to || !at.old && at.to != i {
				continue
			}
			mu.Lock()
			known := found.holds[at]
			mu.Unlock()
			if known {
				continue
			}
			if counts, err := c.pair(at.from, at.to).Counts(ctx, info, at.old); err != nil || !counts {
				continue // the node that it needs is down, or it is a trace of an attempt that was given up
			}
			mu.Lock()
			found.holds[at] = true
			mu.Unlock()
		}
		return nil
	})
	if errors.Is(err, store.ErrUnavailable) && ctx.Err() == nil {
		err = nil
	}
	return found, err
}

// apart makes sure that no two nodes are one store.
func (c *Change) apart(ctx context.Context) error {
	stores := make(map[string]store.Store, len(c.alone))
	for i, s := range c.alone {
		stores[c.name(i)] = s
	}
	return apart(ctx, stores)
}
