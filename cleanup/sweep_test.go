package cleanup_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/cleanup"
	"github.com/larder-go/larder/store"
)

// batches removes ten entries a second in batches of ten, which a cancel undoes, as a database rolls back. What is left it counts at the same pace.
type batches struct {
	store.Store
	left *int
	more time.Duration // that a batch takes besides
}

func (b batches) Sweep(ctx context.Context, o store.SweepOptions) (r store.SweepReport, err error) {
	left := b.left
	if o.DryRun {
		n := *b.left
		left = &n
	}
	for *left > 0 {
		if o.Limit > 0 && r.Removed >= o.Limit {
			return r, nil
		}
		if r.Removed > 0 && !o.DryRun {
			if err := wait(ctx, o.Pause); err != nil {
				return r, err
			}
		}
		if err := wait(ctx, time.Second+b.more); err != nil {
			return r, err
		}
		*left -= 10
		r.Removed += 10
		r.Scanned += 10
		if o.Progress != nil {
			o.Progress(r)
		}
	}
	r.Done = true
	return r, nil
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return store.Wrap("batches", "sweep", ctx.Err())
	case <-time.After(d):
		return nil
	}
}

// With Grace, the end of the context comes behind the batch that is in flight.
func TestGraceLetsTheBatchEnd(t *testing.T) {
	for _, test := range []struct {
		name           string
		grace, pause   time.Duration
		after          time.Duration // the end of the context
		removed        int
		took           time.Duration
		deadline, done bool
	}{
		{name: "none", after: 2500 * time.Millisecond, removed: 20, took: 2500 * time.Millisecond},
		{name: "enough", grace: 5 * time.Second, after: 2500 * time.Millisecond, removed: 30, took: 3 * time.Second},
		{name: "too short", grace: 100 * time.Millisecond, after: 2500 * time.Millisecond, removed: 20, took: 2600 * time.Millisecond},
		{name: "in a pause", grace: 5 * time.Second, pause: time.Minute, after: 2500 * time.Millisecond, removed: 10, took: 2500 * time.Millisecond},
		{name: "after a pause", grace: 5 * time.Second, pause: time.Second, after: 3500 * time.Millisecond, removed: 20, took: 3500 * time.Millisecond},
		{name: "in the batch after a pause", grace: 5 * time.Second, pause: time.Second, after: 2500 * time.Millisecond, removed: 20, took: 3 * time.Second},
		{name: "deadline", grace: 5 * time.Second, after: 2500 * time.Millisecond, removed: 30, took: 3 * time.Second, deadline: true},
		{name: "last batch", grace: 5 * time.Second, after: 9500 * time.Millisecond, removed: 100, took: 10 * time.Second, done: true},
		{name: "before", grace: 5 * time.Second},
	} {
		for _, lease := range []time.Duration{0, time.Minute} {
			t.Run(test.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					left := 100
					s := leasable{batches{left: &left}, store.NewMap(nil)}
					ctx, cancel := context.WithTimeout(t.Context(), test.after)
					want := context.DeadlineExceeded
					if !test.deadline && test.after > 0 {
						cancel()
						ctx, cancel = context.WithCancel(t.Context())
						time.AfterFunc(test.after, cancel)
						want = context.Canceled
					}
					defer cancel()
					start := time.Now()
					r, err := cleanup.Run(ctx, s, &cleanup.Options{Grace: test.grace, Pause: test.pause, Lease: lease})
					if r.Removed != test.removed || left != 100-test.removed || time.Since(start) != test.took {
						t.Errorf("report %+v, %d left, took %v", r, left, time.Since(start))
					}
					if test.done {
						if err != nil || r.Reason != cleanup.Done {
							t.Errorf("report %+v, error %v", r, err)
						}
						return
					}
					if !errors.Is(err, want) || r.Reason != cleanup.Canceled || r.Done || r.Backlog != 0 || !r.BacklogAtLeast {
						t.Errorf("report %+v, error %v", r, err)
					}
				})
			})
		}
	}
}

// leasable is one store to sweep, and another for the lease.
type leasable struct {
	batches
	lease store.Swapper
}

func (l leasable) Load(ctx context.Context, key string) (*store.Item, error) {
	return l.lease.Load(ctx, key)
}

