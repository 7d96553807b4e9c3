package store_test

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
	"github.com/larder-go/larder/store"
)

// outed is a store whose calls fail while there is an error.
type outed struct {
	interleave.Store
	err error
}

func newOuted(under store.Store) *outed {
	f := &outed{}
	f.Store = interleave.Store{Under: under, Around: func(_ context.Context, _ interleave.Call, call func() error) error {
		if f.err != nil {
			return f.err
		}
		return call()
	}}
	return f
}

func fill(t testing.TB, s store.Store, key, value string) {
	t.Helper()
	if err := s.Set(t.Context(), key, []byte(value)); err != nil {
		t.Fatal(err)
	}
}

// holds demands a value of a store, or with "", that nothing stands there.
func holds(t testing.TB, s store.Store, key, want string) {
	t.Helper()
	item, err := store.Peek(t.Context(), s, key)
	switch {
	case want == "" && err != store.ErrNotFound:
		t.Errorf("%s: it is there, or %v", key, err)
	case want != "" && (err != nil || string(item.Value) != want):
		t.Errorf("%s: want %q, have %+v, %v", key, want, item, err)
	}
}

// TestHandoverNeedsSwap: every method says so, and the abilities that ask for free do.
func TestHandoverNeedsSwap(t *testing.T) {
	for _, h := range []*store.HandoverStore{store.Handover(newPlain(), store.NewMap(nil), nil), store.Handover(store.NewMap(nil), newPlain(), nil)} {
		ctx := t.Context()
		_, containsErr := h.Contains(ctx, "k")
		_, getErr := h.Get(ctx, "k")
		_, loadErr := h.Load(ctx, "k")
		_, swapErr := h.Swap(ctx, "k", "", nil)
		_, cleanupErr := h.Cleanup(ctx, 0)
		_, sweepErr := h.Sweep(ctx, store.SweepOptions{Limit: 1})
		_, drainErr := h.Drain(ctx, nil)
		for n, err := range []error{containsErr, getErr, loadErr, swapErr, cleanupErr, sweepErr, drainErr, h.Set(ctx, "k", nil), h.Delete(ctx, "k"), h.Touch(ctx, "k")} {
			if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "delete could be lost") {
				t.Errorf("method %d: %v", n, err)
			}
		}
		if store.CanSwap(h) || store.CanList(h) || store.CanSweep(h) {
			t.Error("it claims an ability")
		}
	}
}

// TestHandoverRefusesMarks: nobody can write a value that would be taken for one of a handover's own.
func TestHandoverRefusesMarks(t *testing.T) {
	h := store.Handover(store.NewMap(nil), store.NewMap(nil), nil)
	for _, value := range [][]byte{store.NewMark("v").Value, store.NewMark("").Value, store.NewClaim("v", nil)} {
		_, err := h.Swap(t.Context(), "k", "", &store.Item{Value: value})
		for _, err := range []error{err, h.Set(t.Context(), "k", value)} {
			if err == nil || !strings.Contains(err.Error(), "mark an entry on its way") {
				t.Errorf("%q: %v", value, err)
			}
		}
	}
}

// TestHandoverDrainRefuses what makes no sense.
func TestHandoverDrainRefuses(t *testing.T) {
	old, new, one := store.NewMap(nil), store.NewMap(nil), store.NewMap(nil)
	for want, drain := range map[string]func() (store.DrainReport, error){
		"still in Prepare": func() (store.DrainReport, error) {
			return store.Handover(old, new, &store.HandoverOptions{Prepare: true}).Drain(t.Context(), nil)
		},
		"negative Workers": func() (store.DrainReport, error) {
			return store.Handover(old, new, nil).Drain(t.Context(), &store.DrainOptions{Workers: -1})
		},
		"negative Rate": func() (store.DrainReport, error) {
			return store.Handover(old, new, nil).Drain(t.Context(), &store.DrainOptions{Rate: -1})
		},
		"the same store": func() (store.DrainReport, error) { return store.Handover(one, one, nil).Drain(t.Context(), nil) },
		"unsupported operation": func() (store.DrainReport, error) {
			return store.Handover(unlisted{store.NewMap(nil)}, new, nil).Drain(t.Context(), nil)
		},
	} {
		fill(t, one, "k", "v")
		if r, err := drain(); err == nil || !strings.Contains(err.Error(), want) || r.Drained {
			t.Errorf("%s: %+v, %v", want, r, err)
		}
		holds(t, one, "k", "v")
	}
}

