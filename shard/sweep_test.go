package shard_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
)

// aged is a Store of three nodes with n entries on each which nobody has used for an hour, and one that is in use.
func aged(t *testing.T, n int) store.Store {
	s := over(t, store.NewMap(nil), store.NewMap(nil), store.NewMap(nil))
	past := time.Now().Add(-time.Hour)
	for _, name := range names(3) {
		for i := range n {
			if _, err := s.Swap(t.Context(), keyOn(s, name, i), "", &store.Item{Value: []byte("ten bytes."), Atime: past}); err != nil {
				t.Fatal(err)
			}
		}
		set(t, s, keyOn(s, name, n), "in use")
	}
	return s
}

// TestSweepAdds: the report of all is the sum, and so is what Progress is told, one at a time, from the goroutine of the caller.
func TestSweepAdds(t *testing.T) {
	s := aged(t, 50)
	var inside atomic.Int64
	last, told := store.SweepReport{}, 0
	unguarded := 0 // the race detector sees where two goroutines are here
	r, err := store.Sweep(t.Context(), s, store.SweepOptions{Idle: time.Minute, Batch: 10, Progress: func(r store.SweepReport) {
		if inside.Add(1) != 1 {
			t.Error("two at the same time")
		}
		unguarded++
		if r.Removed < last.Removed || r.Removed > 150 {
			t.Errorf("%d removed after %d", r.Removed, last.Removed)
		}
		last, told = r, told+1
		inside.Add(-1)
	}})
	if err != nil || r.Removed != 150 || r.Scanned < 150 || r.Bytes != 1500 || !r.Done || time.Since(r.Oldest) < 59*time.Minute || r.Due.IsZero() {
		t.Errorf("%+v, %v", r, err)
	}
	if told < 15 || last.Removed != 150 || unguarded != told {
		t.Errorf("told %d times, %+v at last", told, last)
	}
	if r, err := store.Sweep(t.Context(), s, store.SweepOptions{Idle: time.Minute, DryRun: true}); r.Removed != 0 || !r.Done || err != nil {
		t.Errorf("and once more: %+v, %v", r, err)
	}
}

// TestSweepLimit: it holds for all nodes together.
func TestSweepLimit(t *testing.T) {
	s := aged(t, 20)
	for _, test := range []struct {
		limit, removed int
		done           bool
	}{{7, 7, false}, {20, 20, false}, {100, 33, true}} {
		told := 0
		r, err := store.Sweep(t.Context(), s, store.SweepOptions{Idle: time.Minute, Limit: test.limit, Progress: func(r store.SweepReport) { told = r.Removed }})
		if r.Removed != test.removed || r.Done != test.done || err != nil || told != test.removed {
			t.Errorf("limit %d: %+v, %v; %d told", test.limit, r, err, told)
		}
	}
}

// hung is a store whose Sweep ends with its context.
type hung struct{ *store.Map }

func (hung) Sweep(ctx context.Context, _ store.SweepOptions) (store.SweepReport, error) {
	<-ctx.Done()
	return store.SweepReport{}, store.Wrap("hung", "sweep", ctx.Err())
}

// TestSweepLimitHung: with a Limit, a node that hangs keeps the others from being swept in some runs, but not in all.
func TestSweepLimitHung(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for bad := range 3 {
			nodes := []store.Store{store.NewMap(nil), store.NewMap(nil), store.NewMap(nil)}
			nodes[bad] = hung{store.NewMap(nil)}
			s, removed := over(t, nodes...), 0
			for i, node := range nodes {
				for j := range 5 {
					if _, err := store.Swap(t.Context(), node, fmt.Sprint(j), "", &store.Item{Atime: time.Now().Add(-time.Hour)}); i != bad && err != nil {
						t.Fatal(err)
					}
				}
			}
			for run := 0; removed < 10; run++ {
				if run == 200 {
					t.Fatalf("%d of 10 removed in %d runs, with node %s hanging", removed, run, names(3)[bad])
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				r, err := store.Sweep(ctx, s, store.SweepOptions{Idle: time.Minute, Limit: 2})
				cancel()
				if removed += r.Removed; err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
			}
		}
	})
}

