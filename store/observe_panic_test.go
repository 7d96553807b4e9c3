package store_test

import (
	"context"
	"fmt"
	"iter"
	"testing"

	"github.com/larder-go/larder/store"
)

// broken is a store that panics.
type broken struct{ *store.Map }

func (broken) Get(context.Context, string) ([]byte, error)       { panic("get") }
func (broken) Set(context.Context, string, []byte) error         { panic("set") }
func (broken) Load(context.Context, string) (*store.Item, error) { panic("load") }
func (broken) List(context.Context, string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		if yield(store.Info{Key: "k"}, nil) {
			panic("list")
		}
	}
}

// TestObservePanic: who counts what is under way, or began a span, is told of the end also of an operation that panics.
func TestObservePanic(t *testing.T) {
	ctx := t.Context()
	for want, call := range map[string]func(store.Store){
		"get error 0":  func(s store.Store) { s.Get(ctx, "k") },
		"set error 0":  func(s store.Store) { s.Set(ctx, "k", nil) },
		"load error 0": func(s store.Store) { store.Load(ctx, s, "k") },
		"list error 1": func(s store.Store) { drain(store.List(ctx, s, ""), 9) },
		"list ok 1": func(s store.Store) {
			for range store.List(ctx, s, "") {
				panic("in the body")
			}
		},
	} {
		n := new(noted)
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: the panic is swallowed", want)
				}
			}()
			call(store.Observe(broken{store.NewMap(nil)}, n))
		}()
		if len(n.begun) != 1 || len(n.events) != 1 {
			t.Fatalf("%s: begun %v, told %+v", want, n.begun, n.events)
		}
		e := n.events[0]
		if got := fmt.Sprintf("%s %s %d", e.Op, e.Outcome, e.Entries); got != want || e.Err != nil {
			t.Errorf("told %s, %v; want %s", got, e.Err, want)
		}
	}
}

// forgetful returns no context from Begin.
type forgetful struct{}

func (forgetful) Begin(context.Context, store.Op) context.Context { return nil }
func (forgetful) End(ctx context.Context, _ store.Event) {
	if ctx == nil {
		panic("no context")
	}
}

// TestObserveNils: an Observer that is left out, or leaves the context out, breaks no operation.
func TestObserveNils(t *testing.T) {
	n := new(noted)
	for name, o := range map[string]store.Observer{
		"nil in a Tee": store.Tee(nil, n, nil), "an empty Tee": store.Tee(), "no context": forgetful{}, "no context in a Tee": store.Tee(n, forgetful{}),
	} {
		s := store.Observe(store.NewMap(nil), o)
		if err := s.Set(t.Context(), "k", nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if told := n.take(t); told != "set ok 0 0, set ok 0 0" {
		t.Error(told)
	}
}

// TestOpsAndOutcomes: the lists that observers prepare by are whole, and nothing stands in them twice.
func TestOpsAndOutcomes(t *testing.T) {
	seen := map[string]bool{}
	for _, op := range store.Ops() {
		seen[string(op)] = true
	}
	failed := 0
	for _, o := range store.Outcomes() {
		seen[string(o)] = true
		if o.Failed() {
			failed++
		}
	}
	if len(seen) != 12+10 || len(store.Ops()) != 12 || failed != 5 || store.OutcomeOf(context.Canceled).Failed() || !store.OutcomeOf(context.DeadlineExceeded).Failed() {
		t.Errorf("%v, %d of them failures", seen, failed)
	}
}
