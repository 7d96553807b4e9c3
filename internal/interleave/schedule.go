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
	path  []fork
	depth int
	begun bool
}

// fork is a moment at which somebody was picked out of waiting.
type fork struct {
	waiting []int
	pick    int // index in waiting
}

// Next moves on to the next schedule, and reports whether there is one.
func (t *Tree) Next() bool {
	t.depth = 0
	if !t.begun {
		t.begun = true
		return true
	}
	for len(t.path) > 0 {
		last := &t.path[len(t.path)-1]
		if last.pick++; last.pick < len(last.waiting) {
			return true
		}
		t.path = t.path[:len(t.path)-1]
	}
	return false
}

// Choose is the [Chooser] of the present schedule. It panics where the clients do not repeat what they did: the tree would
// leave schedules out.
func (t *Tree) Choose(waiting []int) int {
	if t.depth == len(t.path) {
		t.path = append(t.path, fork{waiting: waiting})
	}
	f := &t.path[t.depth]
	if !slices.Equal(f.waiting, waiting) {
		panic(fmt.Sprintf("interleave: after the picks %v, %v wait, and the first time it was %v", t, waiting, f.waiting))
	}
	t.depth++
	return f.waiting[f.pick]
}

// String lists the picks, as in "0,0,1".
func (t *Tree) String() string {
	picks := make([]string, len(t.path))
	for i, f := range t.path {
		picks[i] = fmt.Sprint(f.waiting[f.pick])
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
	return func(waiting []int) int {
		if !slices.Contains(waiting, last) || rng.Float64() >= stay {
			last = waiting[rng.IntN(len(waiting))]
		}
		return last
	}
}