// TestSweepLimitTurns: a node that has more to remove than the Limit, every time, does not starve the others.
func TestSweepLimitTurns(t *testing.T) {
	s := aged(t, 300)
	for range 200 {
		if r, err := store.Sweep(t.Context(), s, store.SweepOptions{Idle: time.Minute, Limit: 1}); r.Removed != 1 || err != nil {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	for _, name := range names(3) {
		if left := len(listed(t, store.List(t.Context(), s.(*shard.Store).Node(name), ""))); left == 301 {
			t.Errorf("nothing of node %s was removed", name)
		}
	}
}

// TestSweepPanics: a Progress that panics stops the sweep, and leaves nobody behind: goleak is told at the end of all tests.
func TestSweepPanics(t *testing.T) {
	s := aged(t, 50)
	defer func() {
		if r := recover(); r != "enough" {
			t.Errorf("recovered %v", r)
		}
	}()
	store.Sweep(t.Context(), s, store.SweepOptions{Idle: time.Minute, Batch: 1, Progress: func(store.SweepReport) { panic("enough") }})
}

// TestSweepDeadline: a time that has passed is told as such, whatever the nodes were told.
func TestSweepDeadline(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	r, err := store.Sweep(ctx, aged(t, 50), store.SweepOptions{Idle: time.Minute, Batch: 1, Pause: time.Minute})
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, store.ErrUnavailable) || errors.Is(err, context.Canceled) || r.Done || r.Removed == 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

// lazyCleaner is a store as memcached's: it expires by itself, and says so where it has nothing to do.
type lazyCleaner struct {
	*store.Map
	timeout time.Duration
	asked   *int
}

func (c lazyCleaner) Cleanup(_ context.Context, idle time.Duration) (int, error) {
	*c.asked++
	if idle > 0 && (c.timeout <= 0 || idle < c.timeout) {
		return 0, fmt.Errorf("lazy: cleanup: %w", errors.ErrUnsupported)
	}
	return 0, nil
}

func (c lazyCleaner) Sweep(ctx context.Context, o store.SweepOptions) (store.SweepReport, error) {
	if o.DryRun {
		return store.SweepReport{}, fmt.Errorf("lazy: sweep: %w", errors.ErrUnsupported)
	}
	_, err := c.Cleanup(ctx, o.Idle)
	return store.SweepReport{Done: err == nil}, err
}

// TestSweepBesideMemcached: a node that expires by itself hinders the cleanup of no other, and where it cannot do what is asked, that is said.
func TestSweepBesideMemcached(t *testing.T) {
	asked := 0
	files := store.NewMap(nil)
	s := over(t, files, lazyCleaner{store.NewMap(nil), time.Hour, &asked}, store.NewMap(nil))
	age := func() {
		if _, err := store.Swap(t.Context(), files, "old", store.AnyVersion, &store.Item{Atime: time.Now().Add(-2 * time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	if store.CanSweep(s) {
		t.Error("it cannot count what memcached will remove")
	}
	age()
	if n, err := s.Cleanup(t.Context(), time.Hour); n != 1 || err != nil {
		t.Errorf("idle for as long as memcached keeps it: %d, %v", n, err)
	}
	age()
	if n, err := s.Cleanup(t.Context(), time.Minute); n != 1 || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("idle for less: %d, %v", n, err)
	}
	age()
	if r, err := store.Sweep(t.Context(), s, store.SweepOptions{Idle: time.Minute}); r.Removed != 1 || !errors.Is(err, errors.ErrUnsupported) && err == nil {
		t.Errorf("a Sweep that is a Cleanup: %+v, %v", r, err)
	}
	age()
	if r, err := store.Sweep(t.Context(), s, store.SweepOptions{Idle: time.Hour, Prefix: "o"}); r.Removed != 1 || !r.Done || err != nil {
		t.Errorf("under a prefix: %+v, %v", r, err)
	}
	age()
	if r, err := store.Sweep(t.Context(), s, store.SweepOptions{Idle: time.Minute, Prefix: "o"}); r.Removed != 0 || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("under a prefix, idle for less, which memcached cannot: %+v, %v", r, err)
	}
	alone := over(t, lazyCleaner{store.NewMap(nil), time.Hour, &asked})
	if r, err := store.Sweep(t.Context(), alone, store.SweepOptions{Idle: time.Hour, Limit: 1}); !r.Done || err != nil {
		t.Errorf("with no other node: %+v, %v", r, err)
	}
	s = over(t, files, failing{lazyCleaner{store.NewMap(nil), time.Hour, &asked}}, store.NewMap(nil))
	age()
	r, err := store.Sweep(t.Context(), s, store.SweepOptions{Idle: time.Hour, Prefix: "o"})
	wantNodeError(t, err, "b", store.ErrUnavailable)
	if r.Removed != 1 || r.Done {
		t.Errorf("with memcached down: %+v", r)
	}
}

// failing is a lazyCleaner that is down.
type failing struct{ lazyCleaner }

func (f failing) Sweep(ctx context.Context, o store.SweepOptions) (store.SweepReport, error) {
	if o.DryRun {
		return f.lazyCleaner.Sweep(ctx, o)
	}
	return store.SweepReport{}, errOff
}
