package shard_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
	"github.com/larder-go/larder/store/storetest"
)

// maps are nodes in the memory of the test.
func maps(names string) map[string]store.Store {
	nodes := map[string]store.Store{}
	for name := range strings.FieldsSeq(names) {
		nodes[name] = store.NewMap(nil)
	}
	return nodes
}

// ringOf is a placement over "name" or "name:weight", with a space between them.
func ringOf(t testing.TB, algorithm, nodes string) shard.Placement {
	t.Helper()
	var all []shard.Node
	for one := range strings.FieldsSeq(nodes) {
		n := shard.Node{Name: one}
		if name, weight, ok := strings.Cut(one, ":"); ok {
			n.Name = name
			fmt.Sscan(weight, &n.Weight)
		}
		all = append(all, n)
	}
	p, err := shard.NewPlacement(algorithm, all)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func change(t testing.TB, nodes map[string]store.Store, now, next shard.Placement, prepare bool) *shard.Change {
	t.Helper()
	c, err := shard.NewChange(nodes, now, next, &shard.ChangeOptions{Prepare: prepare})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func storeOn(t testing.TB, nodes map[string]store.Store, p shard.Placement) *shard.Store {
	t.Helper()
	s, err := shard.New(nodes, p)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestConformanceOfChange: while the set changes, the store is one.
func TestConformanceOfChange(t *testing.T) {
	for name, prepare := range map[string]bool{"first": true, "second": false} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, storetest.Config{
				New: func(t *testing.T, e store.Expiry) store.Store {
					nodes := map[string]store.Store{}
					for _, name := range []string{"a", "b", "c"} {
						nodes[name] = store.NewMap(&store.MapOptions{Expiry: e})
					}
					return change(t, nodes, ringOf(t, "", "a b"), ringOf(t, "", "b c:3"), prepare)
				},
				Bubble: true,
			})
		})
	}
}

// moves are changes of every kind.
var moves = []struct{ name, algorithm, now, nextAlgorithm, next string }{
	{"growth", "rendezvous", "a b c d", "rendezvous", "a b c d e"},
	{"loss", "rendezvous", "a b c d", "rendezvous", "a b d"},
	{"weight", "rendezvous", "a b c", "rendezvous", "a:3 b c"},
	{"all new", "rendezvous", "a b", "rendezvous", "c d"},
	{"ring", "hashring", "a b c", "hashring", "a b c d"},
	{"algorithm", "ketama", "a b c", "rendezvous", "a b c"},
}

// TestRebalance moves what is to move and nothing else, with its atime and deadline, and every program may then leave the old set.
func TestRebalance(t *testing.T) {
	for _, m := range moves {
		t.Run(m.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				nodes := maps("a b c d e")
				now, next := ringOf(t, m.algorithm, m.now), ringOf(t, m.nextAlgorithm, m.next)
				before := storeOn(t, nodes, now)
				const entries = 3000
				atime, expires := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
				for i := range entries {
					if _, err := store.Swap(t.Context(), before, fmt.Sprint("key ", i), "", &store.Item{Value: fmt.Append(nil, i), Atime: atime, Expires: expires}); err != nil {
						t.Fatal(err)
					}
				}
				after := storeOn(t, nodes, next)
				want := 0
				for i := range entries {
					if key := fmt.Sprint("key ", i); before.Where(key) != after.Where(key) {
						want++
					}
				}
				c := change(t, nodes, now, next, false)
				var told shard.RebalanceReport
				r, err := c.Rebalance(t.Context(), &shard.RebalanceOptions{Progress: func(r shard.RebalanceReport) { told = r }})
				if err != nil || r.Moved != want || !r.Drained || r.Checked != entries || r.Failed+r.Corrupt+r.Garbage > 0 {
					t.Errorf("%+v, %v; %d of %d entries were to move", r, err, want, entries)
				}
				if told.Moved != r.Moved || !told.Drained {
					t.Errorf("the last that was told is %+v", told)
				}
				for i := range entries {
					key := fmt.Sprint("key ", i)
					item, err := store.Peek(t.Context(), after, key)
					if err != nil || string(item.Value) != fmt.Sprint(i) || !item.Atime.Equal(atime) || !item.Expires.Equal(expires) {
						t.Fatalf("%+v, %v", item, err)
					}
					if where, err := c.Where(t.Context(), key); where != after.Where(key) || err != nil {
						t.Fatalf("it stands on %s, %v", where, err)
					}
				}
				counted := 0
				for _, node := range nodes {
					for _, err := range store.List(t.Context(), node, "") {
						if err != nil {
							t.Fatal(err)
						}
						counted++
					}
				}
				if counted != entries {
					t.Errorf("%d entries on the nodes, of %d", counted, entries)
				}
				if r, err := c.Rebalance(t.Context(), nil); err != nil || r.Moved > 0 || !r.Drained {
					t.Errorf("once more: %+v, %v", r, err)
				}
			})
		})
	}
}

