package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/store"
)

func fullMap(t testing.TB, entries int) *store.Map {
	m := store.NewMap(nil)
	for n := range entries {
		fill(t, m, fmt.Sprint("k", n), "v")
	}
	return m
}

// TestDrainRate keeps to the rate, on a clock that stands still otherwise.
func TestDrainRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := store.Handover(fullMap(t, 101), store.NewMap(nil), nil)
		start := time.Now()
		r, err := h.Drain(t.Context(), &store.DrainOptions{Rate: 10})
		// 100 gaps of a tenth of a second, and twice Recheck for each of the two notes.
		if took := time.Since(start); err != nil || r.Moved != 101 || took < 30*time.Second || took > 31*time.Second {
			t.Errorf("%+v, %v, after %v", r, err, took)
		}
	})
}

// TestDrainEndsWithItsContext also while it waits for its turn, or for others.
func TestDrainEndsWithItsContext(t *testing.T) {
	for name, o := range map[string]*store.DrainOptions{"rate": {Rate: 0.01}, "wait": nil} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			start := time.Now()
			r, err := store.Handover(fullMap(t, 10), store.NewMap(nil), nil).Drain(ctx, o)
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 2*time.Second || r.Drained {
				t.Errorf("%s: %+v, %v", name, r, err)
			}
		})
	}
}

// TestDrainTwice at once: each entry moves once, and both know the end.
func TestDrainTwice(t *testing.T) {
	old, new := fullMap(t, 3000), store.NewMap(nil)
	var both sync.WaitGroup
	var moved [2]int
	for n := range 2 {
		both.Go(func() {
			last := 0
			r, err := store.Handover(old, new, &store.HandoverOptions{Recheck: time.Millisecond}).Drain(context.Background(), &store.DrainOptions{
				Workers: 3, Progress: func(r store.DrainReport) { last = r.Moved },
			})
			if moved[n] = r.Moved; err != nil || !r.Drained || last != r.Moved {
				t.Errorf("%+v, %v, at last %d", r, err, last)
			}
		})
	}
	both.Wait()
	if moved[0]+moved[1] != 3000 {
		t.Errorf("%d and %d moved", moved[0], moved[1])
	}
	for n := range 3000 {
		holds(t, new, fmt.Sprint("k", n), "v")
	}
}

// TestDrainIsKnown: after it, programs ask the new store alone, and those who know it alone find no mark there, whatever was left.
func TestDrainIsKnown(t *testing.T) {
	for name, new := range map[string]store.Store{"lists": store.NewMap(nil), "does not list": unlisted{store.NewMap(nil)}} {
		synctest.Test(t, func(t *testing.T) {
			ctx, under := t.Context(), fullMap(t, 3)
			old := newOuted(under)
			asleep, awake := store.Handover(old, new, nil), store.Handover(old, new, nil)
			for _, h := range []*store.HandoverStore{asleep, awake} {
				holds(t, h, "k0", "v")
			}
			if _, err := store.Swap(ctx, new, "dead", "", store.NewMark("")); err != nil {
				t.Fatal(err)
			}
			drained := make(chan struct{})
			go func() {
				defer close(drained)
				if r, err := store.Handover(old, new, nil).Drain(ctx, nil); err != nil || !r.Drained {
					t.Errorf("%+v, %v", r, err)
				}
			}()
			for n := 0; ; n++ {
				select {
				case <-drained:
				default:
					fill(t, awake, fmt.Sprint("new", n%5), "w")
					time.Sleep(100 * time.Millisecond)
					continue
				}
				break
			}
			if ok, err := new.Contains(ctx, "dead"); ok || err != nil {
				t.Errorf("%s: the mark of a dead mover stands: %v", name, err)
			}
			// Nobody needs the old one any more; who has slept since asks first, and all that he does at once waits for the answer.
			writes := 0
			spy := &spied{Store: new, swap: func(value []byte) {
				if writes++; store.OfHandover(value) {
					t.Errorf("%s: a mark after the drain", name)
				}
			}}
			late := store.Handover(under, spy, nil)
			var many sync.WaitGroup
			for n := range 20 {
				many.Go(func() {
					if _, err := late.Swap(ctx, fmt.Sprint("late", n), "", &store.Item{}); err != nil {
						t.Error(err)
					}
				})
			}
			many.Wait()
			if writes != 20 {
				t.Errorf("%d writes", writes)
			}
			holds(t, asleep, "k1", "v")
			old.err = store.ErrUnavailable
			for _, h := range []*store.HandoverStore{asleep, awake} {
				holds(t, h, "k2", "v")
				holds(t, h, "none", "")
				fill(t, h, "k2", "v")
			}
		})
	}
}

