package store_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/internal/traits"
	"github.com/larder-go/larder/store"
	"github.com/larder-go/larder/store/storetest"
)

// noted is an Observer that writes down what it is told.
type noted struct {
	mu     sync.Mutex
	begun  []store.Op
	events []store.Event
}

type notedKey struct{}

func (n *noted) Begin(ctx context.Context, op store.Op) context.Context {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.begun = append(n.begun, op)
	return context.WithValue(ctx, notedKey{}, len(n.begun))
}

func (n *noted) End(ctx context.Context, e store.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if ctx.Value(notedKey{}) == nil {
		panic("End has another context than Begin returned")
	}
	n.events = append(n.events, e)
}

// take returns what was told since the last call, as "op outcome bytes entries".
func (n *noted) take(t *testing.T) string {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.begun) != len(n.events) {
		t.Errorf("%d operations begun, %d ended", len(n.begun), len(n.events))
	}
	var told []string
	for _, e := range n.events {
		if e.Duration < 0 || (e.Err == nil) != (e.Outcome == store.OutcomeOK || e.Op == store.OpContains && e.Outcome == store.OutcomeNotFound) {
			t.Errorf("%+v", e)
		}
		told = append(told, fmt.Sprintf("%s %s %d %d", e.Op, e.Outcome, e.Bytes, e.Entries))
	}
	n.begun, n.events = nil, nil
	return strings.Join(told, ", ")
}

func TestObserveConformance(t *testing.T) {
	storetest.Run(t, storetest.Config{
		New: func(_ *testing.T, e store.Expiry) store.Store {
			return store.Observe(store.NewMap(&store.MapOptions{Expiry: e}), new(noted))
		},
		Lacks: traits.Of("map").Lacks,
	})
}

func TestObserveTells(t *testing.T) {
	ctx, n := t.Context(), new(noted)
	m := store.NewMap(&store.MapOptions{MaxValue: 10})
	s := store.Observe(m, n)
	over, cancel := context.WithCancel(ctx)
	cancel()
	late, cancelLate := context.WithTimeout(ctx, -1)
	defer cancelLate()

	var version store.Version
	for _, step := range []struct {
		call func()
		want string
	}{
		{func() { s.Set(ctx, "k", []byte("value")) }, "set ok 5 0"},
		{func() { s.Set(ctx, "k", make([]byte, 11)) }, "set too_large 0 0"},
		{func() { s.Get(ctx, "k") }, "get ok 5 0"},
		{func() { s.Get(ctx, "none") }, "get not_found 0 0"},
		{func() { s.Get(ctx, "") }, "get invalid 0 0"},
		{func() { s.Get(over, "k") }, "get canceled 0 0"},
		{func() { s.Get(late, "k") }, "get unavailable 0 0"},
		{func() { s.Contains(ctx, "k") }, "contains ok 0 0"},
		{func() { s.Contains(ctx, "none") }, "contains not_found 0 0"},
		{func() { store.Touch(ctx, s, "k") }, "touch ok 0 0"},
		{func() { store.Load(ctx, s, "k") }, "load ok 5 0"},
		{func() { store.Peek(ctx, s, "none") }, "peek not_found 0 0"},
		{func() { version, _ = store.Swap(ctx, s, "new", "", &store.Item{Value: []byte("abc")}) }, "swap ok 3 0"},
		{func() { store.Swap(ctx, s, "new", "", &store.Item{Value: []byte("abc")}) }, "swap conflict 0 0"},
		{func() { store.Swap(ctx, s, "new", version, nil) }, "swap ok 0 0"},
		{func() { s.Delete(ctx, "none") }, "delete ok 0 0"},
		{func() { s.Cleanup(ctx, time.Hour) }, "cleanup ok 0 0"},
		{func() { m.Swap(ctx, "old", "", &store.Item{Value: []byte("1234"), Atime: time.Now().Add(-time.Hour)}) }, ""},
		{func() { store.Sweep(ctx, s, store.SweepOptions{Idle: time.Minute, DryRun: true}) }, "sweep ok 0 0"},
		{func() { store.Sweep(ctx, s, store.SweepOptions{Idle: time.Minute}) }, "sweep ok 4 1"},
		{func() { s.Set(ctx, "l", nil); n.take(t) }, ""},
		{func() { drain(store.List(ctx, s, ""), 9) }, "list ok 0 2"},
		{func() { drain(store.List(ctx, s, ""), 1) }, "list ok 0 1"},
		{func() { drain(store.List(over, s, ""), 9) }, "list canceled 0 0"},
		{func() { drain(store.ListAfter(ctx, s, "", ""), 9) }, "list ok 0 2"},
		{func() { store.List(ctx, s, "") }, ""}, // nobody has asked for an entry
		{func() { store.Inspect(ctx, s) }, "inspect ok 0 0"},
		{func() { store.ExpiryOf(s) }, ""},
		{func() { _ = store.CanSwap(s) && store.CanList(s) && store.CanListAfter(s) && store.CanSweep(s) }, ""},
		{func() { m.Close(); s.Get(ctx, "k") }, "get error 0 0"},
	} {
		step.call()
		if got := n.take(t); got != step.want {
			t.Errorf("told %q, want %q", got, step.want)
		}
	}
}

