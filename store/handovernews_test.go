package store_test

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/internal/interleave"
	"github.com/larder-go/larder/store"
)

// TestDrainClosesPrepare: a program that was forgotten in the first step goes on beside the drain, and loses nothing.
func TestDrainClosesPrepare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old, new := store.NewMap(nil), store.NewMap(nil)
		p := store.Handover(old, new, &store.HandoverOptions{Prepare: true})
		stop := make(chan bool)
		written := 0
		var writing sync.WaitGroup
		writing.Go(func() {
			for ; ; written++ {
				select {
				case <-stop:
					return
				case <-time.After(time.Second):
					fill(t, p, fmt.Sprint("k", written), "v")
				}
			}
		})
		time.Sleep(10 * time.Second)
		r, err := store.Handover(old, new, nil).Drain(t.Context(), nil)
		if err != nil || !r.Drained {
			t.Errorf("%+v, %v", r, err)
		}
		time.Sleep(20 * time.Second)
		close(stop)
		writing.Wait()
		for n := range written {
			holds(t, new, fmt.Sprint("k", n), "v")
		}
		if r.Moved == 0 || r.Moved == written {
			t.Errorf("%d of %d moved", r.Moved, written)
		}
	})
}

// TestDrainSaysWhoLingers: where a program knows the old store alone, the old one is never said to be drained.
func TestDrainSaysWhoLingers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		old, new := store.NewMap(nil), store.NewMap(nil)
		var writing sync.WaitGroup
		writing.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				fill(t, old, fmt.Sprint("k", n), "v")
				time.Sleep(time.Second)
			}
		})
		r, err := store.Handover(old, new, nil).Drain(ctx, nil)
		if err == nil || r.Drained {
			t.Errorf("%+v, %v", r, err)
		}
		holds(t, store.Handover(old, new, nil), "k0", "v")
		last := store.Handover(old, new, nil) // who comes now reads both
		fill(t, old, "late", "v")
		holds(t, last, "late", "v")
		cancel()
		writing.Wait()
	})
}

// slowLister lists slowly, as a folder full of expired records does.
type slowLister struct{ *store.Map }

func (s slowLister) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		select {
		case <-time.After(20 * time.Second):
			s.Map.List(ctx, prefix)(yield)
		case <-ctx.Done():
			yield(store.Info{}, store.Wrap("slow", "list", ctx.Err()))
		}
	}
}

// TestDrainStallsNobody: who has been there before lists nothing.
func TestDrainStallsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old, new := slowLister{store.NewMap(nil)}, store.NewMap(nil)
		site := store.Handover(old, new, nil)
		drained := make(chan bool)
		go func() {
			defer close(drained)
			if r, err := store.Handover(old, new, nil).Drain(t.Context(), nil); err != nil || !r.Drained {
				t.Errorf("%+v, %v", r, err)
			}
		}()
		for n := 0; ; n++ {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if err := site.Set(ctx, fmt.Sprint("k", n), nil); err != nil {
				t.Error(err)
			}
			cancel()
			select {
			case <-drained:
				return
			case <-time.After(time.Second):
			}
		}
	})
}

// TestHandoverAgain: the second one between the same two begins while the old store is empty, and is not taken for the first.
func TestHandoverAgain(t *testing.T) {
	for _, prepare := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			ctx, old, new := t.Context(), store.NewMap(nil), store.NewMap(nil)
			if _, err := store.Handover(old, new, nil).Drain(ctx, nil); err != nil {
				t.Fatal(err)
			}
			p := store.Handover(old, new, &store.HandoverOptions{Prepare: prepare})
			if prepare {
				holds(t, p, "none", "") // the old one is empty still
			}
			fill(t, old, "s", "by a program that knows only the old store")
			holds(t, p, "s", "by a program that knows only the old store")
			time.Sleep(10 * time.Second)
			fill(t, p, "k", "v")
			side := store.Store(new)
			if prepare {
				side = old
			}
			holds(t, side, "k", "v")
			if r, err := store.Handover(old, new, nil).Drain(ctx, nil); err != nil || !r.Drained {
				t.Errorf("%+v, %v", r, err)
			}
			holds(t, new, "s", "by a program that knows only the old store")
			holds(t, new, "k", "v")
		})
	}
}

// TestHandoverAsksOnceForAll: while the new store does not answer, requests do not wait for each other's failures.
func TestHandoverAsksOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &interleave.Store{Under: store.NewMap(nil), Around: func(context.Context, interleave.Call, func() error) error {
			time.Sleep(time.Second)
			return store.ErrUnavailable
		}}
		h := store.Handover(store.NewMap(nil), slow, &store.HandoverOptions{Prepare: true})
		var all sync.WaitGroup
		for n := range 50 {
			all.Go(func() {
				began := time.Now()
				if _, err := h.Get(t.Context(), fmt.Sprint(n)); err == nil || time.Since(began) > 2*time.Second {
					t.Errorf("%v after %v", err, time.Since(began))
				}
			})
		}
		all.Wait()
	})
}