// TestChangeLists every entry once, wherever it stands, also while entries move.
func TestChangeLists(t *testing.T) {
	for _, m := range moves {
		t.Run(m.name, func(t *testing.T) {
			nodes := maps("a b c d e")
			now, next := ringOf(t, m.algorithm, m.now), ringOf(t, m.nextAlgorithm, m.next)
			before := storeOn(t, nodes, now)
			var want []string
			for i := range 600 {
				key := fmt.Sprint("key ", i)
				want = append(want, key)
				fill(t, before, key, "value")
			}
			slices.Sort(want)
			c := change(t, nodes, now, next, false)
			for round := range 4 {
				var have []string
				for info, err := range store.List(t.Context(), c, "") {
					if err != nil {
						t.Fatal(err)
					}
					have = append(have, info.Key)
					if other := fmt.Sprint("key ", rand.IntN(600)); round > 0 { // a use moves it
						if _, err := c.Get(t.Context(), other); err != nil {
							t.Fatal(err)
						}
					}
				}
				slices.Sort(have)
				if !slices.Equal(have, want) {
					t.Fatalf("round %d: %d entries listed, of %d", round, len(have), len(want))
				}
			}
		})
	}
}

func fill(t testing.TB, s store.Store, key, value string) {
	t.Helper()
	if err := s.Set(t.Context(), key, []byte(value)); err != nil {
		t.Fatal(err)
	}
}

// TestRollOuts: programs go from the old set to the next, not at the same time, while they count, create and delete; none finds less than what was
// acknowledged, and none finds what was deleted.
func TestRollOuts(t *testing.T) {
	for _, m := range moves {
		t.Run(m.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if wrong := rollOuts(t, ringOf(t, m.algorithm, m.now), ringOf(t, m.nextAlgorithm, m.next), false); len(wrong) > 0 {
					t.Error(strings.Join(wrong, "\n"))
				}
			})
		})
	}
	t.Run("teeth", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			if wrong := rollOuts(t, ringOf(t, "", "a b"), ringOf(t, "", "a b c"), true); len(wrong) == 0 {
				t.Error("without the first roll-out nothing is lost, so this test finds nothing")
			}
		})
	})
}