// unlisted is a Map that cannot List, as memcached cannot.
type unlisted struct{ store.Swapper }

// TestHandoverOutages: what the one that is up has is served, and what cannot be known is an outage, never absent.
func TestHandoverOutages(t *testing.T) {
	down := store.Wrap("test", "call", store.ErrUnavailable)
	for _, prepare := range []bool{true, false} {
		old, new := newOuted(store.NewMap(nil)), newOuted(store.NewMap(nil))
		h := store.Handover(old, new, &store.HandoverOptions{Prepare: prepare})
		fill(t, old, "old", "v")
		fill(t, new, "new", "v")
		holds(t, h, "new", "v")
		for _, side := range []*outed{old, new} {
			side.err = down
			for _, key := range []string{"old", "new", "none"} {
				value, getErr := h.Get(t.Context(), key)
				_, peekErr := h.Peek(t.Context(), key)
				_, containsErr := h.Contains(t.Context(), key)
				if key == "new" && side == old && !prepare {
					if string(value) != "v" || getErr != nil || peekErr != nil || containsErr != nil {
						t.Errorf("old down: %q, %v, %v, %v", value, getErr, peekErr, containsErr)
					}
					continue
				}
				for _, err := range []error{getErr, peekErr, containsErr, h.Set(t.Context(), key, nil), h.Delete(t.Context(), key)} {
					if !errors.Is(err, store.ErrUnavailable) {
						t.Errorf("prepare %v, %s: %v", prepare, key, err)
					}
				}
			}
			for _, err := range store.List(t.Context(), h, "") {
				if err != nil && !errors.Is(err, store.ErrUnavailable) {
					t.Error(err)
				}
			}
			side.err = nil
		}
		holds(t, h, "old", "v")
		holds(t, h, "new", "v")
	}
}

// TestHandoverReadsWhereNewTakesNothing: a store that is full, or read-only, is no reason not to read from the old one.
func TestHandoverReadsWhereNewTakesNothing(t *testing.T) {
	old := store.NewMap(nil)
	full := &interleave.Store{Under: store.NewMap(nil), Around: func(_ context.Context, c interleave.Call, call func() error) error {
		if c.Op == "swap" || c.Op == "set" {
			return errors.New("test: swap: no space left")
		}
		return call()
	}}
	h := store.Handover(old, full, nil)
	fill(t, old, "k", "v")
	if v, err := h.Get(t.Context(), "k"); string(v) != "v" || err != nil {
		t.Errorf("%q, %v", v, err)
	}
	if err := h.Set(t.Context(), "k", nil); err == nil {
		t.Error("written")
	}
	holds(t, old, "k", "v")
}

// TestHandoverTooLarge: what the new store refuses is read, replaced and removed all the same, and Drain counts it.
func TestHandoverTooLarge(t *testing.T) {
	ctx := t.Context()
	old, new := store.NewMap(nil), store.NewMap(&store.MapOptions{MaxValue: 100})
	h := store.Handover(old, new, &store.HandoverOptions{Recheck: time.Millisecond})
	long := strings.Repeat("x", 200)
	for _, key := range []string{"read", "set", "update", "delete", "remove"} {
		fill(t, old, key, long)
	}
	fill(t, old, "fits", "v")
	for range 2 {
		if v, err := h.Get(ctx, "read"); string(v) != long || err != nil {
			t.Errorf("%d bytes, %v", len(v), err)
		}
	}
	holds(t, old, "read", long) // without a claim, for those who look there
	fill(t, h, "set", "short")
	err := store.Update(ctx, h, "update", func(*store.Item) (*store.Item, error) { return &store.Item{Value: []byte("short")}, nil })
	if err == nil {
		err = h.Delete(ctx, "delete")
	}
	if err == nil {
		err = store.Update(ctx, h, "remove", func(*store.Item) (*store.Item, error) { return nil, nil })
	}
	if err != nil {
		t.Error(err)
	}
	if err := h.Set(ctx, "set", []byte(long)); !errors.Is(err, store.ErrTooLarge) {
		t.Error(err)
	}
	r, err := h.Drain(ctx, nil)
	if !errors.Is(err, store.ErrTooLarge) || r.Failed != 1 || r.Moved != 1 || r.Drained {
		t.Errorf("%+v, %v", r, err)
	}
	for key, want := range map[string]string{"set": "short", "update": "short", "delete": "", "remove": "", "fits": "v", "read": ""} {
		holds(t, new, key, want)
	}
	holds(t, h, "read", long)
}

