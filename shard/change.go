package shard

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/larder-go/larder/store"
)

// ChangeOptions steer [NewChange]. nil is the zero value.
type ChangeOptions struct {
	// Prepare leaves what is written where the present set has it, so that programs which know only that one go on. It is for the first
	// roll-out; in the second, where all programs know both sets, it is left out.
	Prepare bool

	// Recheck is the patience of Rebalance: when for twice that nothing came to a node which has no place for it, no program writes by the present set any
	// more. 0: 5 seconds.
	Recheck time.Duration
}

// Change is a Store over two sets of nodes, from the first of which the entries move to the places that the second gives them, while a site runs.
//
// A key that has its place on the same node in both sets is there, and nothing but that node is asked. One that moves is in a
// [store.Handover] between its two nodes, which says how no write, delete or touch is lost: a read looks into both, and moves what it finds
// where the present set has it; a write goes to the next. Such a key needs both nodes. What the nodes do not answer is an error as ever.
//
// A site with several programs changes its set in three roll-outs, each complete before the next begins:
//
//  1. every program is rolled out with Prepare: it still writes by the present set, and finds what others have moved already;
//  2. every program is rolled out without Prepare. Then [Change.Rebalance] is run, by one of them or by the command larder ring rebalance;
//  3. every program is rolled out with a [Store] over the next set. What has left it may be switched off.
//
// Every program calls [Change.Begin] first, unless a URL opens the store. A step back from the second to the first is safe before Rebalance has
// ended; one from the first, before any program was in the second. Two changes must not overlap.
//
// It has every ability that all of its nodes have, but for [store.Resumer]: while entries move, there is no order in which a list
// could be taken up. Every node must be able to Swap.
type Change struct {
	all       *Store        // every node of both sets, for what is done to all of them
	alone     []store.Store // the nodes in the order of their names, each of whose errors has its name
	now, next ringSet
	o         ChangeOptions
	id        string // the same for all programs that know the two sets
	backID    string // of the change the other way round
	pairs     []atomic.Pointer[store.HandoverStore]
}

// ringSet is one of the two sets.
type ringSet struct {
	Placement
	at    []int // of the placement's index, the index in alone
	holds []int // by the index in alone: the weight; 0: it is not in this set
}

var (
	_ store.Toucher   = (*Change)(nil)
	_ store.Lister    = (*Change)(nil)
	_ store.Swapper   = (*Change)(nil)
	_ store.Sweeper   = (*Change)(nil)
	_ store.Inspector = (*Change)(nil)
	_ store.Expirer   = (*Change)(nil)
)

// NewChange returns the Store for the time in which the set now becomes the set next. nodes has a store for every name in either, and no two
// names for one store. The nodes stay the caller's to close.
func NewChange(nodes map[string]store.Store, now, next Placement, o *ChangeOptions) (*Change, error) {
	c, err := newChange(nodes, now, next, o)
	if err != nil {
		return nil, store.Wrap("shard", "change", err)
	}
	return c, nil
}

func newChange(nodes map[string]store.Store, now, next Placement, o *ChangeOptions) (*Change, error) {
	if now == nil || next == nil {
		return nil, fmt.Errorf("%w: a placement is missing", ErrNoNodes)
	}
	c := &Change{}
	if o != nil {
		c.o = *o
	}
	if c.o.Recheck < 0 {
		return nil, errors.New("a negative Recheck makes no sense; leave it at 0")
	}
	var both []Node
	for _, n := range append(now.Nodes(), next.Nodes()...) {
		if !slices.ContainsFunc(both, func(other Node) bool { return other.Name == n.Name }) {
			both = append(both, Node{Name: n.Name})
		}
	}
	both = nodesByName(both)
	union, err := NewPlacement(Rendezvous, both)
	if err != nil {
		return nil, err
	}
	if c.all, err = New(nodes, union); err != nil {
		return nil, err
	}
	for _, n := range both {
		if !store.CanSwap(nodes[n.Name]) {
			return nil, fmt.Errorf("node %q cannot Swap, and without that a delete could be lost: %w", n.Name, errors.ErrUnsupported)
		}
		single, err := NewPlacement(Rendezvous, []Node{n})
		if err != nil {
			return nil, err
		}
		alone, err := New(nodes, single)
		if err != nil {
			return nil, err
		}
		c.alone = append(c.alone, alone)
	}
	c.now, c.next = newRingSet(now, both), newRingSet(next, both)
	c.id, c.backID = setID(now)+setID(next), setID(next)+setID(now)
	c.pairs = make([]atomic.Pointer[store.HandoverStore], len(both)*len(both))
	return c, nil
}

