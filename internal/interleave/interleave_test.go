package interleave

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/larder-go/larder/store"
)

// binomial counts how two clients of a and b calls can go.
func binomial(n, k int) int {
	c := 1
	for i := range k {
		c = c * (n - i) / (i + 1)
	}
	return c
}

// TestTree: all interleavings, each once.
func TestTree(t *testing.T) {
	for a := range 6 {
		for b := range 6 {
			s, seen := &Store{Under: store.NewMap(nil)}, map[string]bool{}
			calls := func(n int) func(context.Context) {
				return func(ctx context.Context) {
					for i := range n {
						s.Set(ctx, strconv.Itoa(i), nil)
					}
				}
			}
			for tree := new(Tree); tree.Next(); {
				if _, err := Play(t.Context(), tree.Choose, calls(a), calls(b)); err != nil {
					t.Fatal(err)
				}
				if seen[tree.String()] {
					t.Errorf("%v came twice", tree)
				}
				seen[tree.String()] = true
			}
			if want := binomial(a+b, a); len(seen) != want {
				t.Errorf("%d and %d calls: %d schedules, want %d", a, b, len(seen), want)
			}
		}
	}
}

// count adds one to a counter, by get and set, or by update.
func count(s store.Store, update bool) func(context.Context) {
	add := func(old []byte) []byte {
		n, _ := strconv.Atoi(string(old))
		return strconv.AppendInt(nil, int64(n+1), 10)
	}
	return func(ctx context.Context) {
		if !update {
			old, _ := s.Get(ctx, "n")
			s.Set(ctx, "n", add(old))
			return
		}
		store.Update(ctx, s, "n", func(old *store.Item) (*store.Item, error) {
			if old == nil {
				old = &store.Item{}
			}
			return &store.Item{Value: add(old.Value)}, nil
		})
	}
}

// TestReduce: of the interleavings of calls that cannot notice each other one is enough, and what can happen happens all the same.
func TestReduce(t *testing.T) {
	calls := func(s store.Store, who string, n int) func(context.Context) {
		return func(ctx context.Context) {
			for i := range n {
				s.Set(ctx, who+strconv.Itoa(i), nil) // of its own
				s.Get(ctx, "read by all")
			}
		}
	}
	outcomes := func(reduce bool, clients func(s store.Store) []func(context.Context)) (all int, outcomes map[string]bool) {
		outcomes = map[string]bool{}
		for tree := (&Tree{Reduce: reduce}); tree.Next(); {
			m := store.NewMap(nil)
			if _, err := Play(t.Context(), tree.Choose, clients(&Store{Under: m})...); err != nil {
				t.Fatal(err)
			}
			if tree.Redundant() {
				continue
			}
			all++
			n, _ := m.Get(t.Context(), "n")
			log, _ := m.Get(t.Context(), "log")
			outcomes[string(n)+" "+string(log)] = true
		}
		return all, outcomes
	}
	if all, _ := outcomes(true, func(s store.Store) []func(context.Context) {
		return []func(context.Context){calls(s, "a", 3), calls(s, "b", 3)}
	}); all != 1 {
		t.Errorf("%d schedules of calls that cannot notice each other", all)
	}
	mixed := func(s store.Store) (clients []func(context.Context)) {
		for _, who := range []string{"a", "b"} {
			clients = append(clients, func(ctx context.Context) {
				count(s, false)(ctx)
				s.Set(ctx, who, nil)
				log, _ := s.Get(ctx, "log")
				s.Set(ctx, "log", append(log, who...))
			})
		}
		return clients
	}
	every, want := outcomes(false, mixed)
	some, got := outcomes(true, mixed)
	if some >= every/2 || len(got) != len(want) {
		t.Errorf("%d of %d schedules, %d of %d outcomes", some, every, len(got), len(want))
	}
	t.Logf("%d schedules do for %d, with all %d outcomes", some, every, len(want))
}

// TestFindsLostUpdates: of the six interleavings of two times get and set only two lose nothing; Update loses nothing in any, and backs off in
// no time.
func TestFindsLostUpdates(t *testing.T) {
	for _, update := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			lost, all := 0, 0
			for tree := new(Tree); tree.Next(); all++ {
				m := store.NewMap(nil)
				s := &Store{Under: m}
				if _, err := Play(t.Context(), tree.Choose, count(s, update), count(s, update)); err != nil {
					t.Fatal(err)
				}
				if n, err := m.Get(t.Context(), "n"); err != nil || string(n) != "2" {
					lost++
				}
			}
			if update && (lost != 0 || all != 6) || !update && (lost != 4 || all != 6) {
				t.Errorf("update %v: %d of %d schedules lost an addition", update, lost, all)
			}
		})
	}
}

func TestRandom(t *testing.T) {
	run := func(seed uint64) string {
		s := &Store{Under: store.NewMap(nil)}
		client := func(ctx context.Context) {
			for range 5 {
				s.Contains(ctx, "k")
			}
		}
		steps, err := Play(t.Context(), Random(rand.New(rand.NewPCG(seed, 0))), client, client, client)
		if err != nil || len(steps) != 15 {
			t.Fatal(len(steps), err)
		}
		var who strings.Builder
		for _, step := range steps {
			who.WriteString(strconv.Itoa(step.Client))
		}
		return who.String()
	}
	var all []string
	for seed := range uint64(20) {
		all = append(all, run(seed))
		if again := run(seed); again != all[seed] {
			t.Errorf("seed %d: %s, then %s", seed, all[seed], again)
		}
	}
	slices.Sort(all)
	if n := len(slices.Compact(all)); n < 15 {
		t.Errorf("20 seeds, %d schedules", n)
	}
}

// TestStuck: what cannot go on is told, not waited for.
func TestStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		_, err := Play(t.Context(), func([]Step) int { return 0 }, func(context.Context) { <-release })
		if err == nil || !strings.Contains(err.Error(), "neither calls nor returns") {
			t.Error(err)
		}
	})
}

// TestStoreKeepsAbilities: through the wrapper a store can do what it can without, and no more.
func TestStoreKeepsAbilities(t *testing.T) {
	full, bare := &Store{Under: store.NewMap(nil)}, &Store{Under: struct{ store.Store }{store.NewMap(nil)}}
	for name, can := range map[string]func(store.Store) bool{"swap": store.CanSwap, "list": store.CanList, "sweep": store.CanSweep} {
		if !can(full) || can(bare) {
			t.Errorf("%s: %v of a Map, %v of a store that has no abilities", name, can(full), can(bare))
		}
	}
	want := errors.New("no")
	full.Around = func(context.Context, Call, func() error) error { return want }
	if _, err := full.Load(t.Context(), "k"); err != want {
		t.Error(err)
	}
}
