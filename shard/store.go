package shard

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/larder-go/larder/store"
)

// Store is a [store.Store] over nodes, each of which keeps the entries of the keys that a [Placement] gives to it. It has the abilities that all of
// its nodes have. An operation on a key asks the node of that key and no other: where it is down, its share of the keys is
// [store.ErrUnavailable], and everything else goes on. Nothing is put on another node instead, where it would be found only for as long as the outage
// lasts.
//
// The error of a node is a [NodeError].
type Store struct {
	place  Placement
	nodes  []*node // as place numbers them
	byName []*node // in the order of their names
	lacks  lacks   // of the nodes that New could ask
	late   []*lazy // the others
}

// node is a store with its name.
type node struct {
	name string
	s    store.Store
}

var (
	_ store.Toucher   = (*Store)(nil)
	_ store.Lister    = (*Store)(nil)
	_ store.Resumer   = (*Store)(nil)
	_ store.Swapper   = (*Store)(nil)
	_ store.Sweeper   = (*Store)(nil)
	_ store.Inspector = (*Store)(nil)
	_ store.Expirer   = (*Store)(nil)
)

// New returns a Store over nodes, which p places keys on. Each node of p must have its store, and each a store of its own: two names of one would list
// everything twice. Stores that p does not name are left alone. The nodes stay the caller's to close. They should have the same
// [store.Expiry], or entries of one node are forgotten sooner than those of another.
func New(nodes map[string]store.Store, p Placement) (*Store, error) {
	if p == nil {
		return nil, fmt.Errorf("shard: new: %w: there is no placement", ErrNoNodes)
	}
	s := &Store{place: p}
	for _, placed := range p.Nodes() {
		under := nodes[placed.Name]
		if under == nil {
			return nil, fmt.Errorf("shard: new: %w: node %q has no store", ErrInvalidNode, placed.Name)
		}
		if l, ok := under.(*lazy); ok {
			s.late = append(s.late, l)
		} else {
			s.lacks |= lacksOf(under)
		}
		s.nodes = append(s.nodes, &node{placed.Name, under})
	}
	if len(s.nodes) == 0 {
		return nil, fmt.Errorf("shard: new: %w", ErrNoNodes)
	}
	s.byName = slices.SortedFunc(slices.Values(s.nodes), func(a, b *node) int { return strings.Compare(a.name, b.name) })
	return s, nil
}

// Placement is what the store was made with.
func (s *Store) Placement() Placement { return s.place }

// Where is the name of the node that has key, or would have it.
func (s *Store) Where(key string) string { return s.of(key).name }

// Node is the store of that name, or nil. Where the node was down when its URL was opened, it is opened by the first operation that needs it.
func (s *Store) Node(name string) store.Store {
	for _, n := range s.nodes {
		if n.name == name {
			return n.s
		}
	}
	return nil
}

func (s *Store) of(key string) *node { return s.nodes[s.place.Place(key)] }

// node is the one of a key, which must be valid: no node need be there to say that it is not.
func (s *Store) node(op, key string) (*node, error) {
	if err := store.CheckKey(key); err != nil {
		return nil, store.Wrap("shard", op, err)
	}
	return s.of(key), nil
}

// swapNode is node for the methods of Swapper, which must say that they are unsupported before they look at the key.
func (s *Store) swapNode(op, key string) (*node, error) {
	if err := s.can(op, noSwap); err != nil {
		return nil, err
	}
	return s.node(op, key)
}

// Contains is [store.Store]'s.
func (s *Store) Contains(ctx context.Context, key string) (bool, error) {
	n, err := s.node("contains", key)
	if err != nil {
		return false, err
	}
	found, err := n.s.Contains(ctx, key)
	return found, n.fail(err)
}

// Get is [store.Store]'s.
func (s *Store) Get(ctx context.Context, key string) ([]byte, error) {
	n, err := s.node("get", key)
	if err != nil {
		return nil, err
	}
	value, err := n.s.Get(ctx, key)
	return value, n.fail(err)
}

// Set is [store.Store]'s.
func (s *Store) Set(ctx context.Context, key string, value []byte) error {
	n, err := s.node("set", key)
	if err != nil {
		return err
	}
	return n.fail(n.s.Set(ctx, key, value))
}

// Delete is [store.Store]'s.
func (s *Store) Delete(ctx context.Context, key string) error {
	n, err := s.node("delete", key)
	if err != nil {
		return err
	}
	return n.fail(n.s.Delete(ctx, key))
}

// Touch is [store.Toucher]'s.
func (s *Store) Touch(ctx context.Context, key string) error {
	n, err := s.node("touch", key)
	if err != nil {
		return err
	}
	return n.fail(store.Touch(ctx, n.s, key))
}

// Load is [store.Swapper]'s.
func (s *Store) Load(ctx context.Context, key string) (*store.Item, error) {
	n, err := s.swapNode("load", key)
	if err != nil {
		return nil, err
	}
	item, err := store.Load(ctx, n.s, key)
	return item, n.fail(err)
}

// Peek is [store.Swapper]'s.
func (s *Store) Peek(ctx context.Context, key string) (*store.Item, error) {
	n, err := s.swapNode("peek", key)
	if err != nil {
		return nil, err
	}
	item, err := store.Peek(ctx, n.s, key)
	return item, n.fail(err)
}

// Swap is [store.Swapper]'s.
func (s *Store) Swap(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
	n, err := s.swapNode("swap", key)
	if err != nil {
		return "", err
	}
	version, err := store.Swap(ctx, n.s, key, old, item)
	return version, n.fail(err)
}

// Expiry is [store.Expirer]'s: that of the node which forgets first. A node that is still to be opened has the Expiry of the others, or it is refused.
func (s *Store) Expiry() (store.Expiry, error) {
	shortest, known := store.Expiry{}, false
	for _, n := range s.nodes {
		e, err := store.ExpiryOf(n.s)
		if l, ok := n.s.(*lazy); ok && !l.opened() {
			continue
		}
		if err != nil {
			return store.Expiry{}, n.fail(err)
		}
		if !known || e.Timeout > 0 && (shortest.Timeout <= 0 || e.Timeout < shortest.Timeout) {
			shortest, known = e, true
		}
	}
	if !known {
		return store.Expiry{}, errNotOpen
	}
	return shortest, nil
}

// Cleanup is [store.Store]'s. It cleans up all nodes at once. One that fails keeps no other from being cleaned up; its error is returned in the end.
func (s *Store) Cleanup(ctx context.Context, idle time.Duration) (int, error) {
	removed := make([]int, len(s.byName))
	err := s.onAll(ctx, func(i int, n *node) (err error) {
		removed[i], err = n.s.Cleanup(ctx, idle)
		return err
	})
	sum := 0
	for _, n := range removed {
		sum += n
	}
	return sum, err
}