func newRingSet(p Placement, both []Node) ringSet {
	set := ringSet{Placement: p, holds: make([]int, len(both))}
	for _, n := range p.Nodes() {
		i := slices.IndexFunc(both, func(other Node) bool { return other.Name == n.Name })
		set.at = append(set.at, i)
		set.holds[i] = max(n.Weight, 1)
	}
	return set
}

// setID names a set by what decides where keys go.
func setID(p Placement) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n", p.Algorithm())
	nodes := p.Nodes()
	if !strings.HasPrefix(p.Algorithm(), "mod-") { // with these their order counts
		nodes = nodesByName(nodes)
	}
	for _, n := range nodes {
		fmt.Fprintf(h, "%q %d\n", n.Name, n.Weight)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// node is where the set has the place of key.
func (r *ringSet) node(key string) int { return r.at[r.Place(key)] }

// of is where key stands: on one node, or in a handover between two.
func (c *Change) of(key string) store.Store {
	from, to := c.now.node(key), c.next.node(key)
	if from == to {
		return c.alone[from]
	}
	return c.pair(from, to)
}

// pair is the handover of the keys that move from one node to another.
func (c *Change) pair(from, to int) *store.HandoverStore {
	at := &c.pairs[from*len(c.alone)+to]
	if h := at.Load(); h != nil {
		return h
	}
	at.CompareAndSwap(nil, store.Handover(c.alone[from], c.alone[to], &store.HandoverOptions{Prepare: c.o.Prepare, Recheck: c.o.Recheck, Quiet: true}))
	return at.Load()
}

func (c *Change) name(i int) string { return c.all.byName[i].name }

// mayMove reports whether a key can have its place here in the present set and there in the next.
func (c *Change) mayMove(from, to int) bool {
	switch {
	case from == to || c.now.holds[from] == 0 || c.next.holds[to] == 0:
		return false
	case c.now.Algorithm() != Rendezvous || c.next.Algorithm() != Rendezvous:
		return true
	}
	// Each node's claim to a key is its own there: of two that stay as they are, none loses a key to the other.
	return c.now.holds[from] != c.next.holds[from] || c.now.holds[to] != c.next.holds[to]
}

// Where is the name of the node on which the entry under key stands now; [store.ErrNotFound] where it stands nowhere. It is no use.
func (c *Change) Where(ctx context.Context, key string) (string, error) {
	if err := store.CheckKey(key); err != nil {
		return "", store.Wrap("shard", "where", err)
	}
	from, to := c.now.node(key), c.next.node(key)
	moved := func() (bool, error) {
		if from == to {
			return false, nil
		}
		counts, err := c.pair(from, to).Counts(ctx, store.Info{Key: key}, true)
		return !counts, err
	}
	for again := from != to; ; again = false {
		there, err := moved()
		if err != nil {
			return "", err
		}
		if there {
			return c.name(to), nil
		}
		found, err := c.alone[from].Contains(ctx, key)
		switch {
		case err != nil && !errors.Is(err, store.ErrCorrupt):
			return "", err
		case err != nil || found:
			return c.name(from), nil
		case !again: // what has moved between the two looks is found by the third
			return "", store.ErrNotFound
		}
	}
}

// Now and Next are the two sets.
func (c *Change) Now() Placement  { return c.now.Placement }
func (c *Change) Next() Placement { return c.next.Placement }
