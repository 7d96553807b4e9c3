package store_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/larder-go/larder/internal/interleave"
	"github.com/larder-go/larder/store"
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
// tree that has more than its share is drawn from; with LARDER_SOAK=1 the share is larger, and most trees are gone through whole.
func TestHandoverInterleavings(t *testing.T) {
	share, drawn := 4, 4
	if os.Getenv("LARDER_SOAK") != "" {
		share, drawn = 1000, 300
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
		if wrong := playHandover(t, p, from, prepare, atFirst(tree.Choose), each...); len(wrong) > 0 && !tree.Redundant() {
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

// atFirst lets choose pick for so long as two may well need that do not hinder each other for ever: then one goes on alone.
func atFirst(choose interleave.Chooser) interleave.Chooser {
	const most = 40
	n := 0
	return func(waiting []interleave.Step) int {
		if n++; n > most {
			return 0
		}
		return choose(waiting)
	}
}

func hashOf(name string) uint64 {
	h := fnv.New64a()
	fmt.Fprint(h, name)
	return h.Sum64()
}

// TestHandoverKilled: one of two is killed after any of its calls, in schedules that are drawn, and sometimes then a third comes.
func TestHandoverKilled(t *testing.T) {
	drawn, stride := 1, 5
	if os.Getenv("LARDER_SOAK") != "" {
		drawn, stride = 20, 1
	}
	total, all := 0, acts()
	for _, prepare := range phases {
		for _, a := range all {
			for _, b := range all {
				if !together(prepare, a, b) {
					continue
				}
				name := phaseName(prepare) + "/" + a.name + " killed+" + b.name
				synctest.Test(t, func(t *testing.T) {
					p := newHandoverPlay()
					p.dead = 0
					for _, from := range beginnings() {
						for seed := range uint64(drawn) {
							rng := rand.New(rand.NewPCG(seed, hashOf(name+from.name)))
							for p.after = rng.IntN(stride); p.after < 12; p.after += stride {
								wrong := playHandover(t, p, from, prepare, interleave.Random(rng), a, b)
								if total++; len(wrong) > 0 {
									t.Errorf("%s after %d calls, from %s, seed %d: %s\n%v", name, p.after, from.name, seed, strings.Join(wrong, "; "), p)
									return
								}
							}
						}
					}
				})
				if t.Failed() {
					return
				}
			}
		}
	}
	t.Logf("%d schedules", total)
}

// TestHandoverCrowd: three or four handles with two operations each, in schedules that are drawn, some of them with a kill.
//
// Where four meet at one key, one thing can be seen that should not: a program in Prepare creates an entry in the old store, finds that another was
// faster in the new one, and before it has removed its own, a third deletes that of the other: for a moment, a fourth sees an entry that its
// writer says has never been. No answer about a write is wrong then.
func TestHandoverCrowd(t *testing.T) {
	drawn := 5000
	if os.Getenv("LARDER_SOAK") != "" {
		drawn = 400_000
	}
	all, from, seen := acts(), beginnings(), 0
	synctest.Test(t, func(t *testing.T) {
		p := newHandoverPlay()
		for seed := range uint64(drawn) {
			rng := rand.New(rand.NewPCG(seed, 77))
			var prepare []bool
			var each []act
			for range 3 + rng.IntN(2) {
				prepare = append(prepare, rng.IntN(2) == 0)
			}
			pick := func() act {
				for {
					if a := all[rng.IntN(len(all))]; together(prepare, a) {
						return a
					}
				}
			}
			for range prepare {
				first, second := pick(), pick()
				each = append(each, act{name: first.name + "," + second.name, run: func(ctx context.Context, c *player) {
					first.run(ctx, c)
					if !c.dead {
						second.run(ctx, c)
					}
				}})
			}
			p.dead, p.after = -1, rng.IntN(12)
			if rng.IntN(3) == 0 {
				p.dead = rng.IntN(len(each))
			}
			b := from[rng.IntN(len(from))]
			wrong := playHandover(t, p, b, prepare, interleave.Random(rng), each...)
			if len(wrong) > 0 && p.explainsWithLost(prepare, wrong) {
				seen++
				continue
			}
			if len(wrong) > 0 {
				t.Fatalf("seed %d, %s from %s: %s\n%v", seed, phaseName(prepare), b.name, strings.Join(wrong, "; "), p)
			}
		}
	})
	t.Logf("%d schedules; in %d of them somebody saw what a program in Prepare had created too late", drawn, seen)
	if seen > 1+drawn/500 {
		t.Error("that should be rare")
	}
}

// TestHandoverLimitedInterleavings: the same where the old store's limit leaves no room for a claim, or the new one refuses what stands
// in the old one at the beginning: then the entry stays until it is another.
func TestHandoverLimitedInterleavings(t *testing.T) {
	drawn := 6000
	if os.Getenv("LARDER_SOAK") != "" {
		drawn = 300_000
	}
	all, total := acts(), 0
	inOld := slices.DeleteFunc(beginnings(), func(b beginning) bool { // there are no claims
		return b.name == "garbage" || strings.HasPrefix(b.name, "claimed")
	})
	synctest.Test(t, func(t *testing.T) {
		small, large := newHandoverPlay(), newHandoverPlay()
		small.old, small.limited = store.NewMap(&store.MapOptions{MaxValue: 17}), true
		large.refuses, large.limited = "v", true
		for seed := range uint64(drawn) {
			rng := rand.New(rand.NewPCG(seed, 5))
			p, from := small, inOld
			if rng.IntN(2) == 0 {
				p, from = large, beginnings()
			}
			prepare, a, b := phases[rng.IntN(4)], all[rng.IntN(len(all))], all[rng.IntN(len(all))]
			if !together(prepare, a, b) {
				continue
			}
			if p.dead, p.after = -1, rng.IntN(12); rng.IntN(3) == 0 {
				p.dead = 0
			}
			total++
			if wrong := playHandover(t, p, from[rng.IntN(len(from))], prepare, interleave.Random(rng), a, b); len(wrong) > 0 {
				t.Fatalf("seed %d, %s %s+%s: %s\n%v", seed, phaseName(prepare), a.name, b.name, strings.Join(wrong, "; "), p)
			}
		}
	})
	t.Logf("%d schedules", total)
}