// TestHandoverCorrupt: what cannot be read in the old store is said to be so, replaced by Set, and kept from Drain; where the new one has the entry, it goes.
func TestHandoverCorrupt(t *testing.T) {
	ctx, bad := t.Context(), map[string]bool{"bad": true, "hidden": true}
	var mu sync.Mutex // of bad, for Drain's workers
	under := store.NewMap(nil)
	old := &interleave.Store{Under: under, Around: func(_ context.Context, c interleave.Call, call func() error) error {
		mu.Lock()
		if c.Op == "delete" || c.Op == "set" || c.Op == "swap" && c.Old == store.AnyVersion {
			delete(bad, c.Key)
		}
		isBad := bad[c.Key]
		mu.Unlock()
		if isBad {
			return store.Wrap("test", c.Op, store.ErrCorrupt)
		}
		return call()
	}}
	new := store.NewMap(nil)
	for key := range bad {
		fill(t, under, key, "v")
	}
	fill(t, new, "hidden", "w")
	h := store.Handover(old, new, &store.HandoverOptions{Recheck: time.Millisecond})
	holds(t, h, "hidden", "w")
	_, err := h.Get(ctx, "bad")
	_, peekErr := h.Peek(ctx, "bad")
	_, swapErr := h.Swap(ctx, "bad", "", &store.Item{})
	for _, err := range []error{err, peekErr, swapErr} {
		if !errors.Is(err, store.ErrCorrupt) {
			t.Error(err)
		}
	}
	r, err := h.Drain(ctx, nil)
	if !errors.Is(err, store.ErrCorrupt) || r.Corrupt != 1 || r.Garbage != 1 || r.Drained {
		t.Errorf("%+v, %v", r, err)
	}
	fill(t, h, "bad", "mended")
	holds(t, h, "bad", "mended")
	if r, err := h.Drain(ctx, nil); err != nil || !r.Drained {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestHandoverKeepsTimes: a deadline goes along, and with Drain, the time of the last use.
func TestHandoverKeepsTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, old, new := t.Context(), store.NewMap(nil), store.NewMap(nil)
		h := store.Handover(old, new, nil)
		before, deadline := time.Now().Add(-30*time.Minute).Round(0), time.Now().Add(time.Hour).Round(0)
		for _, key := range []string{"read", "drained"} {
			if _, err := old.Swap(ctx, key, "", &store.Item{Value: []byte("v"), Atime: before, Expires: deadline}); err != nil {
				t.Fatal(err)
			}
		}
		if item, err := h.Load(ctx, "read"); err != nil || !item.Expires.Equal(deadline) {
			t.Errorf("%+v, %v", item, err)
		}
		if _, err := h.Drain(ctx, nil); err != nil {
			t.Fatal(err)
		}
		if item, err := new.Peek(ctx, "read"); err != nil || !item.Expires.Equal(deadline) || time.Since(item.Atime) > time.Minute {
			t.Errorf("%+v, %v", item, err)
		}
		if item, err := new.Peek(ctx, "drained"); err != nil || !item.Expires.Equal(deadline) || !item.Atime.Equal(before) {
			t.Errorf("%+v, %v", item, err)
		}
	})
}

// TestHandoverList: each entry that lives from beginning to end is listed once, however much moves meanwhile.
func TestHandoverList(t *testing.T) {
	const entries = 2000
	old, new := store.NewMap(nil), store.NewMap(nil)
	h := store.Handover(old, new, &store.HandoverOptions{Recheck: time.Millisecond})
	for n := range entries {
		fill(t, old, fmt.Sprint("k", n), "v")
	}
	var moving sync.WaitGroup
	for w := range 2 {
		moving.Go(func() {
			for n := range entries {
				h.Get(context.Background(), fmt.Sprint("k", (n*7+w*entries/2)%entries))
			}
		})
	}
	for moved := false; !moved; {
		ok, _ := old.Contains(t.Context(), "k0")
		moved = !ok
		seen := map[string]int{}
		for info, err := range store.List(t.Context(), h, "k") {
			if err != nil {
				t.Fatal(err)
			}
			seen[info.Key]++
		}
		for n := range entries {
			if key := fmt.Sprint("k", n); seen[key] != 1 {
				t.Fatalf("%s was listed %d times", key, seen[key])
			}
		}
		if len(seen) != entries {
			t.Fatalf("%d listed", len(seen))
		}
	}
	moving.Wait()
}