func drain(list iter.Seq2[store.Info, error], most int) {
	for range list {
		if most--; most == 0 {
			return
		}
	}
}

// TestObserveKeepsLacks: what a store lacks is told before key and context are looked at, and is no operation.
func TestObserveKeepsLacks(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	n := new(noted)
	s := store.Observe(newPlain(), n)
	if store.CanSwap(s) || store.CanList(s) || store.CanListAfter(s) || store.CanSweep(s) {
		t.Error("it claims an ability that it lacks")
	}
	for op, call := range map[string]func() error{
		"load":    func() error { _, err := store.Load(ctx, s, ""); return err },
		"peek":    func() error { _, err := store.Peek(ctx, s, ""); return err },
		"swap":    func() error { _, err := store.Swap(ctx, s, "", "", nil); return err },
		"sweep":   func() error { _, err := store.Sweep(ctx, s, store.SweepOptions{Limit: 1}); return err },
		"inspect": func() error { _, err := store.Inspect(ctx, s); return err },
		"expiry":  func() error { _, err := store.ExpiryOf(s); return err },
		"list": func() (last error) {
			for _, err := range store.List(ctx, s, "") {
				last = err
			}
			return last
		},
	} {
		if err := call(); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v", op, err)
		}
	}
	if told := n.take(t); told != "" {
		t.Errorf("told %q", told)
	}
	if _, err := store.Sweep(t.Context(), s, store.SweepOptions{Idle: time.Hour}); err != nil || n.take(t) != "sweep ok 0 0" {
		t.Errorf("a Sweep by Cleanup: %v", err)
	}
	if store.Observe(s, nil) != s {
		t.Error("without an Observer there is nothing to wrap")
	}
}

// TestObserveListTime: of a list, the time counts that the store takes, not that of the caller's loop body; and a body that panics ends it too.
func TestObserveListTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := new(noted)
		s := store.Observe(slowList{newPlain()}, n)
		for range store.List(t.Context(), s, "") {
			time.Sleep(time.Hour)
		}
		if len(n.events) != 1 || n.events[0].Duration != 3*time.Second || n.events[0].Entries != 2 || !errors.Is(n.events[0].Err, store.ErrCorrupt) {
			t.Errorf("%+v", n.events)
		}
		func() {
			defer func() { recover() }()
			for range store.List(t.Context(), s, "") {
				panic("in the body")
			}
		}()
		if len(n.events) != 2 || n.events[1].Entries != 1 {
			t.Errorf("%+v", n.events)
		}
	})
}

// slowList takes a second for each entry, of which the second is corrupt.
type slowList struct{ store.Store }

func (s slowList) List(ctx context.Context, _ string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		for _, err := range []error{nil, store.Wrap("test", "list", store.ErrCorrupt), nil} {
			if ctx.Err() != nil {
				yield(store.Info{}, ctx.Err())
				return
			}
			time.Sleep(time.Second)
			if !yield(store.Info{}, err) {
				return
			}
		}
	}
}

func TestOutcomeOf(t *testing.T) {
	for want, err := range map[store.Outcome]error{
		store.OutcomeOK:          nil,
		store.OutcomeNotFound:    store.ErrNotFound,
		store.OutcomeConflict:    store.Wrap("p", "op", store.ErrConflict),
		store.OutcomeCanceled:    store.Wrap("p", "op", context.Canceled),
		store.OutcomeUnavailable: store.Wrap("p", "op", context.DeadlineExceeded),
		store.OutcomeInvalid:     store.CheckKey(""),
		store.OutcomeTooLarge:    store.Wrap("p", "op", store.ErrTooLarge),
		store.OutcomeCorrupt:     store.Wrap("p", "op", store.ErrCorrupt),
		store.OutcomeUnsupported: errors.ErrUnsupported,
		store.OutcomeError:       os.ErrClosed,
	} {
		if got := store.OutcomeOf(err); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
}

// TestTee: contexts nest in the order that was given, and End undoes it.
func TestTee(t *testing.T) {
	var order []string
	observer := func(name string) store.Observer {
		return hooks{
			func(op store.Op) { order = append(order, "begin "+name) },
			func(e store.Event) { order = append(order, "end "+name) },
		}
	}
	s := store.Observe(newPlain(), store.Tee(observer("a"), observer("b")))
	s.Get(t.Context(), "k")
	if got := strings.Join(order, ", "); got != "begin a, begin b, end b, end a" {
		t.Error(got)
	}
}

type hooks struct {
	begin func(store.Op)
	end   func(store.Event)
}

func (h hooks) Begin(ctx context.Context, op store.Op) context.Context { h.begin(op); return ctx }
func (h hooks) End(_ context.Context, e store.Event)                   { h.end(e) }
