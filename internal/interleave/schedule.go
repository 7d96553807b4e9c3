package interleave

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Tree goes through every schedule once, depth first. The zero value stands before the first:
//
//	for tree := new(interleave.Tree); tree.Next(); {
//		interleave.Play(ctx, tree.Choose, clients...)
//	}
//
// Each time all must begin anew, and clients must do the same as long as they are picked in the same order.
type Tree struct {
	// Reduce leaves out schedules that differ from one that was gone through only in the order of neighbouring calls that cannot notice
	// each other: on different keys, or both reading. A few of those left out are met all the same, and told by Redundant.
	Reduce bool

	path      []fork
	depth     int
	begun     bool
	redundant bool
}

// fork is a moment at which somebody was picked out of waiting.
type fork struct {
	waiting []Step
	pick    int // index in waiting
	asleep  []Step
}

// Next moves on to the next schedule, and reports whether there is one.
func (t *Tree) Next() bool {
	t.depth, t.redundant = 0, false
	if !t.begun {
		t.begun = true
		return true
	}
	for len(t.path) > 0 {
		last := &t.path[len(t.path)-1]
		if t.Reduce { // all that can come after this pick has come: elsewhere it need not come before what cannot notice it
			last.asleep = append(last.asleep, last.waiting[last.pick])
		}
		for last.pick++; last.pick < len(last.waiting); last.pick++ {
			if !sleeps(last.asleep, last.waiting[last.pick]) {
				return true
			}
		}
		t.path = t.path[:len(t.path)-1]
	}
	return false
}

// Redundant reports whether the schedule just played needs no look.
func (t *Tree) Redundant() bool { return t.redundant }

// Choose is the [Chooser] of the present schedule. It panics where the clients do not repeat what they did: the tree would
// leave schedules out.
func (t *Tree) Choose(waiting []Step) int {
	if t.redundant {
		return 0
	}
	if t.depth == len(t.path) {
		f := fork{waiting: waiting}
		if t.depth > 0 {
			last := t.path[t.depth-1]
			for _, s := range last.asleep {
				if apart(s, last.waiting[last.pick]) {
					f.asleep = append(f.asleep, s)
				}
			}
		}
		for f.pick < len(waiting) && sleeps(f.asleep, waiting[f.pick]) {
			f.pick++
		}
		if f.pick == len(waiting) {
			t.redundant = true
			return 0
		}
		t.path = append(t.path, f)
	}
	f := &t.path[t.depth]
	if !slices.EqualFunc(f.waiting, waiting, func(a, b Step) bool { return a.Client == b.Client && a.Op == b.Op && a.place == b.place }) {
		panic(fmt.Sprintf("interleave: after the picks %v other calls wait than the first time", t))
	}
	t.depth++
	return f.pick
}

// sleeps tells whether the client's pick has been gone through.
func sleeps(asleep []Step, s Step) bool {
	return slices.ContainsFunc(asleep, func(a Step) bool { return a.Client == s.Client })
}

// apart tells whether two calls cannot notice in which order they are made.
func apart(a, b Step) bool {
	if slices.Contains(several, a.Op) || slices.Contains(several, b.Op) {
		return false
	}
	return a.place != b.place || slices.Contains(reading, a.Op) && slices.Contains(reading, b.Op)
}

var (
	several = []string{"cleanup", "list", "sweep"} // of many keys
	reading = []string{"contains", "get", "load", "peek", "touch"}
)

// String lists the picks, as in "0,0,1".
func (t *Tree) String() string {
	picks := make([]string, len(t.path))
	for i, f := range t.path {
		picks[i] = fmt.Sprint(f.waiting[f.pick].Client)
	}
	return strings.Join(picks, ",")
}

// Random returns a Chooser that draws. Half of all seeds are inclined to let a client go on, so that some calls of one client stand together
// and whole operations fall between two calls of another.
func Random(rng *rand.Rand) Chooser {
	stay, last := 0.0, -1
	if rng.IntN(2) == 0 {
		stay = 0.8
	}
	return func(waiting []Step) int {
		n := slices.IndexFunc(waiting, func(s Step) bool { return s.Client == last })
		if n < 0 || rng.Float64() >= stay {
			n = rng.IntN(len(waiting))
		}
		last = waiting[n].Client
		return n
	}
}
