package shard

import (
	"context"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/larder-go/larder/store"
)

// Plan says what a change of the set of nodes comes to: what stands where, and what would move. [CountMoves] counts it, [SampleMoves]
// estimates it.
type Plan struct {
	Nodes   []NodeLoad // those of the present set in its order, then those that only the next one has
	Moves   []Move     // by the order of Nodes, From before To; none without entries
	Strays  int        // entries on a node where neither set looks for them; they stay there, and are in no other number
	Corrupt int        // entries that cannot be read, which have no key to go by
}

// NodeLoad is the load of one node, as it is and as it would be when all has moved.
type NodeLoad struct {
	Name                    string
	WeightNow, WeightNext   int // 0: the set has no such node
	EntriesNow, EntriesNext int
	BytesNow, BytesNext     int64 // of the values
	Unlisted                bool  // the node cannot list: what it holds is in no number of the plan
}

// Move is what would move from one node to another.
type Move struct {
	From, To string
	Entries  int
	Bytes    int64 // of the values
}

// Entries counts what stands on all nodes, and their bytes.
func (p *Plan) Entries() (entries int, bytes int64) {
	for _, n := range p.Nodes {
		entries += n.EntriesNow
		bytes += n.BytesNow
	}
	return entries, bytes
}

// Moving counts what would move.
func (p *Plan) Moving() (entries int, bytes int64) {
	for _, m := range p.Moves {
		entries += m.Entries
		bytes += m.Bytes
	}
	return entries, bytes
}

// listedAtOnce is how many nodes are listed at the same time.
const listedAtOnce = 8

// CountMoves lists every node once, some at a time, and counts what would move if the set now became next; nil is now itself. It writes nothing and is no use
// of any entry. nodes are the stores by name. A node that cannot list, or has no store there, is Unlisted. In the midst of a change, what has moved
// already counts where it stands, and what is on its way may count twice.
//
// progress, if not nil, is told the Plan so far about ten times a second, without its Moves, never by two goroutines at once. An error of a
// node ends it; the Plan has what was counted by then.
func CountMoves(ctx context.Context, nodes map[string]store.Store, now, next Placement, progress func(Plan)) (Plan, error) {
	c := newCounter(now, next)
	c.progress = progress
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var first error
	var listing sync.WaitGroup
	turns := make(chan struct{}, listedAtOnce)
	for i := range c.plan.Nodes {
		name := c.plan.Nodes[i].Name
		s := nodes[name]
		if s == nil || !store.CanList(s) {
			c.mu.Lock()
			c.plan.Nodes[i].Unlisted = true
			c.mu.Unlock()
			continue
		}
		turns <- struct{}{}
		listing.Go(func() {
			defer func() { <-turns }()
			if err := c.list(ctx, s, i); err != nil {
				c.mu.Lock()
				if first == nil {
					first = nodeError(name, err)
				}
				c.mu.Unlock()
				cancel() // those of the others come after
			}
		})
	}
	listing.Wait()
	return c.done(), first
}

// SampleMoves says what would move of so many keys made up for it, for nodes that cannot list. It is the same at each call. The numbers of entries are
// those of the keys, and no entry has any bytes.
func SampleMoves(now, next Placement, keys int) Plan {
	c := newCounter(now, next)
	random, key := rand.NewChaCha8([32]byte{}), make([]byte, 16)
	tallies := make([]nodeTally, len(c.plan.Nodes))
	for i := range tallies {
		tallies[i].moves = make([]amount, len(tallies))
	}
	for range keys {
		random.Read(key)
		name := hex.EncodeToString(key)
		i := c.now.index[c.now.Place(name)]
		c.count(&tallies[i], i, store.Info{Key: name})
	}
	for i := range tallies {
		c.add(&tallies[i], i)
	}
	return c.done()
}

// counter is a plan in the making.
type counter struct {
	now, next indexed
	progress  func(Plan)

	mu    sync.Mutex
	plan  Plan
	moves [][]amount // by the indexes of From and To
	told  time.Time
}

