package store_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/larder-go/larder/internal/interleave"
)

// phases of two handles: true is Prepare.
var phases = [][]bool{{true, true}, {true, false}, {false, true}, {false, false}}

func phaseName(prepare []bool) string {
	var b strings.Builder
	for _, p := range prepare {
		if p {
			b.WriteByte('P')
		} else {
			b.WriteByte('M')
		}
	}
	return b.String()
}

// playHandover plays once, and returns what is wrong.
func playHandover(t testing.TB, p *handoverPlay, from beginning, prepare []bool, choose interleave.Chooser, each ...act) []string {
	p.reset(t.Context())
	from.make(t, p)
	var clients []func(context.Context)
	for n, a := range each {
		c := p.player(t.Context(), n, prepare[n])
		clients = append(clients, func(ctx context.Context) { a.run(ctx, c) })
	}
	if _, err := interleave.Play(t.Context(), choose, clients...); err != nil {
		p.told = append(p.told, err.Error())
	}
	return p.judge(t.Context())
}

// together reports whether these may happen in these phases.
func together(prepare []bool, each ...act) bool {
	for _, a := range each {
		for _, p := range prepare {
			if a.move && p {
				return false
			}
		}
	}
	return true
}

// TestHandoverInterleavings goes through the interleavings of the calls of each two operations, in each two phases, from each beginning. A
// tree that has more than its share is drawn from; with LARDER_SOAK=1 the share is so large that almost none has.
func TestHandoverInterleavings(t *testing.T) {
	share, drawn := 12, 24
	if os.Getenv("LARDER_SOAK") != "" {
		share, drawn = 20_000, 2000
	}
	total, whole, trees := 0, 0, 0
	all := acts()
	for _, prepare := range phases {
		for i, a := range all {
			for j, b := range all {
				if !together(prepare, a, b) || j < i && prepare[0] == prepare[1] {
					continue
				}
				name := phaseName(prepare) + "/" + a.name + "+" + b.name
				synctest.Test(t, func(t *testing.T) {
					p := newHandoverPlay()
					for _, from := range beginnings() {
						n, done := raceHandover(t, p, name+" from "+from.name, from, prepare, share, drawn, a, b)
						total += n
						trees++
						if done {
							whole++
						}
					}
				})
				if t.Failed() {
					return
				}
			}
		}
	}
	t.Logf("%d schedules, %d of %d trees whole", total, whole, trees)
}

// raceHandover goes through the tree, up to share, and then draws.
func raceHandover(t *testing.T, p *handoverPlay, name string, from beginning, prepare []bool, share, drawn int, each ...act) (n int, done bool) {
	tree := &interleave.Tree{Reduce: true}
	for done = true; tree.Next(); n++ {
		if n >= share {
			done = false
			break
		}
		if wrong := playHandover(t, p, from, prepare, tree.Choose, each...); len(wrong) > 0 && !tree.Redundant() {
			t.Errorf("%s: %s\n%v", name, strings.Join(wrong, "; "), p)
			return n, false
		}
	}
	if done {
		return n, true
	}
	for seed := range uint64(drawn) {
		rng := rand.New(rand.NewPCG(seed, hashOf(name)))
		if wrong := playHandover(t, p, from, prepare, interleave.Random(rng), each...); len(wrong) > 0 {
			t.Errorf("%s, seed %d: %s\n%v", name, seed, strings.Join(wrong, "; "), p)
			return n, false
		}
		n++
	}
	return n, false
}

func hashOf(name string) uint64 {
	h := fnv.New64a()
	fmt.Fprint(h, name)
	return h.Sum64()
}
