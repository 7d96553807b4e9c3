package cleanup_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/cleanup"
	"github.com/larder-go/larder/store"
)

// gate is a store whose operations can be made to hang or to fail, as those of one host.
type gate struct {
	*store.Map
	closed  *atomic.Bool // operations wait for open
	open    chan struct{}
	down    *atomic.Bool // Swap and Peek fail
	swaps   *atomic.Int32
	swallow *atomic.Bool // Swap is done and its answer lost
	frozen  bool         // waiting, nobody looks at the context
}

func newGate(m *store.Map) gate {
	return gate{Map: m, closed: new(atomic.Bool), open: make(chan struct{}), down: new(atomic.Bool), swaps: new(atomic.Int32), swallow: new(atomic.Bool)}
}

func (g gate) pass(ctx context.Context, op string) error {
	switch {
	case g.closed.Load() && g.frozen:
		<-g.open
	case g.closed.Load():
		select {
		case <-g.open:
		case <-ctx.Done():
			return store.Wrap("gate", op, ctx.Err())
		}
	}
	if g.down.Load() {
		return store.Wrap("gate", op, store.ErrUnavailable)
	}
	return nil
}

func (g gate) Peek(ctx context.Context, key string) (*store.Item, error) {
	if err := g.pass(ctx, "peek"); err != nil {
		return nil, err
	}
	return g.Map.Peek(ctx, key)
}

func (g gate) Swap(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
	if key == "" {
		return g.Map.Swap(ctx, key, old, item) // CanSwap asks
	}
	g.swaps.Add(1)
	if err := g.pass(ctx, "swap"); err != nil {
		return "", err
	}
	v, err := g.Map.Swap(ctx, key, old, item)
	if err == nil && g.swallow.Swap(false) {
		return "", store.Wrap("gate", "swap", store.ErrUnavailable)
	}
	return v, err
}

// slowly sweeps one entry every ten seconds, which for n entries takes n-1 pauses.
func slowly() cleanup.Options {
	return cleanup.Options{Idle: time.Hour, Batch: 1, Pause: 10 * time.Second, Lease: time.Minute}
}

func TestLeaseLetsOneWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := filled(t, 100)
		o := slowly()
		var done sync.WaitGroup
		done.Go(func() {
			if r, err := cleanup.Run(t.Context(), m, &o); err != nil || r.Removed != 100 || r.Reason != cleanup.Done {
				t.Errorf("the holder: report %+v, error %v", r, err)
			}
		})
		synctest.Wait()
		start := time.Now()
		for range 98 { // sixteen times as long as the lease lasts without being renewed
			time.Sleep(10 * time.Second)
			r, err := cleanup.Run(t.Context(), m, &o)
			if !errors.Is(err, cleanup.ErrLeased) || errors.Is(err, store.ErrUnavailable) || r.Reason != cleanup.Leased || r.Removed != 0 || !r.BacklogAtLeast {
				t.Fatalf("after %v: report %+v, error %v", time.Since(start), r, err)
			}
			if text := err.Error(); !strings.HasPrefix(text, "cleanup: run: another cleanup holds the lease: process ") {
				t.Fatal(text)
			}
		}
		dry := o
		dry.DryRun = true
		if r, err := cleanup.Run(t.Context(), m, &dry); err != nil || r.Removed == 0 || r.Backlog != r.Removed {
			t.Errorf("a dry run needs no lease: report %+v, error %v", r, err)
		}
		done.Wait()
		if r, err := cleanup.Run(t.Context(), m, &o); err != nil || r.Reason != cleanup.Done {
			t.Errorf("after its end: report %+v, error %v", r, err)
		}
	})
}

// A host that stood still longer than its lease lasts finds it taken, and ends.
func TestStalledHolderLosesItsLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := filled(t, 100)
		g := newGate(m)
		g.frozen = true
		o := slowly()
		stalled := make(chan struct{})
		o.Progress = func(r cleanup.Report) {
			if r.Removed == 10 {
				g.closed.Store(true)
				close(stalled)
				<-g.open
			}
		}
		first := make(chan cleanup.Report, 1)
		go func() {
			r, err := cleanup.Run(t.Context(), g, &o)
			if !errors.Is(err, cleanup.ErrLeaseLost) || !errors.Is(err, cleanup.ErrLeased) || r.Reason != cleanup.LeaseLost || r.Done {
				t.Errorf("the one that stood still: report %+v, error %v", r, err)
			}
			first <- r
		}()
		<-stalled
		time.Sleep(10 * time.Minute)
		other := slowly()
		other.Pause = 0
		other.Limit = 50
		r, err := cleanup.Run(t.Context(), m, &other)
		if err != nil || r.Removed != 50 || r.Reason != cleanup.Limit || r.Backlog != 40 || r.BacklogAtLeast {
			t.Errorf("the one that took over: report %+v, error %v", r, err)
		}
		close(g.open)
		lost := <-first
		if left := count(t, m); left != 101-lost.Removed-r.Removed {
			t.Errorf("removed %d and %d, but %d of 101 are left", lost.Removed, r.Removed, left)
		}
		if last, err := cleanup.Last(t.Context(), m); err != nil || last.Removed != 50 {
			t.Errorf("the report is not that of the last one with the lease: %+v, %v", last, err)
		}
	})
}