type amount struct {
	entries int
	bytes   int64
}

func (a *amount) add(entries int, bytes int64) {
	a.entries += entries
	a.bytes += bytes
}

// indexed is a placement with the indexes of its nodes in Plan.Nodes.
type indexed struct {
	Placement
	index []int
}

func newCounter(now, next Placement) *counter {
	if next == nil {
		next = now
	}
	c := &counter{now: indexed{Placement: now}, next: indexed{Placement: next}}
	at := make(map[string]int)
	for _, n := range now.Nodes() {
		at[n.Name] = len(c.plan.Nodes)
		c.now.index = append(c.now.index, len(c.plan.Nodes))
		c.plan.Nodes = append(c.plan.Nodes, NodeLoad{Name: n.Name, WeightNow: n.Weight})
	}
	for _, n := range next.Nodes() {
		i, ok := at[n.Name]
		if !ok {
			i = len(c.plan.Nodes)
			c.plan.Nodes = append(c.plan.Nodes, NodeLoad{Name: n.Name})
		}
		c.plan.Nodes[i].WeightNext = n.Weight
		c.next.index = append(c.next.index, i)
	}
	c.moves = make([][]amount, len(c.plan.Nodes))
	return c
}

// nodeTally is what was counted on a node and is not in the plan yet.
type nodeTally struct {
	n, strays, corrupt int
	now                amount   // what stands there
	moves              []amount // where it would be
}

// tallied is after how many entries they come into the plan.
const tallied = 256

func (c *counter) list(ctx context.Context, s store.Store, i int) error {
	t := nodeTally{moves: make([]amount, len(c.plan.Nodes))}
	defer func() { c.add(&t, i) }()
	for info, err := range store.List(ctx, s, "") {
		switch {
		case errors.Is(err, store.ErrCorrupt):
			t.corrupt++
		case err != nil:
			return err
		default:
			c.count(&t, i, info)
		}
		if t.n++; t.n == tallied {
			c.add(&t, i)
		}
	}
	return store.Wrap("shard", "plan", ctx.Err()) // a list that was cut off may end without an error
}

// count counts an entry of node i. One that stands where the next set has it has moved already.
func (c *counter) count(t *nodeTally, i int, info store.Info) {
	to := c.next.index[c.next.Place(info.Key)]
	if c.now.index[c.now.Place(info.Key)] != i && to != i {
		t.strays++
		return
	}
	t.now.add(1, info.Size)
	t.moves[to].add(1, info.Size)
}

// add brings a tally into the plan and begins it anew.
func (c *counter) add(t *nodeTally, i int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := &c.plan
	p.Strays += t.strays
	p.Corrupt += t.corrupt
	p.Nodes[i].EntriesNow += t.now.entries
	p.Nodes[i].BytesNow += t.now.bytes
	if c.moves[i] == nil {
		c.moves[i] = make([]amount, len(p.Nodes))
	}
	for to, m := range t.moves {
		p.Nodes[to].EntriesNext += m.entries
		p.Nodes[to].BytesNext += m.bytes
		c.moves[i][to].add(m.entries, m.bytes)
	}
	clear(t.moves)
	*t = nodeTally{moves: t.moves}
	if c.progress != nil && time.Since(c.told) > 100*time.Millisecond {
		c.told = time.Now()
		so := *p
		so.Nodes = slices.Clone(p.Nodes)
		c.progress(so)
	}
}

// done adds the moves.
func (c *counter) done() Plan {
	c.mu.Lock()
	defer c.mu.Unlock()
	for from, moves := range c.moves {
		for to, m := range moves {
			if from != to && m.entries > 0 {
				c.plan.Moves = append(c.plan.Moves, Move{c.plan.Nodes[from].Name, c.plan.Nodes[to].Name, m.entries, m.bytes})
			}
		}
	}
	return c.plan
}
