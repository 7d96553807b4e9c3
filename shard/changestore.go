package shard

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"time"

	"github.com/larder-go/larder/store"
)

// at is the store that has key, which must be valid.
func (c *Change) at(op, key string) (store.Store, error) {
	if err := store.CheckKey(key); err != nil {
		return nil, store.Wrap("shard", op, err)
	}
	return c.of(key), nil
}

// Contains is [store.Store]'s.
func (c *Change) Contains(ctx context.Context, key string) (bool, error) {
	s, err := c.at("contains", key)
	if err != nil {
		return false, err
	}
	return s.Contains(ctx, key)
}

// Get is [store.Store]'s. What stands where the present set has it moves.
func (c *Change) Get(ctx context.Context, key string) ([]byte, error) {
	s, err := c.at("get", key)
	if err != nil {
		return nil, err
	}
	return s.Get(ctx, key)
}

// Set is [store.Store]'s.
func (c *Change) Set(ctx context.Context, key string, value []byte) error {
	s, err := c.at("set", key)
	if err != nil {
		return err
	}
	return s.Set(ctx, key, value)
}

// Delete is [store.Store]'s.
func (c *Change) Delete(ctx context.Context, key string) error {
	s, err := c.at("delete", key)
	if err != nil {
		return err
	}
	return s.Delete(ctx, key)
}

// Touch is [store.Toucher]'s.
func (c *Change) Touch(ctx context.Context, key string) error {
	s, err := c.at("touch", key)
	if err != nil {
		return err
	}
	return store.Touch(ctx, s, key)
}

// Load is [store.Swapper]'s. What moves is another version afterwards.
func (c *Change) Load(ctx context.Context, key string) (*store.Item, error) {
	s, err := c.at("load", key)
	if err != nil {
		return nil, err
	}
	return store.Load(ctx, s, key)
}

// Peek is [store.Swapper]'s. Nothing moves.
func (c *Change) Peek(ctx context.Context, key string) (*store.Item, error) {
	s, err := c.at("peek", key)
	if err != nil {
		return nil, err
	}
	return store.Peek(ctx, s, key)
}

// Swap is [store.Swapper]'s.
func (c *Change) Swap(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
	s, err := c.at("swap", key)
	if err != nil {
		return "", err
	}
	return store.Swap(ctx, s, key, old, item)
}

// Cleanup is [store.Store]'s, as [Store.Cleanup] does it.
func (c *Change) Cleanup(ctx context.Context, idle time.Duration) (int, error) {
	return c.all.Cleanup(ctx, idle)
}

// Sweep is [store.Sweeper]'s, as [Store.Sweep] does it.
func (c *Change) Sweep(ctx context.Context, o store.SweepOptions) (store.SweepReport, error) {
	return c.all.Sweep(ctx, o)
}

// Expiry is [store.Expirer]'s, as [Store.Expiry] finds it.
func (c *Change) Expiry() (store.Expiry, error) { return c.all.Expiry() }

// List is [store.Lister]'s. It goes over all nodes twice, since what moves meanwhile would else be listed twice or not at all, and remembers a hash
// of each key that is still to move, some 30 bytes. A node that fails keeps no other from being listed, but hides what moves from or to it; its error comes last.
func (c *Change) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		if err := c.all.can("list", noList); err != nil {
			yield(store.Info{}, err)
			return
		}
		l := &changeList{c: c, prefix: prefix, yield: yield, seed: maphash.MakeSeed(), seen: map[uint64]struct{}{}, failed: make([]error, len(c.alone))}
		for _, leaving := range []bool{true, false} {
			for i := range c.alone {
				if !l.node(ctx, i, leaving) {
					return
				}
			}
		}
		if err := join(ctx, l.failed); err != nil {
			yield(store.Info{}, err)
		}
	}
}

// changeList is a List under way.
type changeList struct {
	c      *Change
	prefix string
	yield  func(store.Info, error) bool
	seed   maphash.Seed
	seen   map[uint64]struct{} // entries that were still to move
	failed []error             // of the nodes that could not be listed
}

// node lists what stays on a node and what is to leave it, or else what has come to it. It is false where the caller has enough.
func (l *changeList) node(ctx context.Context, i int, leaving bool) bool {
	c := l.c
	if l.failed[i] != nil || !leaving && c.next.holds[i] == 0 || leaving && c.now.holds[i] == 0 {
		return true
	}
	for info, err := range store.List(ctx, c.alone[i], l.prefix) {
		switch {
		case err != nil && !errors.Is(err, store.ErrCorrupt):
			l.failed[i] = err
			return true
		case err != nil && leaving == (c.now.holds[i] > 0): // once
			info = store.Info{}
		case err != nil:
			continue
		default:
			from, to := c.now.node(info.Key), c.next.node(info.Key)
			switch {
			case leaving && from != i, !leaving && (to != i || from == to):
				continue
			case from != to:
				hash := maphash.String(l.seed, info.Key)
				if _, twice := l.seen[hash]; twice || l.failed[to] != nil {
					continue
				}
				counts, lookErr := c.pair(from, to).Counts(ctx, info, leaving)
				if lookErr != nil && !errors.Is(lookErr, store.ErrCorrupt) {
					l.failed[to] = lookErr // it is the one that was asked
					counts = false
				}
				if !counts {
					continue
				}
				if leaving {
					l.seen[hash] = struct{}{}
				}
			}
		}
		if !l.yield(info, err) {
			return false
		}
	}
	return true
}

// Inspect is [store.Inspector]'s, as [Store.Inspect] does it.
func (c *Change) Inspect(ctx context.Context) ([]store.Fact, error) {
	facts, err := c.all.Inspect(ctx)
	if err == nil {
		facts[0] = c.fact()
	}
	return facts, err
}

func (c *Change) fact() store.Fact {
	step := "second"
	if c.o.Prepare {
		step = "first"
	}
	return store.Fact{Name: "placement", Value: fmt.Sprintf("%s over %d nodes becomes %s over %d, %s roll-out", c.now.Algorithm(), len(c.now.at), c.next.Algorithm(), len(c.next.at), step)}
}
