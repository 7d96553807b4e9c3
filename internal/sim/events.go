package main

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"

	"github.com/larder-go/larder/shard"
)

// kind is what happens in an event.
type kind string

const (
	start  kind = "start" // the row before the first event
	loss   kind = "loss"
	growth kind = "growth"
	raise  kind = "raise" // re-weighting, twice the weight
	lower  kind = "lower" // re-weighting, half of it
)

// event is one change of the set of nodes.
type event struct {
	kind    kind
	touched int          // how many nodes died, joined or have another weight
	nodes   []shard.Node // the set after it
}

// dice are a seeded source of even numbers. The sequence of PCG is fixed for good, and nothing but its Uint64 is used.
type dice struct{ *rand.PCG }

func newDice(seed, use uint64) dice { return dice{rand.NewPCG(seed, use)} }

// below is an even number from 0 to n-1.
func (d dice) below(n int) int {
	hi, _ := bits.Mul64(d.Uint64(), uint64(n))
	return int(hi)
}

// weight is that of a new node.
func (d dice) weight() int {
	return []int{2, 2, 2, 2, 2, 2, 4, 4, 4, 8}[d.below(10)]
}

// heaviest is the weight that no node is raised above.
const heaviest = 16

// history is the set that one begins with, and what then happens to it.
func history(seed uint64, nodes, events int) []event {
	d := newDice(seed, 0)
	named := 0
	join := func(set []shard.Node, n int) []shard.Node {
		for range n {
			named++
			set = append(set, shard.Node{Name: fmt.Sprintf("node-%05d", named), Weight: d.weight()})
		}
		return set
	}
	set := join(nil, nodes)
	all := []event{{kind: start, nodes: set}}
	for range events {
		rack := max(nodes/50, 1)
		n := 1
		switch size := d.below(10); {
		case size >= 8:
			n = rack
		case size >= 5:
			n = 2 + d.below(max(rack/3, 1))
		}
		e := event{kind: []kind{loss, growth, raise}[d.below(3)]}
		if e.kind == raise && d.below(2) == 0 {
			e.kind = lower
		}
		set = slices.Clone(set)
		switch e.kind {
		case loss:
			n = min(n, len(set)-1)
			for range n {
				i := d.below(len(set))
				set = slices.Delete(set, i, i+1)
			}
		case growth:
			set = join(set, n)
		default:
			n = reweight(d, set, e.kind, n)
		}
		e.touched, e.nodes = n, set
		all = append(all, e)
	}
	return all
}

// reweight changes the weight of n nodes, or of all that can be changed, and returns of how many.
func reweight(d dice, set []shard.Node, k kind, n int) int {
	var able []int
	for i, node := range set {
		if k == raise && node.Weight*2 <= heaviest || k == lower && node.Weight > 1 {
			able = append(able, i)
		}
	}
	n = min(n, len(able))
	for range n {
		pick := d.below(len(able))
		node := &set[able[pick]]
		if k == raise {
			node.Weight *= 2
		} else {
			node.Weight /= 2
		}
		able = slices.Delete(able, pick, pick+1)
	}
	return n
}

// least is how many of these sessions must move for loads that follow the weights before to follow those after, rounded.
func least(sessions int, before, after []shard.Node) int64 {
	was := map[string]int{}
	for _, n := range before {
		was[n.Name] = n.Weight
	}
	all, allBefore := int64(total(after)), int64(total(before))
	gained := int64(0) // in parts of all*allBefore
	for _, n := range after {
		gained += max(0, int64(n.Weight)*allBefore-int64(was[n.Name])*all)
	}
	hi, lo := bits.Mul64(uint64(gained), uint64(sessions))
	lo, carry := bits.Add64(lo, uint64(all*allBefore/2), 0)
	quotient, _ := bits.Div64(hi+carry, lo, uint64(all*allBefore))
	return int64(quotient)
}

func total(nodes []shard.Node) (weight int) {
	for _, n := range nodes {
		weight += n.Weight
	}
	return weight
}
