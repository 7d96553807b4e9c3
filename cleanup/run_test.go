package cleanup_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/cleanup"
	"github.com/larder-go/larder/store"
)

// filled returns a store with n entries of ten bytes each, two hours old, and one that is fresh.
func filled(t *testing.T, n int) *store.Map {
	t.Helper()
	m := store.NewMap(nil)
	for i := range n {
		if err := m.Set(t.Context(), fmt.Sprintf("old:%d", i), make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(2 * time.Hour) // in a bubble
	if err := m.Set(t.Context(), "fresh", nil); err != nil {
		t.Fatal(err)
	}
	return m
}

func count(t *testing.T, s store.Store) (n int) {
	t.Helper()
	for _, err := range store.List(context.WithoutCancel(t.Context()), s, "") {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// plain hides every ability of a store.
type plain struct{ store.Store }

func TestRunRemovesTheIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		written := time.Now()
		m := filled(t, 1000)
		var last cleanup.Report
		r, err := cleanup.Run(t.Context(), m, &cleanup.Options{Idle: time.Hour, Batch: 2, Progress: func(r cleanup.Report) { last = r }})
		if err != nil || r.Removed != 1000 || r.Bytes != 10_000 || r.Scanned < 1000 || !r.Done || r.Reason != cleanup.Done {
			t.Errorf("report %+v, error %v", r, err)
		}
		if !r.Oldest.Equal(written) {
			t.Errorf("Oldest is %v, the entries are of %v", r.Oldest, written)
		}
		if last.Removed != 1000 || last.Reason != "" {
			t.Errorf("the last progress was %+v", last)
		}
		if n := count(t, m); n != 1 {
			t.Errorf("%d entries are left, want the fresh one", n)
		}
	})
}

func TestRunWithoutIdleLeavesWhatIsLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := filled(t, 10)
		if r, err := cleanup.Run(t.Context(), m, nil); err != nil || r.Removed != 0 || !r.Done {
			t.Errorf("report %+v, error %v", r, err)
		}
	})
}

func TestRunDryLimitedAndPrefixed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := filled(t, 100)
		for _, test := range []struct {
			name          string
			o             cleanup.Options
			removed, left int
			reason        cleanup.Reason
		}{
			{"dry", cleanup.Options{DryRun: true}, 100, 101, cleanup.Done},
			{"other prefix", cleanup.Options{Prefix: "new:"}, 0, 101, cleanup.Done},
			{"limit", cleanup.Options{Limit: 30}, 30, 71, cleanup.Limit},
			{"prefix", cleanup.Options{Prefix: "old:"}, 70, 1, cleanup.Done},
		} {
			test.o.Idle = time.Hour
			r, err := cleanup.Run(t.Context(), m, &test.o)
			if err != nil || r.Removed != test.removed || r.Reason != test.reason || r.Done != (test.reason == cleanup.Done) {
				t.Errorf("%s: report %+v, error %v", test.name, r, err)
			}
			if n := count(t, m); n != test.left {
				t.Errorf("%s: %d entries are left, want %d", test.name, n, test.left)
			}
		}
	})
}

// A store that cannot sweep is cleaned whole or not at all.
func TestRunOnStoreThatCannotSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := filled(t, 100)
		s := plain{m}
		for _, o := range []cleanup.Options{{Limit: 1}, {Prefix: "old:"}, {DryRun: true}} {
			o.Idle = time.Hour
			r, err := cleanup.Run(t.Context(), s, &o)
			if !errors.Is(err, errors.ErrUnsupported) || r.Removed != 0 || r.Reason != cleanup.Failed {
				t.Errorf("%+v: report %+v, error %v", o, r, err)
			}
		}
		if n := count(t, m); n != 101 {
			t.Fatalf("%d entries are left after refusals", n)
		}
		calls := 0
		o := cleanup.Options{Idle: time.Hour, Batch: 1, Pause: time.Second, MaxTime: time.Minute, Progress: func(cleanup.Report) { calls++ }}
		r, err := cleanup.Run(t.Context(), s, &o)
		if err != nil || r.Removed != 100 || !r.Done || r.Reason != cleanup.Done || calls != 1 {
			t.Errorf("report %+v, error %v, %d calls of Progress", r, err, calls)
		}
	})
}

func TestRunRefusesNegativeOptions(t *testing.T) {
	for _, o := range []cleanup.Options{{Idle: -1}, {Batch: -1}, {Pause: -1}, {Limit: -1}, {MaxTime: -1}, {Interval: -1}} {
		if _, err := cleanup.Run(t.Context(), store.NewMap(nil), &o); err == nil || !strings.HasPrefix(err.Error(), "cleanup: run: ") {
			t.Errorf("%+v: error %v", o, err)
		}
		if err := cleanup.Loop(t.Context(), store.NewMap(nil), &o); err == nil || !strings.HasPrefix(err.Error(), "cleanup: loop: ") {
			t.Errorf("%+v: error %v", o, err)
		}
	}
}

