package store_test

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/larder-go/larder/internal/interleave"
	"github.com/larder-go/larder/store"
)

// event is an operation of one client on one key: what it wrote, or read. Its ends are counted in calls of the stores below.
type event struct {
	client     int
	write      bool
	value      string // "": nothing stands there
	begin, end int
}

// witness makes operations on a store and writes them down.
type witness struct{ events []event }

func (w *witness) do(ctx context.Context, client int, op string, s store.Store) {
	interleave.Turn(ctx, interleave.Call{Op: "begin"}, func() error { return nil }) // what it does before its first call counts, too
	e := event{client: client, begin: interleave.Steps(ctx)}
	read := func(value []byte, err error) {
		if err != nil && err != store.ErrNotFound {
			panic(err)
		}
		e.value = string(value)
	}
	switch op {
	case "get":
		read(s.Get(ctx, "k"))
	case "load", "peek":
		look := store.Load
		if op == "peek" {
			look = store.Peek
		}
		item, err := look(ctx, s, "k")
		if item == nil {
			item = &store.Item{}
		}
		read(item.Value, err)
	case "delete":
		e.write = true
		if err := s.Delete(ctx, "k"); err != nil {
			panic(err)
		}
	case "update":
		e.write = true
		err := store.Update(ctx, s, "k", func(old *store.Item) (*store.Item, error) {
			e.value = "x"
			if old != nil {
				e.value = string(old.Value) + "+"
			}
			return &store.Item{Value: []byte(e.value)}, nil
		})
		if err != nil {
			panic(err)
		}
	default: // set to that
		e.write, e.value = true, op
		if err := s.Set(ctx, "k", []byte(op)); err != nil {
			panic(err)
		}
	}
	e.end = interleave.Steps(ctx)
	w.events = append(w.events, e)
}

// linear reports whether the events can be put into one order in which each read sees the last write before it, and no operation comes before one
// that had ended when it began.
func linear(rest []event, value string) bool {
	if len(rest) == 0 {
		return true
	}
	for i, e := range rest {
		if slices.ContainsFunc(rest, func(o event) bool { return o.end <= e.begin && (o.client != e.client || o.begin < e.begin) && o != e }) ||
			!e.write && e.value != value {
			continue
		}
		after := value
		if e.write {
			after = e.value
		}
		if linear(slices.Delete(slices.Clone(rest), i, i+1), after) {
			return true
		}
	}
	return false
}

// TestLayerIsOneRegister goes through all orders of the calls that clients of one Layer make of the stores below it. Whatever the order, the Layer
// is one store: nobody reads an entry as it was before a write that is over, or before one that somebody has seen.
func TestLayerIsOneRegister(t *testing.T) {
	for _, clients := range [][][]string{
		{{"1", "get"}, {"get", "get"}},
		{{"1", "2"}, {"get", "peek", "get"}},
		{{"delete", "get"}, {"get", "peek", "get"}},
		{{"1"}, {"get"}, {"get", "get"}},
		{{"1"}, {"2"}, {"get", "get"}},
		{{"delete"}, {"1"}, {"get", "load"}},
		{{"update", "load"}, {"load", "get"}},
		{{"update"}, {"update"}},
	} {
		each(t, clients, func(t *testing.T, warm bool) {
			for choose, picks := range schedules(t) {
				fast, slow := &interleave.Store{Under: store.NewMap(nil)}, &interleave.Store{Under: store.NewMap(nil)}
				layer, w := store.Layer(fast, slow, &store.LayerOptions{Loads: true}), new(witness)
				slow.Under.Set(t.Context(), "k", []byte("0"))
				if warm {
					layer.Get(t.Context(), "k")
				}
				play(t, choose, clients, func(int) store.Store { return layer }, w)
				if !linear(w.events, "0") {
					t.Fatalf("%v: %+v", picks, w.events)
				}
			}
		})
	}
}