// rollOuts returns what the programs found wrong. hasty leaves the first roll-out out.
func rollOuts(t *testing.T, now, next shard.Placement, hasty bool) (wrong []string) {
	nodes := maps("a b c d e")
	const programs, keys = 4, 40
	var counts [keys]int
	var turns [keys]chan struct{} // who holds the one of a key has its ledger, until what he writes is acknowledged
	for k := range turns {
		turns[k] = make(chan struct{}, 1)
	}
	var mu sync.Mutex
	complain := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		wrong = append(wrong, fmt.Sprintf(format, args...))
	}
	var switches [programs]chan store.Store
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for p := range programs {
		switches[p] = make(chan store.Store)
		rng := rand.New(rand.NewPCG(uint64(p), 7))
		var s store.Store = storeOn(t, nodes, now)
		all.Go(func() {
			for ctx.Err() == nil {
				select {
				case s = <-switches[p]:
				default:
				}
				k := rng.IntN(keys)
				turns[k] <- struct{}{}
				turn(complain, s, fmt.Sprint("key ", k), &counts[k], rng)
				<-turns[k]
				time.Sleep(time.Duration(rng.IntN(int(20 * time.Millisecond))))
			}
		})
	}
	rollOut := func(program func() store.Store) {
		for p := range programs {
			time.Sleep(3 * time.Second)
			switches[p] <- program()
		}
	}
	if !hasty {
		rollOut(func() store.Store {
			c := change(t, nodes, now, next, true)
			if err := c.Begin(ctx, false); err != nil {
				t.Error(err)
			}
			return c
		})
	}
	rollOut(func() store.Store { return change(t, nodes, now, next, false) })
	if r, err := change(t, nodes, now, next, false).Rebalance(ctx, nil); err != nil || !r.Drained {
		t.Errorf("%+v, %v", r, err)
	}
	rollOut(func() store.Store { return storeOn(t, nodes, next) })
	time.Sleep(10 * time.Second)
	stop()
	all.Wait()
	for k := range counts {
		turn(complain, storeOn(t, nodes, next), fmt.Sprint("key ", k), &counts[k], rand.New(rand.NewPCG(1, 1)))
	}
	return wrong
}

// turn finds what the ledger has, 0 for no entry, and counts on or deletes.
func turn(complain func(string, ...any), s store.Store, key string, count *int, rng *rand.Rand) {
	ctx := context.Background()
	value, err := s.Get(ctx, key)
	switch {
	case *count == 0 && err != store.ErrNotFound:
		complain("%s came back: %s, %v", key, value, err)
	case *count > 0 && (err != nil || string(value) != fmt.Sprint(*count)):
		complain("%s: %s, %v; want %d", key, value, err, *count)
	}
	switch rng.IntN(4) {
	case 0:
		err = s.Delete(ctx, key)
		*count = 0
	case 1:
		*count++
		err = s.Set(ctx, key, fmt.Append(nil, *count))
	default:
		*count++
		err = store.Update(ctx, s, key, func(*store.Item) (*store.Item, error) { return &store.Item{Value: fmt.Append(nil, *count)}, nil })
	}
	if err != nil {
		complain("%s: %v", key, err)
	}
}

// TestBegin refuses nodes that hold what would hide the true entries, and only those.
func TestBegin(t *testing.T) {
	now, next := ringOf(t, "", "a b"), ringOf(t, "", "a b c")
	moving := ""
	for i := 0; moving == ""; i++ {
		if key := fmt.Sprint("key ", i); next.Nodes()[next.Place(key)].Name == "c" {
			moving = key
		}
	}
	for name, c := range map[string]struct {
		on       string
		nonempty bool
		refused  bool
	}{"empty": {}, "left over": {on: "c", refused: true}, "allowed": {on: "c", nonempty: true}} {
		t.Run(name, func(t *testing.T) {
			nodes := maps("a b c")
			fill(t, storeOn(t, nodes, now), moving, "true")
			if c.on != "" {
				fill(t, nodes[c.on], moving, "stray")
			}
			err := change(t, nodes, now, next, true).Begin(t.Context(), c.nonempty)
			if errors.Is(err, store.ErrNotEmpty) != c.refused || !c.refused && err != nil {
				t.Fatal(err)
			}
			if c.refused {
				return
			}
			moved := change(t, nodes, now, next, false)
			if _, err := moved.Get(t.Context(), moving); err != nil {
				t.Fatal(err)
			}
			if err := change(t, nodes, now, next, true).Begin(t.Context(), false); err != nil {
				t.Errorf("a program that starts later: %v", err)
			}
		})
	}
}
