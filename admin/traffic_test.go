package admin

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/store"
)

func observed(t testing.TB) (*Handler, store.Store) {
	t.Helper()
	m := store.NewMap(nil)
	h, err := New(m, nil)
	if err != nil {
		t.Fatal(err)
	}
	return h, store.Observe(m, h)
}

func TestOperations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, s := observed(t)
		if h.traffic.read() != nil {
			t.Error("what nobody observes has numbers")
		}
		for range 100 {
			for range 3 {
				s.Get(t.Context(), "nothing")
			}
			s.Set(t.Context(), "k", nil)
			time.Sleep(time.Second)
		}
		o := h.traffic.read()
		if o.PerSecond["get"] != 3 || o.PerSecond["set"] != 1 || o.Totals["get"] != 300 || o.Totals["set"] != 100 || len(o.Totals) != 2 || o.Errors != 0 {
			t.Errorf("%+v", o)
		}
		for i, n := range o.Series {
			if n != 4 {
				t.Errorf("second %d of %d: %d operations", i, len(o.Series), n)
			}
		}
		time.Sleep(30 * time.Second)
		o = h.traffic.read()
		if o.Series[20] != 4 || o.Series[59] != 0 || o.PerSecond["get"] != 0 || o.Totals["get"] != 300 {
			t.Errorf("half a minute later: %+v", o)
		}
		time.Sleep(24 * time.Hour)
		for _, n := range h.traffic.read().Series {
			if n != 0 {
				t.Error("what happened yesterday is shown as if it were now")
			}
		}
	})
}

// TestFailures: what is the store's own fault counts as such, and nothing else.
func TestFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := observed(t)
		for _, outcome := range []store.Outcome{
			store.OutcomeOK, store.OutcomeNotFound, store.OutcomeConflict, store.OutcomeCanceled, store.OutcomeInvalid, store.OutcomeTooLarge, store.OutcomeUnsupported,
			store.OutcomeCorrupt, store.OutcomeUnavailable, store.OutcomeError,
		} {
			h.End(t.Context(), store.Event{Op: "of later times", Outcome: outcome})
		}
		time.Sleep(time.Second)
		if o := h.traffic.read(); o.Errors != 3 || o.Totals["other"] != 10 || o.Failing != 3 {
			t.Errorf("%+v", o)
		}
	})
}

// TestNothingIsLost: many count at once, over the edge of many seconds.
func TestNothingIsLost(t *testing.T) {
	tr := traffic{began: time.Now()}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20_000 {
				tr.count(0, true)
			}
		})
	}
	wg.Wait()
	var sum int64
	for i := range tr.seconds {
		sum += tr.seconds[i].counts[0].Load()
	}
	if sum != 160_000 || tr.totals[0].Load() != 160_000 || tr.errors.Load() != 160_000 {
		t.Errorf("%d in the seconds, %d in all", sum, tr.totals[0].Load())
	}
}

func TestEveryKindHasAName(t *testing.T) {
	seen := make(map[int]bool)
	for _, op := range []store.Op{store.OpGet, store.OpSet, store.OpDelete, store.OpContains, store.OpTouch, store.OpLoad, store.OpPeek, store.OpSwap, store.OpList,
		store.OpSweep, store.OpCleanup, store.OpInspect} {
		if k := kind(op); kindName(k) != string(op) || seen[k] {
			t.Errorf("%s is counted as %s", op, kindName(k))
		} else {
			seen[k] = true
		}
	}
}

// BenchmarkObserved is what counting costs an operation: nothing is allocated.
func BenchmarkObserved(b *testing.B) {
	h, _ := observed(b)
	ctx := context.Background()
	e := store.Event{Op: store.OpGet, Outcome: store.OutcomeOK}
	for _, parallel := range []bool{false, true} {
		b.Run(fmt.Sprintf("parallel=%v", parallel), func(b *testing.B) {
			b.ReportAllocs()
			if parallel {
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						h.End(h.Begin(ctx, store.OpGet), e)
					}
				})
				return
			}
			for b.Loop() {
				h.End(h.Begin(ctx, store.OpGet), e)
			}
		})
	}
}