// An outage that ends in time costs nothing; one that lasts ends the run before anybody else can have the lease.
func TestOutageDuringRenewal(t *testing.T) {
	for _, test := range []struct {
		name   string
		outage time.Duration
		hang   bool
		lost   bool
	}{
		{"short", 30 * time.Second, false, false},
		{"short and silent", 30 * time.Second, true, false},
		{"long", 10 * time.Minute, false, true},
		{"long and silent", 10 * time.Minute, true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := filled(t, 100)
				g := newGate(m)
				o := slowly()
				flag := g.down
				if test.hang {
					flag = g.closed
				}
				time.AfterFunc(100*time.Second, func() { flag.Store(true) })
				time.AfterFunc(100*time.Second+test.outage, func() { flag.Store(false); close(g.open) })
				start := time.Now()
				r, err := cleanup.Run(t.Context(), g, &o)
				if !test.lost {
					if err != nil || r.Removed != 100 {
						t.Errorf("report %+v, error %v", r, err)
					}
					return
				}
				if !errors.Is(err, cleanup.ErrLeaseLost) || errors.Is(err, cleanup.ErrLeased) || !errors.Is(err, store.ErrUnavailable) || r.Reason != cleanup.LeaseLost {
					t.Errorf("report %+v, error %v", r, err)
				}
				if took := time.Since(start); took > 100*time.Second+o.Lease+time.Second {
					t.Errorf("went on for %v", took)
				}
				if count(t, m) != 101-r.Removed {
					t.Errorf("removed %d, but %d are left", r.Removed, count(t, m))
				}
			})
		})
	}
}

// A write of the lease whose answer was lost may have come through: the holder knows its own.
func TestLostAnswersDoNotLoseTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := filled(t, 100)
		g := newGate(m)
		o := slowly()
		o.Progress = func(cleanup.Report) { g.swallow.Store(true) }
		if r, err := cleanup.Run(t.Context(), g, &o); err != nil || r.Removed != 100 {
			t.Errorf("report %+v, error %v", r, err)
		}
		if g.swaps.Load() < 60 {
			t.Errorf("only %d swaps", g.swaps.Load())
		}
		// The first write, too: it is not known whether the lease is there, so it is given back.
		g.swallow.Store(true)
		if r, err := cleanup.Run(t.Context(), g, &o); !errors.Is(err, store.ErrUnavailable) || r.Reason != cleanup.Failed {
			t.Errorf("report %+v, error %v", r, err)
		}
		if r, err := cleanup.Run(t.Context(), m, &o); err != nil {
			t.Errorf("a lease that nobody has is in the way: report %+v, error %v", r, err)
		}
	})
}

// What evicts the lease takes it from nobody: the holder puts it back.
func TestEvictedLeaseIsPutBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := filled(t, 100)
		o := slowly()
		o.Progress = func(cleanup.Report) { m.Delete(t.Context(), store.ReservedKey("cleanup")) }
		if r, err := cleanup.Run(t.Context(), m, &o); err != nil || r.Removed != 100 {
			t.Errorf("report %+v, error %v", r, err)
		}
		if last, err := cleanup.Last(t.Context(), m); err != nil || last.Removed != 100 {
			t.Errorf("%+v, %v", last, err)
		}
	})
}

func TestLeaseNeedsSwap(t *testing.T) {
	s := plain{store.NewMap(nil)}
	o := &cleanup.Options{Lease: time.Minute}
	if r, err := cleanup.Run(t.Context(), s, o); !errors.Is(err, errors.ErrUnsupported) || r.Reason != cleanup.Failed {
		t.Errorf("report %+v, error %v", r, err)
	}
	if err := cleanup.Loop(t.Context(), s, o); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("error %v", err)
	}
	for _, lease := range []time.Duration{-1, 1, cleanup.MinLease - 1, cleanup.MaxLease + 1} {
		if _, err := cleanup.Run(t.Context(), store.NewMap(nil), &cleanup.Options{Lease: lease}); err == nil || !strings.HasPrefix(err.Error(), "cleanup: run: a") {
			t.Errorf("a Lease of %v: error %v", lease, err)
		}
	}
}

func TestWithoutLeaseNothingIsWritten(t *testing.T) {
	m := store.NewMap(nil)
	if _, err := cleanup.Run(t.Context(), m, &cleanup.Options{Idle: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if _, err := cleanup.Run(t.Context(), m, &cleanup.Options{Idle: time.Hour, Lease: time.Minute, DryRun: true}); err != nil {
		t.Fatal(err)
	}
	if ok, err := m.Contains(t.Context(), store.ReservedKey("cleanup")); ok || err != nil {
		t.Errorf("contains %t, %v", ok, err)
	}
}