// A used-up budget ends the sweep between batches, and the report is what is really gone.
func TestRunKeepsItsBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct {
			pause, maxTime, atMost time.Duration
		}{
			{time.Second, 5 * time.Second, 5 * time.Second},
			{3 * time.Second, 5 * time.Second, 5500 * time.Millisecond}, // the second pause is cut short
			{0, 1, 0},
			{time.Millisecond, 10 * time.Millisecond, 10 * time.Millisecond},
		} {
			m := filled(t, 1000)
			r, err := cleanup.Run(t.Context(), m, &cleanup.Options{Idle: time.Hour, Batch: 1, Pause: test.pause, MaxTime: test.maxTime})
			if test.pause == 0 {
				// The bubble's clock stands while a sweep computes, so it may well end in time.
				if err != nil && !errors.Is(err, cleanup.ErrBudget) {
					t.Error(err)
				}
				continue
			}
			if !errors.Is(err, cleanup.ErrBudget) || errors.Is(err, store.ErrUnavailable) || r.Done || r.Reason != cleanup.Budget {
				t.Errorf("%+v: report %+v, error %v", test, r, err)
			}
			if r.Removed < 1 || count(t, m) != 1001-r.Removed || r.Bytes != int64(10*r.Removed) {
				t.Errorf("%+v: report %+v, but %d entries are left", test, r, count(t, m))
			}
			if r.Duration > test.atMost {
				t.Errorf("%+v: took %v", test, r.Duration)
			}
		}
	})
}

// steady finds an entry every tenth of a second, tells of every one, and never pauses.
type steady struct {
	store.Store
	entries int
}

func (s steady) Sweep(ctx context.Context, o store.SweepOptions) (r store.SweepReport, err error) {
	for range s.entries {
		select {
		case <-ctx.Done():
			return r, store.Wrap("steady", "sweep", ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
		r.Scanned++
		r.Removed++
		if o.Progress != nil {
			o.Progress(r)
		}
	}
	r.Done = true
	return r, nil
}

// Only time that was really spent counts: a pause that does not come takes nothing from the budget.
func TestRunUsesItsWholeBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, dry := range []bool{false, true} {
			o := &cleanup.Options{Pause: 1900 * time.Millisecond, MaxTime: 2 * time.Second, DryRun: dry}
			r, err := cleanup.Run(t.Context(), steady{entries: 19}, o)
			if err != nil || r.Removed != 19 || r.Reason != cleanup.Done {
				t.Errorf("what fits: report %+v, error %v", r, err)
			}
			r, err = cleanup.Run(t.Context(), steady{entries: 40}, o)
			if !errors.Is(err, cleanup.ErrBudget) || r.Removed != 20 || r.Duration != 2*time.Second {
				t.Errorf("what does not: report %+v, error %v", r, err)
			}
		}
	})
}

func TestRunRefusesPauseAsLongAsTheBudget(t *testing.T) {
	for _, pause := range []time.Duration{2 * time.Second, 3 * time.Second} {
		o := &cleanup.Options{Pause: pause, MaxTime: 2 * time.Second}
		if _, err := cleanup.Run(t.Context(), store.NewMap(nil), o); err == nil || !strings.Contains(err.Error(), "as long as the whole budget") {
			t.Errorf("pause %v: error %v", pause, err)
		}
		if err := cleanup.Loop(t.Context(), store.NewMap(nil), o); err == nil || !strings.Contains(err.Error(), "as long as the whole budget") {
			t.Errorf("pause %v: error %v", pause, err)
		}
	}
}

// stuck never finishes anything until its context ends.
type stuck struct{ store.Store }

func (s stuck) Cleanup(ctx context.Context, _ time.Duration) (int, error) {
	<-ctx.Done()
	return 7, store.Wrap("stuck", "cleanup", ctx.Err())
}

// The budget holds also where no batch ever ends, and does not look like an outage of the store.
func TestRunCutsOffWhatDoesNotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, maxTime := range []time.Duration{time.Second, time.Hour} {
			r, err := cleanup.Run(t.Context(), stuck{}, &cleanup.Options{MaxTime: maxTime})
			if !errors.Is(err, cleanup.ErrBudget) || errors.Is(err, store.ErrUnavailable) || r.Removed != 7 || r.Reason != cleanup.Budget {
				t.Errorf("report %+v, error %v", r, err)
			}
			if want := maxTime + min(maxTime/10, time.Second); r.Duration != want {
				t.Errorf("took %v, want %v", r.Duration, want)
			}
		}
	})
}

func TestRunReturnsTheContextsError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := filled(t, 100)
		o := &cleanup.Options{Idle: time.Hour, Batch: 1, Pause: time.Second, MaxTime: time.Hour}

		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(10*time.Second, cancel)
		r, err := cleanup.Run(ctx, m, o)
		if !errors.Is(err, context.Canceled) || errors.Is(err, cleanup.ErrBudget) || r.Reason != cleanup.Canceled || r.Done {
			t.Errorf("canceled: report %+v, error %v", r, err)
		}
		if r.Removed < 10 || count(t, m) != 101-r.Removed {
			t.Errorf("canceled: report %+v, but %d entries are left", r, count(t, m))
		}

		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if r, err := cleanup.Run(ctx, m, o); !errors.Is(err, context.DeadlineExceeded) || r.Reason != cleanup.Canceled {
			t.Errorf("deadline: report %+v, error %v", r, err)
		}
	})
}

func TestRunReportsTheStoresError(t *testing.T) {
	m := store.NewMap(nil)
	m.Close()
	if r, err := cleanup.Run(t.Context(), m, nil); err == nil || errors.Is(err, context.Canceled) || r.Reason != cleanup.Failed || r.Done {
		t.Errorf("report %+v, error %v", r, err)
	}
}
