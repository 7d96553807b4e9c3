package admin

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/cleanup"
	"github.com/larder-go/larder/store"
)

// slow is a store whose list takes its time for each entry, and that knows who lists.
type slow struct {
	*store.Map
	n     int
	each  time.Duration
	lists atomic.Int64
	now   atomic.Int64
	most  atomic.Int64
}

func (s *slow) List(ctx context.Context, _ string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		if ctx.Err() != nil { // somebody asks whether it can
			yield(store.Info{}, ctx.Err())
			return
		}
		s.lists.Add(1)
		defer s.now.Add(-1)
		s.most.Store(max(s.most.Load(), s.now.Add(1)))
		for range s.n {
			select {
			case <-ctx.Done():
				yield(store.Info{}, store.Wrap("slow", "list", ctx.Err()))
				return
			case <-time.After(s.each):
			}
			if !yield(store.Info{Key: "k", Size: 1, Atime: time.Now()}, nil) {
				return
			}
		}
	}
}

func newSlow(n int, each time.Duration) (*slow, *census) {
	s := &slow{Map: store.NewMap(nil), n: n, each: each}
	return s, newCensus(s, &Options{Cleanup: &cleanup.Options{}, Every: DefaultEvery, CountTime: DefaultCountTime})
}

// TestOneCountForAll: however many ask at once, one counts; and who asks soon after gets the same.
func TestOneCountForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newSlow(100, time.Millisecond)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if n := c.get(t.Context(), c.most); n.entries != 100 || !n.complete {
					t.Errorf("%+v", n)
				}
			})
		}
		wg.Wait()
		time.Sleep(c.every - 200*time.Millisecond)
		c.get(t.Context(), c.most)
		if s.lists.Load() != 1 || s.most.Load() != 1 {
			t.Errorf("%d lists, %d at once", s.lists.Load(), s.most.Load())
		}
		time.Sleep(time.Second)
		c.get(t.Context(), c.most)
		if s.lists.Load() != 2 {
			t.Errorf("%d lists", s.lists.Load())
		}
	})
}

// TestCountsRest: what is expensive is rare. For a quarter of an hour somebody asks all the time, and a twentieth of it is spent on counting at most.
func TestCountsRest(t *testing.T) {
	const quarter = 15 * time.Minute
	for _, each := range []time.Duration{time.Microsecond, time.Millisecond, 5 * time.Millisecond, 100 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			s, c := newSlow(1000, each)
			var counting time.Duration
			for begun := time.Now(); time.Since(begun) < quarter; time.Sleep(100 * time.Millisecond) {
				before := s.lists.Load()
				at := time.Now()
				c.get(t.Context(), c.most)
				if s.lists.Load() > before {
					counting += time.Since(at)
				}
			}
			if counting > quarter/19+10*time.Second {
				t.Errorf("each entry %v: %v of 15 minutes went into %d counts", each, counting, s.lists.Load())
			}
			if n := s.lists.Load(); n < 4 || each == time.Microsecond && n < 400 {
				t.Errorf("each entry %v: only %d counts in 15 minutes", each, n)
			}
		})
	}
}

// TestCountIsBounded: a store that takes too long, or hangs, is given up, and what was seen by then is shown.
func TestCountIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := newSlow(1_000_000, 10*time.Millisecond)
		begun := time.Now()
		n := c.get(t.Context(), c.most)
		if spent := time.Since(begun); n.complete || n.entries < 900 || n.entries > 1000 || spent > c.most+c.most/4 {
			t.Errorf("%d entries in %v, complete: %v", n.entries, spent, n.complete)
		}
		_, c = newSlow(1, 1000*time.Hour)
		begun = time.Now()
		if n := c.get(t.Context(), c.most); n.complete || n.entries != 0 || time.Since(begun) > c.most+c.most/4 {
			t.Errorf("%+v", n)
		}
	})
}

// TestAGlanceIsNoCount: what a page has counted in a hurry does not keep others from counting to the end.
func TestAGlanceIsNoCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newSlow(1000, time.Millisecond)
		if n := c.get(t.Context(), glance); n.complete || n.entries == 0 {
			t.Errorf("%+v", n)
		}
		c.get(t.Context(), glance)
		if s.lists.Load() != 1 {
			t.Errorf("%d lists", s.lists.Load())
		}
		var wg sync.WaitGroup
		c.refresh(t.Context(), &wg)
		c.refresh(t.Context(), &wg)
		wg.Wait()
		if n := c.latest(); !n.complete || n.entries != 1000 || s.lists.Load() != 2 {
			t.Errorf("%+v after %d lists", n, s.lists.Load())
		}
	})
}

// TestAskAndGo: who asks and goes, again and again, does not keep the store at work; and what was known stays known.
func TestAskAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newSlow(2000, time.Millisecond)
		c.get(t.Context(), c.most)
		time.Sleep(time.Hour)
		for begun := time.Now(); time.Since(begun) < time.Minute; {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if n := c.get(ctx, c.most); n == nil || !n.complete || n.entries != 2000 {
				t.Errorf("%+v", n)
			}
			cancel()
			time.Sleep(10 * time.Millisecond)
		}
		if n := s.lists.Load(); n > 5 {
			t.Errorf("%d lists in a minute", n)
		}
	})
}

// TestForget: after a change from here the numbers are new, where that is cheap.
func TestForget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newSlow(10, time.Millisecond)
		c.get(t.Context(), c.most)
		c.forget()
		c.get(t.Context(), c.most)
		if s.lists.Load() != 2 {
			t.Errorf("%d lists", s.lists.Load())
		}
		s, c = newSlow(10_000, time.Millisecond/2)
		c.get(t.Context(), c.most)
		c.forget()
		c.get(t.Context(), c.most)
		if s.lists.Load() != 1 {
			t.Errorf("what is expensive was counted %d times", s.lists.Load())
		}
	})
}