// schedules are a hundred that are drawn, or with LARDER_SOAK=1 all that there are: some minutes for all tests. Each comes with what tells it
// from others.
func schedules(t *testing.T) iter.Seq2[interleave.Chooser, fmt.Stringer] {
	return func(yield func(interleave.Chooser, fmt.Stringer) bool) {
		if os.Getenv("LARDER_SOAK") == "" {
			for n := range uint64(100) {
				if !yield(interleave.Random(rand.New(rand.NewPCG(n, 0))), seed(n)) {
					return
				}
			}
			return
		}
		n := 0
		for tree := new(interleave.Tree); tree.Next(); n++ {
			if !yield(tree.Choose, tree) {
				return
			}
		}
		t.Logf("%d schedules", n)
	}
}

type seed uint64

func (s seed) String() string { return fmt.Sprintf("seed %d", uint64(s)) }

// each runs test with a copy that is already there, and without.
func each(t *testing.T, clients [][]string, test func(t *testing.T, warm bool)) {
	for _, warm := range []bool{true, false} {
		t.Run(fmt.Sprintf("%v/warm=%t", clients, warm), func(t *testing.T) { test(t, warm) })
	}
}

// play lets each client make its operations on its store.
func play(t *testing.T, choose interleave.Chooser, clients [][]string, of func(client int) store.Store, w *witness) {
	t.Helper()
	var programs []func(context.Context)
	for n, ops := range clients {
		programs = append(programs, func(ctx context.Context) {
			for _, op := range ops {
				w.do(ctx, n, op, of(n))
			}
		})
	}
	steps, err := interleave.Play(t.Context(), choose, programs...)
	if err != nil {
		t.Fatalf("%v: %+v", err, steps)
	}
}

// TestLayersShareCopies: the same where each client is a program of its own, with a Layer over the same two stores. A program may read what was
// before another's writes, but never what was before its own; and no update is lost.
func TestLayersShareCopies(t *testing.T) {
	for _, clients := range [][][]string{
		{{"1", "get", "get"}, {"get", "get"}},
		{{"delete", "get", "load"}, {"get", "load"}},
		{{"1", "get"}, {"2", "get"}},
		{{"get", "1", "get"}, {"get", "get"}},
		{{"update"}, {"update"}},
	} {
		each(t, clients, func(t *testing.T, warm bool) {
			for choose, picks := range schedules(t) {
				fast, slow := &interleave.Store{Under: store.NewMap(nil)}, &interleave.Store{Under: store.NewMap(nil)}
				var layers []store.Store
				for range clients {
					layers = append(layers, store.Layer(fast, slow, &store.LayerOptions{Loads: true}))
				}
				slow.Under.Set(t.Context(), "k", []byte("0"))
				if warm {
					layers[len(layers)-1].Get(t.Context(), "k")
				}
				w := new(witness)
				play(t, choose, clients, func(n int) store.Store { return layers[n] }, w)
				checkOwnWrites(t, picks, w.events)
				if clients[0][0] == "update" {
					if got, _ := slow.Under.Get(t.Context(), "k"); string(got) != "0++" {
						t.Fatalf("%v: an update was lost: %q", picks, got)
					}
				}
			}
		})
	}
}

// checkOwnWrites: after its own write a client reads that value, or one that another wrote.
func checkOwnWrites(t *testing.T, picks fmt.Stringer, events []event) {
	t.Helper()
	own := map[int]*event{}
	for i, e := range events {
		if e.write {
			own[e.client] = &events[i]
			continue
		}
		wrote := own[e.client]
		if wrote == nil || e.value == wrote.value {
			continue
		}
		if !slices.ContainsFunc(events, func(o event) bool {
			return o.write && o.client != e.client && o.value == e.value && o.end > wrote.begin
		}) {
			t.Fatalf("%v: client %d wrote %q and then read %q: %+v", picks, e.client, wrote.value, e.value, events)
		}
	}
}
