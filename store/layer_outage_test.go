package store_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/internal/interleave"
	"github.com/larder-go/larder/store"
)

// fickle lets a test stand in for calls of a store by their names.
func fickle(under store.Store, calls map[string]func(ctx context.Context, call func() error) error) store.Store {
	return &interleave.Store{Under: under, Around: func(ctx context.Context, c interleave.Call, call func() error) error {
		if f := calls[c.Op]; f != nil {
			return f(ctx, call)
		}
		return call()
	}}
}

func down(context.Context, func() error) error {
	return store.Wrap("test", "call", store.ErrUnavailable)
}

// TestLayerFastDown: that the fast store does not answer is no outage, but a Delete tells of it; and nothing old is read when it is back.
func TestLayerFastDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		memory, calls := store.NewMap(nil), map[string]func(context.Context, func() error) error{}
		s := store.Layer(fickle(memory, calls), store.NewMap(nil), nil)
		for _, key := range []string{"set", "swapped", "deleted", "kept"} {
			s.Set(ctx, key, []byte("old"))
			s.Get(ctx, key)
		}
		for _, op := range []string{"get", "set", "delete", "load", "peek", "swap"} {
			calls[op] = down
		}
		if err := s.Set(ctx, "set", []byte("new")); err != nil {
			t.Error(err)
		}
		if _, err := store.Swap(ctx, s, "swapped", store.AnyVersion, &store.Item{Value: []byte("new")}); err != nil {
			t.Error(err)
		}
		err := s.Delete(ctx, "deleted")
		if !errors.Is(err, store.ErrUnavailable) || strings.Count(err.Error(), "store: delete: ") != 1 || strings.Contains(err.Error(), "deleted") {
			t.Errorf("Delete: %v", err)
		}
		check := func(when string) {
			for key, want := range map[string]string{"set": "new", "swapped": "new", "deleted": "", "kept": "old"} {
				v, err := s.Get(ctx, key)
				if string(v) != want || (err == store.ErrNotFound) != (want == "") {
					t.Errorf("%s: %s is %q, %v; want %q", when, key, v, err, want)
				}
			}
		}
		check("while it is down")
		clear(calls)
		check("when it is back")
		time.Sleep(2 * time.Second)
		check("when it is asked again")
		if v, err := memory.Get(ctx, "set"); err != nil || !strings.HasSuffix(string(v), "new") {
			t.Errorf("no new copy: %q, %v", v, err)
		}
	})
}

// TestLayerFastHangs: it costs one caller in a second some patience, and the others nothing.
func TestLayerFastHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, calls := t.Context(), map[string]func(context.Context, func() error) error{}
		s := store.Layer(fickle(store.NewMap(nil), calls), store.NewMap(nil), nil)
		s.Set(ctx, "k", []byte("v"))
		hang := func(ctx context.Context, _ func() error) error {
			<-ctx.Done()
			return store.Wrap("test", "get", ctx.Err())
		}
		calls["get"], calls["swap"] = hang, hang
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if _, err := s.Get(short, "k"); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("the first is not to wait for longer than he wants to: %v", err)
		}
		began, slowest := time.Now(), time.Duration(0)
		for range 1000 {
			before := time.Now()
			if _, err := s.Get(ctx, "k"); err != nil {
				t.Fatal(err)
			}
			slowest = max(slowest, time.Since(before))
			time.Sleep(10 * time.Millisecond)
		}
		if lost := time.Since(began) - 10*time.Second; lost > 2*time.Second || slowest > 200*time.Millisecond {
			t.Errorf("in 10 s of reads %v were lost, up to %v by one", lost, slowest)
		}
	})
}

// TestLayerSlowDown: an outage is one, a Delete drops the copy all the same, and what may yet be written is not copied as it was.
func TestLayerSlowDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, calls := t.Context(), map[string]func(context.Context, func() error) error{}
		fast, memory := store.NewMap(nil), store.NewMap(nil)
		s := store.Layer(fast, fickle(memory, calls), nil)
		s.Set(ctx, "k", []byte("old"))
		s.Get(ctx, "k")
		calls["delete"], calls["load"] = down, down
		if err := s.Delete(ctx, "k"); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("Delete: %v", err)
		}
		if contains(t, fast, "k") {
			t.Error("the copy still stands")
		}
		if _, err := s.Get(ctx, "k"); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("Get: %v", err)
		}
		clear(calls)
		if v, err := s.Get(ctx, "k"); string(v) != "old" || err != nil {
			t.Errorf("%q, %v", v, err)
		}
		memory.Delete(ctx, "k") // the server has come to what was sent to it
		if _, err := s.Get(ctx, "k"); err != store.ErrNotFound {
			t.Errorf("deleted late, and read: %v", err)
		}

		s.Set(ctx, "both", nil)
		calls["delete"] = down
		both := store.Layer(fickle(fast, calls), fickle(memory, calls), nil)
		if err := both.Delete(ctx, "both"); !errors.Is(err, store.ErrUnavailable) || strings.Count(err.Error(), "\n") > 0 {
			t.Errorf("both are down: %v", err)
		}
	})
}
