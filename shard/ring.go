package shard

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/larder-go/larder/store"
)

// Ring is a placement whose nodes come and go while it is used. A change builds a new [Placement] beside the one in use and then puts it in its
// place, so that Pick never waits for a change, and always answers for one whole set of nodes.
//
// It changes where keys are looked for, and moves none of what is stored.
type Ring struct {
	algorithm string
	mu        sync.Mutex // held by changes, not by readers
	now       atomic.Pointer[ringState]
}

type ringState struct {
	placement Placement // nil: no nodes
	nodes     []Node
}

// NewRing makes a ring. It may begin without any node.
func NewRing(algorithm string, nodes ...Node) (*Ring, error) {
	if algorithm == "" {
		algorithm = Rendezvous
	}
	if builder(algorithm) == nil {
		_, err := NewPlacement(algorithm, nodes)
		return nil, err
	}
	r := &Ring{algorithm: algorithm}
	if err := r.put(slices.Clone(nodes)); err != nil {
		return nil, store.Wrap("shard", "ring", err)
	}
	return r, nil
}

// put makes nodes the ring's nodes.
func (r *Ring) put(nodes []Node) error {
	if len(nodes) == 0 {
		r.now.Store(&ringState{})
		return nil
	}
	p, err := newPlacement(r.algorithm, nodes)
	if err != nil {
		return err
	}
	r.now.Store(&ringState{placement: p, nodes: p.Nodes()})
	return nil
}

// Add puts one more node on the ring.
func (r *Ring) Add(n Node) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return store.Wrap("shard", "add", r.put(append(slices.Clone(r.now.Load().nodes), n)))
}

// Remove takes a node off the ring. Its keys are then other nodes'.
func (r *Ring) Remove(name string) error {
	return r.change("remove", name, func(nodes []Node, i int) []Node { return slices.Delete(nodes, i, i+1) })
}

// SetWeight gives a node another weight.
func (r *Ring) SetWeight(name string, weight int) error {
	if weight == 0 {
		return store.Wrap("shard", "set weight", fmt.Errorf("%w: a weight of 0 for %q: Remove takes a node off", ErrInvalidNode, name))
	}
	return r.change("set weight", name, func(nodes []Node, i int) []Node {
		nodes[i].Weight = weight
		return nodes
	})
}

// change lets fn change a copy of the nodes, given the index of one of them.
func (r *Ring) change(op, name string, fn func(nodes []Node, i int) []Node) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	nodes := slices.Clone(r.now.Load().nodes)
	i := slices.IndexFunc(nodes, func(n Node) bool { return n.Name == name })
	if i < 0 {
		return store.Wrap("shard", op, fmt.Errorf("%w: there is no %q", ErrInvalidNode, name))
	}
	return store.Wrap("shard", op, r.put(fn(nodes, i)))
}

// Pick returns the node that a key lives on; [ErrNoNodes] while there is none.
func (r *Ring) Pick(key string) (Node, error) {
	now := r.now.Load()
	if now.placement == nil {
		return Node{}, store.Wrap("shard", "pick", ErrNoNodes)
	}
	return now.nodes[now.placement.Place(key)], nil
}

// Placement returns the placement of this moment, which later changes leave alone. Without nodes it has none, and its Place returns -1.
func (r *Ring) Placement() Placement {
	if p := r.now.Load().placement; p != nil {
		return p
	}
	return nowhere{r.algorithm}
}

// nowhere is the placement of a ring without nodes.
type nowhere struct{ algorithm string }

func (p nowhere) Algorithm() string { return p.algorithm }
func (p nowhere) Nodes() []Node     { return nil }
func (p nowhere) Place(string) int  { return -1 }