// spied tells what is swapped in.
type spied struct {
	store.Store
	mu   sync.Mutex
	swap func(value []byte)
}

func (s *spied) Load(ctx context.Context, key string) (*store.Item, error) {
	return store.Load(ctx, s.Store, key)
}
func (s *spied) Peek(ctx context.Context, key string) (*store.Item, error) {
	return store.Peek(ctx, s.Store, key)
}
func (s *spied) Swap(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
	if item != nil {
		s.mu.Lock()
		s.swap(item.Value)
		s.mu.Unlock()
	}
	return store.Swap(ctx, s.Store, key, old, item)
}

// TestDrainOfAnotherHandover: that another store was once drained into the same one, or this one into another, is no news about this one.
func TestDrainOfAnotherHandover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, a, b := t.Context(), store.NewMap(nil), store.NewMap(nil)
		drain := func(old, new store.Store) {
			t.Helper()
			if r, err := store.Handover(old, new, nil).Drain(ctx, nil); err != nil || !r.Drained {
				t.Fatalf("%+v, %v", r, err)
			}
		}
		drain(store.NewMap(nil), b) // c → b
		waits := func() {
			t.Helper()
			for _, prepare := range []bool{true, false} {
				fill(t, a, "k", "v") // by a program that knows a alone, after the first look at an empty store
				h := store.Handover(a, b, &store.HandoverOptions{Prepare: prepare})
				a.Delete(ctx, "k")
				holds(t, h, "k", "")
				fill(t, a, "k", "v")
				holds(t, h, "k", "v")
				a.Delete(ctx, "k")
			}
		}
		waits()
		drain(a, b)
		if r, err := store.Handover(b, a, nil).Drain(ctx, nil); err == nil || !strings.Contains(err.Error(), "exchange them") || r.Drained {
			t.Errorf("the wrong way round: %+v, %v", r, err)
		}
		holds(t, store.Handover(b, a, &store.HandoverOptions{Prepare: true}), "k", "") // and back, from the first step on
		drain(b, a)
		waits()
	})
}

func FuzzMark(f *testing.F) {
	f.Add("", []byte("value"))
	f.Add("0123456789abcdef0123456789abcdef", []byte(nil))
	f.Add("v", store.NewMark("v").Value)
	f.Fuzz(func(t *testing.T, version string, value []byte) {
		mark := store.NewMark(store.Version(version)).Value
		if from, ok := store.ParseMark(mark); !ok || from != store.Version(version) {
			t.Errorf("%q, %v", from, ok)
		}
		if len(version) < 256 {
			of, inner, ok := store.ParseClaim(store.NewClaim(store.Version(version), value))
			if !ok || of != store.Version(version) || !bytes.Equal(inner, value) {
				t.Errorf("%q, %q, %v", of, inner, ok)
			}
		}
		_, isMark := store.ParseMark(value)
		_, inner, isClaim := store.ParseClaim(value)
		if !isClaim && !bytes.Equal(inner, value) || (isMark || isClaim) && !store.OfHandover(value) || isMark && isClaim {
			t.Errorf("%v, %v, %q", isMark, isClaim, inner)
		}
	})
}
