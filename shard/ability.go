package shard

import (
	"errors"
	"fmt"

	"github.com/larder-go/larder/store"
)

// lacks is which abilities a store does not have.
type lacks uint32

const (
	noSwap lacks = 1 << iota
	noList
	noListAfter
	noSweep
)

// lacksOf asks for free. A store that is still to be opened has them all.
func lacksOf(s store.Store) (l lacks) {
	for _, a := range []struct {
		bit lacks
		can func(store.Store) bool
	}{{noSwap, store.CanSwap}, {noList, store.CanList}, {noListAfter, store.CanListAfter}, {noSweep, store.CanSweep}} {
		if !a.can(s) {
			l |= a.bit
		}
	}
	return l
}

// can says why not all nodes can do op.
func (s *Store) can(op string, bit lacks) error {
	all := s.lacks
	for _, l := range s.late {
		all |= l.lacks()
	}
	if all&bit == 0 {
		return nil
	}
	for _, n := range s.byName {
		if s.lacksNode(n)&bit != 0 {
			return fmt.Errorf("shard: %s: the store of node %s cannot: %w", op, n.name, errors.ErrUnsupported)
		}
	}
	return nil
}

func (s *Store) lacksNode(n *node) lacks {
	if l, ok := n.s.(*lazy); ok {
		return l.lacks()
	}
	return lacksOf(n.s)
}
