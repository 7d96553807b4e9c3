package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
)

// RingNode is a store that a ring is made of.
type RingNode struct {
	Name   string
	URL    string // to be shown
	Weight int    // 0: 1
	Store  store.Store
	Close  func() error
}

// Ring is the store of a demo whose nodes come and go while people are logged in.
type Ring struct {
	*switchable
	kind string                                  // what its nodes are, in words
	more func(context.Context) (RingNode, error) // the next node to be had; ErrNoMore

	life context.Context
	stop context.CancelFunc

	changing sync.Mutex // held while the set changes

	mu    sync.Mutex // of what follows
	nodes map[string]RingNode
	set   shard.Placement
	last  *ringChange // nil: there was none
}

// ErrNoMore says that there is no node that could be added.
var ErrNoMore = errors.New("there is no further node")

// mostNodes are as many as the plot has room for, and a laptop for servers.
const mostNodes = 12

// NewRing makes a ring of nodes. more returns the next one that may be added. kind says in words what they are.
func NewRing(nodes []RingNode, kind string, more func(context.Context) (RingNode, error)) (*Ring, error) {
	r := &Ring{kind: kind, more: more, nodes: make(map[string]RingNode)}
	r.life, r.stop = context.WithCancel(context.Background())
	var set []shard.Node
	for _, n := range nodes {
		if !store.CanSwap(n.Store) || !store.CanList(n.Store) {
			return nil, fmt.Errorf("node %q cannot be listed, or cannot Swap, and so its entries could not be counted and moved: %w", n.Name, errors.ErrUnsupported)
		}
		r.nodes[n.Name] = n
		set = append(set, shard.Node{Name: n.Name, Weight: n.Weight})
	}
	var err error
	if r.set, err = shard.NewPlacement("", set); err != nil {
		return nil, err
	}
	s, err := shard.New(r.stores(), r.set)
	if err != nil {
		return nil, err
	}
	r.switchable = newSwitchable(s)
	return r, nil
}

// Close closes the nodes. A change that is under way stops where it is.
func (r *Ring) Close() error {
	r.stop()
	r.changing.Lock()
	defer r.changing.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []error
	for name, n := range r.nodes {
		all = append(all, n.Close())
		delete(r.nodes, name)
	}
	return errors.Join(all...)
}

// Nodes are those of the set, in its order.
func (r *Ring) Nodes() (list []RingNode) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.set.Nodes() {
		node := r.nodes[n.Name]
		node.Weight = n.Weight
		list = append(list, node)
	}
	return list
}

func (r *Ring) stores() map[string]store.Store {
	all := make(map[string]store.Store, len(r.nodes))
	for name, n := range r.nodes {
		all[name] = n.Store
	}
	return all
}

// errBusyRing says that a change is under way already.
var errBusyRing = errors.New("the set is changing already")

// errStands says that a change has to be gone on with first.
var errStands = errors.New("the change before stands still")

// add adds a node.
func (r *Ring) add() error {
	return r.change(func(ctx context.Context, set []shard.Node) ([]shard.Node, string, error) {
		if len(set) >= mostNodes {
			return nil, "", ErrNoMore
		}
		n, err := r.more(ctx)
		if err != nil {
			return nil, "", err
		}
		r.mu.Lock()
		r.nodes[n.Name] = n
		r.mu.Unlock()
		return append(set, shard.Node{Name: n.Name, Weight: n.Weight}), "Node " + n.Name + " was added", nil
	})
}

// remove takes a node out and closes it.
func (r *Ring) remove(name string) error {
	return r.change(func(_ context.Context, set []shard.Node) ([]shard.Node, string, error) {
		i := at(set, name)
		switch {
		case i < 0:
			return nil, "", errNoNode
		case len(set) == 1:
			return nil, "", errLastNode
		}
		return slices.Delete(set, i, i+1), "Node " + name + " was removed", nil
	})
}

// weigh gives a node another weight.
func (r *Ring) weigh(name string, weight int) error {
	return r.change(func(_ context.Context, set []shard.Node) ([]shard.Node, string, error) {
		i := at(set, name)
		switch {
		case i < 0:
			return nil, "", errNoNode
		case weight < 1 || weight > mostWeight:
			return nil, "", errWeight
		case weight == set[i].Weight:
			return nil, "", errSame
		}
		was := set[i].Weight
		set[i].Weight = weight
		return set, fmt.Sprintf("Node %s has the weight %d, no longer %d", name, weight, was), nil
	})
}

// mostWeight is one that can be told apart in the plot.
const mostWeight = 100

var (
	errNoNode   = errors.New("the ring has no such node")
	errLastNode = errors.New("it is the last node")
	errWeight   = errors.New("the weight is out of range")
	errSame     = errors.New("that is the weight that the node has")
)

func at(set []shard.Node, name string) int {
	return slices.IndexFunc(set, func(n shard.Node) bool { return n.Name == name })
}
