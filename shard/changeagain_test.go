package shard_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/internal/interleave"
	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
)

// nodeDown is a node that can be switched off.
type nodeDown struct {
	interleave.Store
	down bool
}

func newNodeDown() *nodeDown {
	n := &nodeDown{}
	n.Store = interleave.Store{Under: store.NewMap(nil), Around: func(_ context.Context, _ interleave.Call, call func() error) error {
		if n.down {
			return store.Wrap("test", "call", store.ErrUnavailable)
		}
		return call()
	}}
	return n
}

// TestSameChangeAgain: a node comes, goes, and comes once more. What programs of the first roll-out write then is found by those before it, also where the
// store was empty at first, or a node was down.
func TestSameChangeAgain(t *testing.T) {
	for _, entries := range []int{0, 500} {
		for _, off := range []string{"", "a", "c"} {
			t.Run(fmt.Sprint(entries, off), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					downs := map[string]*nodeDown{}
					nodes := map[string]store.Store{}
					for _, name := range []string{"a", "b", "c"} {
						downs[name] = newNodeDown()
						nodes[name] = downs[name]
					}
					two, three := ringOf(t, "", "a b"), ringOf(t, "", "a b c")
					for i := range entries {
						fill(t, storeOn(t, nodes, two), fmt.Sprint("old ", i), "value")
					}
					for _, way := range [][2]shard.Placement{{two, three}, {three, two}} {
						for _, prepare := range []bool{true, false} {
							if err := change(t, nodes, way[0], way[1], prepare).Begin(t.Context(), false); err != nil {
								t.Fatal(err)
							}
						}
						if r, err := change(t, nodes, way[0], way[1], false).Rebalance(t.Context(), nil); err != nil || !r.Drained {
							t.Fatalf("%+v, %v", r, err)
						}
					}
					if off != "" {
						downs[off].down = true
					}
					first := change(t, nodes, two, three, true)
					if err := first.Begin(t.Context(), false); err != nil {
						t.Fatal(err)
					}
					if off != "" {
						downs[off].down = false
					}
					for i := range 300 {
						key := fmt.Sprint("key ", i)
						fill(t, first, key, "value")
						if value, err := storeOn(t, nodes, two).Get(t.Context(), key); err != nil || string(value) != "value" {
							t.Fatalf("a program with the set as it was does not find it: %v", err)
						}
					}
				})
			})
		}
	}
}

// TestNodeReturns with what it held in an earlier time: it is refused, also where the change was begun before and given up.
func TestNodeReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := maps("a b c")
		two, three := ringOf(t, "", "a b"), ringOf(t, "", "a b c")
		if err := change(t, nodes, two, three, true).Begin(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour) // given up
		for i := range 100 {
			fill(t, storeOn(t, nodes, three), fmt.Sprint("key ", i), "of an earlier time")
			fill(t, storeOn(t, nodes, two), fmt.Sprint("key ", i), "true")
		}
		if err := change(t, nodes, two, three, true).Begin(t.Context(), false); !errors.Is(err, store.ErrNotEmpty) {
			t.Fatalf("it may be used: %v", err)
		}
	})
}

// TestChangeInAnyOrder: who names the nodes in another order knows the same change, where the placement is the same.
func TestChangeInAnyOrder(t *testing.T) {
	for _, algorithm := range []string{"rendezvous", "ketama", "hashring"} {
		nodes := maps("a b c")
		one := change(t, nodes, ringOf(t, algorithm, "a b"), ringOf(t, algorithm, "a b c"), false)
		if err := one.Begin(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		for i := range 100 {
			fill(t, one, fmt.Sprint("key ", i), "value")
		}
		back := change(t, nodes, ringOf(t, algorithm, "b a"), ringOf(t, algorithm, "c b a"), true)
		if err := back.Begin(t.Context(), false); err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
	}
}

// TestChangeListsWithout a node that is down what needs none of it.
func TestChangeListsWithout(t *testing.T) {
	c := newNodeDown()
	nodes := map[string]store.Store{"a": store.NewMap(nil), "b": store.NewMap(nil), "c": c}
	two, three := ringOf(t, "", "a b"), ringOf(t, "", "a b c")
	stays := 0
	for i := range 600 {
		key := fmt.Sprint("key ", i)
		fill(t, storeOn(t, nodes, two), key, "value")
		if storeOn(t, nodes, three).Where(key) != "c" {
			stays++
		}
	}
	c.down = true
	listed := 0
	for _, err := range store.List(t.Context(), change(t, nodes, two, three, true), "") {
		if err == nil {
			listed++
		} else if !errors.Is(err, store.ErrUnavailable) || strings.Count(err.Error(), "node c") != 1 {
			t.Error(err)
		}
	}
	if listed != stays {
		t.Errorf("%d entries listed, %d stay", listed, stays)
	}
}

// TestRebalanceSays which entries cannot move, between which nodes, and that something still comes to the wrong one.
func TestRebalanceSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := maps("a b")
		small := &interleave.Store{Under: store.NewMap(nil)}
		small.Around = func(_ context.Context, c interleave.Call, call func() error) error {
			if c.New != nil && len(c.New.Value) > 300 {
				return store.Wrap("test", "swap", store.ErrTooLarge)
			}
			return call()
		}
		nodes["c"] = small
		two, three := ringOf(t, "", "a b"), ringOf(t, "", "a b c")
		for i := range 30 {
			fill(t, storeOn(t, nodes, two), fmt.Sprint("key ", i), strings.Repeat("x", 400))
		}
		r, err := change(t, nodes, two, three, false).Rebalance(t.Context(), nil)
		if !errors.Is(err, store.ErrTooLarge) || r.Failed == 0 || r.Drained || !strings.Contains(err.Error(), fmt.Sprint(r.Failed, " entries did not move, from a to c, b to c: ")) ||
			!strings.Contains(err.Error(), "(node c)") {
			t.Errorf("%+v, %v", r, err)
		}
		for i := range 30 {
			if err := storeOn(t, nodes, two).Delete(t.Context(), fmt.Sprint("key ", i)); err != nil {
				t.Fatal(err)
			}
		}
		ctx, stop := context.WithCancel(t.Context())
		var forgotten sync.WaitGroup
		defer forgotten.Wait()
		defer stop()
		forgotten.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				_ = storeOn(t, nodes, two).Set(ctx, fmt.Sprint("new ", i), nil)
				time.Sleep(100 * time.Millisecond)
			}
		})
		if r, err := change(t, nodes, two, three, false).Rebalance(t.Context(), nil); err == nil || r.Drained || !strings.Contains(err.Error(), "is a program in the first roll-out") {
			t.Errorf("%+v, %v", r, err)
		}
	})
}
