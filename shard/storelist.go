package shard

import (
	"context"
	"errors"
	"iter"

	"github.com/larder-go/larder/store"
)

// List is [store.Lister]'s: node after node, in the order of their names. An entry that stands on another node than the one of its key, since the set has
// changed, is not listed, for nobody would find it. A node that fails keeps no other from being listed; its error comes last.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		if err := s.can("list", noList); err != nil {
			yield(store.Info{}, err)
			return
		}
		var failed []error
		for _, n := range s.byName {
			more, err := s.listNode(n, store.List(ctx, n.s, prefix), yield)
			if !more {
				return
			}
			failed = append(failed, err)
			if err != nil && ctx.Err() != nil {
				break
			}
		}
		if err := join(ctx, failed); err != nil {
			yield(store.Info{}, err)
		}
	}
}

// ListAfter is [store.Resumer]'s. The order is that of the nodes' names, and within a node its own: the place of a key is on its node. So another set of nodes
// is another order, in which nothing can be taken up. A node that fails ends the list, for who goes on behind it would miss what it has.
func (s *Store) ListAfter(ctx context.Context, prefix, after string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		if err := s.can("list after", noListAfter); err != nil {
			yield(store.Info{}, err)
			return
		}
		var first *node
		if after != "" {
			var err error
			if first, err = s.node("list after", after); err != nil {
				yield(store.Info{}, err)
				return
			}
		}
		for _, n := range s.byName {
			behind := ""
			if first != nil {
				if n != first {
					continue
				}
				first, behind = nil, after
			}
			more, err := s.listNode(n, store.ListAfter(ctx, n.s, prefix, behind), yield)
			if !more {
				return
			}
			if err != nil {
				yield(store.Info{}, err)
				return
			}
		}
	}
}

// listNode yields what n lists of what is its own, and returns the error that ends the list, or false where the caller has enough.
func (s *Store) listNode(n *node, list iter.Seq2[store.Info, error], yield func(store.Info, error) bool) (more bool, _ error) {
	for info, err := range list {
		if err != nil {
			if err = n.fail(err); !errors.Is(err, store.ErrCorrupt) {
				return true, err
			}
			info = store.Info{}
		} else if s.of(info.Key) != n {
			continue
		}
		if !yield(info, err) {
			return false, nil
		}
	}
	return true, nil
}