func (l leasable) Peek(ctx context.Context, key string) (*store.Item, error) {
	return l.lease.Peek(ctx, key)
}

func (l leasable) Swap(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
	return l.lease.Swap(ctx, key, old, item)
}

// What is left is counted when a sweep stops early, for as long as the options allow.
func TestBacklog(t *testing.T) {
	for _, test := range []struct {
		name    string
		dead    int
		o       cleanup.Options
		removed int
		backlog int
		atLeast bool
		reason  cleanup.Reason
		counted time.Duration
	}{
		{"done", 50, cleanup.Options{}, 50, 0, false, cleanup.Done, 0},
		{"limit", 50, cleanup.Options{Limit: 40}, 40, 10, false, cleanup.Limit, 1100 * time.Millisecond},
		{"two seconds at most", 100, cleanup.Options{Limit: 10}, 10, 10, true, cleanup.Limit, 2 * time.Second},
		{"limit at the end", 50, cleanup.Options{Limit: 50}, 50, 0, false, cleanup.Done, 0},
		{"budget", 200, cleanup.Options{MaxTime: 16 * time.Second}, 150, 10, true, cleanup.Budget, 1600 * time.Millisecond},
		{"a tenth of the budget at most", 50, cleanup.Options{MaxTime: 3 * time.Second}, 30, 0, true, cleanup.Budget, 300 * time.Millisecond},
		{"dry", 50, cleanup.Options{DryRun: true}, 50, 50, false, cleanup.Done, 0},
		{"dry with a limit", 50, cleanup.Options{DryRun: true, Limit: 20}, 20, 20, true, cleanup.Limit, 0},
		{"dry with a budget", 50, cleanup.Options{DryRun: true, MaxTime: 3 * time.Second}, 30, 30, true, cleanup.Budget, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				left := test.dead
				start := time.Now()
				r, err := cleanup.Run(t.Context(), batches{left: &left, more: 100 * time.Millisecond}, &test.o)
				if (err != nil) != (test.reason == cleanup.Budget) || r.Reason != test.reason || r.Removed != test.removed ||
					r.Backlog != test.backlog || r.BacklogAtLeast != test.atLeast {
					t.Errorf("report %+v, error %v", r, err)
				}
				if counted := time.Since(start) - r.Duration; counted != test.counted {
					t.Errorf("counted for %v, want %v", counted, test.counted)
				}
			})
		})
	}
	s := plain{store.NewMap(nil)}
	s.Close()
	if r, err := cleanup.Run(t.Context(), s, nil); err == nil || r.Backlog != 0 || !r.BacklogAtLeast {
		t.Errorf("a store that cannot sweep: report %+v, error %v", r, err)
	}
}

func (p plain) Close() error { return p.Store.(*store.Map).Close() }

// The lag is that of the entry that should have gone first, removed or left.
func TestLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := store.NewMap(&store.MapOptions{Expiry: store.Expiry{Timeout: time.Hour, TouchAfter: time.Minute}})
		if r, err := cleanup.Run(t.Context(), m, nil); err != nil || r.Lag != 0 {
			t.Errorf("an empty store: report %+v, error %v", r, err)
		}
		if err := m.Set(t.Context(), "a", nil); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Swap(t.Context(), "b", "", &store.Item{Expires: time.Now().Add(10 * time.Minute)}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		if r, err := cleanup.Run(t.Context(), m, nil); err != nil || r.Lag != 0 || r.Removed != 0 {
			t.Errorf("too early: report %+v, error %v", r, err)
		}
		time.Sleep(10 * time.Minute)
		if r, err := cleanup.Run(t.Context(), m, &cleanup.Options{DryRun: true}); err != nil || r.Lag != 5*time.Minute || r.Removed != 1 {
			t.Errorf("a deadline: report %+v, error %v", r, err)
		}
		time.Sleep(50 * time.Minute)
		if r, err := cleanup.Run(t.Context(), m, &cleanup.Options{Limit: 1}); err != nil || r.Lag != 55*time.Minute || r.Removed != 1 || r.Backlog != 1 {
			t.Errorf("both: report %+v, error %v", r, err)
		}
	})
}
