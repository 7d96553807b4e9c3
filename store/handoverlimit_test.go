package store_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larder-go/larder/internal/interleave"
	"github.com/larder-go/larder/store"
)

// TestHandoverTakesOverClaim: a reader claims what is too large for the new store, a writer takes the claim over, and the reader puts the
// value back: too late, or it would come to light when the entry is removed.
func TestHandoverTakesOverClaim(t *testing.T) {
	old, new := store.NewMap(nil), store.NewMap(&store.MapOptions{MaxValue: 100})
	long := strings.Repeat("B", 200)
	fill(t, old, "k", long)
	reached, restored, done := make(chan bool), make(chan bool), make(chan error)
	var once sync.Once
	writer := store.Handover(&interleave.Store{Under: old, Around: func(_ context.Context, c interleave.Call, call func() error) error {
		if c.Op == "swap" && c.Key == "k" && c.New == nil {
			once.Do(func() { close(reached); <-restored })
		}
		return call()
	}}, new, nil)
	reader := store.Handover(&interleave.Store{Under: old, Around: func(_ context.Context, c interleave.Call, call func() error) error {
		if c.Op != "swap" || c.New == nil || store.OfHandover(c.New.Value) {
			return call()
		}
		go func() { done <- writer.Set(context.Background(), "k", []byte("small")) }()
		<-reached
		defer close(restored)
		return call()
	}}, new, nil)
	if _, err := reader.Get(t.Context(), "k"); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	h := store.Handover(old, new, nil)
	holds(t, h, "k", "small")
	if err := h.Delete(t.Context(), "k"); err != nil {
		t.Error(err)
	}
	holds(t, h, "k", "")
}

// TestHandoverUnclaimed: what fills the old store's limit has no room for a claim, and is read, written and removed where it is. Drain says so.
func TestHandoverUnclaimed(t *testing.T) {
	ctx, old, new := t.Context(), store.NewMap(&store.MapOptions{MaxValue: 100}), store.NewMap(nil)
	long := strings.Repeat("B", 90)
	for _, key := range []string{"read", "replaced", "removed", "raced", "waits"} {
		fill(t, old, key, long)
	}
	h := store.Handover(old, new, &store.HandoverOptions{Recheck: time.Millisecond})
	for range 2 {
		if v, err := h.Get(ctx, "read"); string(v) != long || err != nil {
			t.Errorf("%d bytes, %v", len(v), err)
		}
	}
	fill(t, h, "replaced", "later")
	holds(t, h, "replaced", "later")
	for _, key := range []string{"replaced", "removed"} {
		if err := h.Delete(ctx, key); err != nil {
			t.Error(err)
		}
		holds(t, h, key, "")
	}

	// A program in Prepare writes in the very moment in which another would move the entry.
	p := store.Handover(old, new, &store.HandoverOptions{Prepare: true})
	var once sync.Once
	m := store.Handover(old, &interleave.Store{Under: new, Around: func(_ context.Context, c interleave.Call, call func() error) error {
		err := call()
		if c.Op == "swap" && c.Key == "raced" {
			once.Do(func() {
				if err := store.Update(ctx, p, "raced", func(*store.Item) (*store.Item, error) { return &store.Item{Value: []byte("acknowledged")}, nil }); err != nil {
					t.Error(err)
				}
			})
		}
		return err
	}}, nil)
	for range 2 {
		if _, err := m.Get(ctx, "raced"); err != nil {
			t.Error(err)
		}
		holds(t, m, "raced", "acknowledged")
	}

	r, err := h.Drain(ctx, nil)
	if !errors.Is(err, store.ErrTooLarge) || !strings.Contains(err.Error(), "limit of the old store") || r.Failed != 2 || r.Drained {
		t.Errorf("%+v, %v", r, err)
	}
	fill(t, h, "read", "short")
	fill(t, h, "waits", "short")
	if r, err := h.Drain(ctx, nil); err != nil || !r.Drained {
		t.Errorf("%+v, %v", r, err)
	}
	holds(t, new, "read", "short")
}

// TestHandoverWrongRole: a claim in the new store and a mark in the old one are no user's values, and nothing is removed beside them.
func TestHandoverWrongRole(t *testing.T) {
	ctx, old, new := t.Context(), store.NewMap(nil), store.NewMap(nil)
	fill(t, old, "claim", "v")
	if _, err := new.Swap(ctx, "claim", "", &store.Item{Value: store.NewClaim("v", []byte("v"))}); err != nil {
		t.Fatal(err)
	}
	if _, err := old.Swap(ctx, "mark", "", store.NewMark("v")); err != nil {
		t.Fatal(err)
	}
	for _, prepare := range []bool{true, false} {
		h := store.Handover(old, new, &store.HandoverOptions{Prepare: prepare})
		for _, key := range []string{"claim", "mark"} {
			_, getErr := h.Get(ctx, key)
			_, loadErr := h.Load(ctx, key)
			_, peekErr := h.Peek(ctx, key)
			for _, err := range []error{getErr, loadErr, peekErr} {
				if !errors.Is(err, store.ErrCorrupt) {
					t.Errorf("%s: %v", key, err)
				}
			}
		}
	}
	if r, err := store.Handover(old, new, nil).Drain(ctx, nil); !errors.Is(err, store.ErrCorrupt) || r.Drained {
		t.Errorf("%+v, %v", r, err)
	}
	holds(t, old, "claim", "v")
}
