package boltstore

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/internal/record"
	"github.com/larder-go/larder/store"
)

// old puts n entries that nobody has used for an hour.
func old(t *testing.T, s *Store, n int) {
	t.Helper()
	for i := range n {
		item := &store.Item{Value: []byte("12345"), Atime: time.Now().Add(-time.Hour)}
		if _, err := s.Swap(t.Context(), fmt.Sprintf("old %d", i), store.AnyVersion, item); err != nil {
			t.Fatal(err)
		}
	}
}

// What was used, replaced or removed after the sweep has found it is not the sweep's any more.
func TestSweepJudgesAgain(t *testing.T) {
	ctx := t.Context()
	s := newStore(t, openDB(t), nil)
	old(t, s, 4)
	now := wallNow()
	w := &sweeper{s: s, now: now, cutoff: record.Nanos(now.Add(-30 * time.Minute))}
	due, _, _, err := w.find(byAtime, []byte{0}, 10)
	if err != nil || len(due) != 4 {
		t.Fatalf("found %d, %v", len(due), err)
	}
	if err := errors.Join(s.Touch(ctx, "old 0"), s.Set(ctx, "old 1", nil), s.Delete(ctx, "old 2")); err != nil {
		t.Fatal(err)
	}
	if err := w.remove(ctx, byAtime, due); err != nil || w.report.Removed != 1 || w.report.Bytes != 5 {
		t.Errorf("%+v, %v", w.report, err)
	}
	for i, want := range []bool{true, true, false, false} {
		if there, err := s.Contains(ctx, fmt.Sprintf("old %d", i)); there != want || err != nil {
			t.Errorf("old %d: %v, %v", i, there, err)
		}
	}
	checkOrders(t, s, 0)
}

// Each transaction removes a batch at most, and writers get in between.
func TestSweepBatches(t *testing.T) {
	ctx := t.Context()
	db := openDB(t)
	s := newStore(t, db, nil)
	old(t, s, 25)
	before := lastTx(t, db)
	var steps []int
	r, err := s.Sweep(ctx, store.SweepOptions{Idle: time.Minute, Batch: 10, Progress: func(r store.SweepReport) {
		steps = append(steps, r.Removed)
		if err := s.Set(ctx, fmt.Sprintf("between %d", r.Removed), nil); err != nil {
			t.Error(err)
		}
	}})
	if err != nil || !r.Done || fmt.Sprint(steps) != "[10 20 25]" {
		t.Errorf("%+v, %v; steps %v", r, err, steps)
	}
	if n := lastTx(t, db) - before; n != 6 {
		t.Errorf("%d transactions, want three of the sweep and three between", n)
	}
	checkOrders(t, s, 0)
}

// A batch may come from both orders and from far apart. Progress follows each, and a last one that is not full; between two
// of them there is a pause, after the last there is none, whatever else stands behind it.
func TestSweepPauses(t *testing.T) {
	for _, test := range []struct {
		atime, deadline, limit int
		steps                  string
		pauses                 time.Duration
	}{
		{0, 0, 0, "[]", 0},
		{7, 0, 0, "[7]", 0},
		{10, 0, 0, "[10]", 0},
		{25, 0, 0, "[10 20 25]", 2},
		{30, 0, 0, "[10 20 30]", 2},
		{15, 10, 0, "[10 20 25]", 2},
		{10, 10, 0, "[10 20]", 1},
		{4, 3, 0, "[7]", 0},
		{25, 9, 20, "[10 20]", 1},
		{25, 9, 23, "[10 20 23]", 2},
		{25, 9, 29, "[10 20 29]", 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx := t.Context()
			s := newStore(t, openDB(t), nil)
			old(t, s, test.atime)
			for i := range test.deadline {
				if _, err := s.Swap(ctx, fmt.Sprintf("late %d", i), "", &store.Item{Expires: time.Now()}); err != nil {
					t.Fatal(err)
				}
			}
			// More than one look's worth in front and, behind, one whose place lags, so that no look sees the end coming.
			for _, age := range []time.Duration{-2 * time.Hour, -59 * time.Minute} {
				err := s.commits.do(ctx, 0, func(tx *txn) error {
					place := record.Nanos(time.Now().Add(age))
					for i := range sweepChunk + 1 {
						key := fmt.Sprintf("lagging %v %d", age, i)
						stored, h, _ := encode(key, &store.Item{})
						h.atime = record.Nanos(tx.now)
						h.place = place
						h.put(stored)
						tx.write(records, []byte(key), stored)
						tx.write(byAtime, orderKey(place, []byte(key)), nil)
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			for _, dry := range []bool{true, false} {
				var steps []int
				begin := time.Now()
				r, err := s.Sweep(ctx, store.SweepOptions{
					Idle: 30 * time.Minute, Batch: 10, Limit: test.limit, Pause: time.Second, DryRun: dry,
					Progress: func(r store.SweepReport) { steps = append(steps, r.Removed) },
				})
				if err != nil || r.Done != (test.limit == 0) || fmt.Sprint(steps) != test.steps {
					t.Errorf("%+v, dry %v: %+v, %v; steps %v", test, dry, r, err, steps)
				}
				if took := time.Since(begin); took != test.pauses*time.Second {
					t.Errorf("%+v, dry %v: paused for %v", test, dry, took)
				}
			}
		})
	}
}

// A sweep that is cancelled in a pause says what it has removed before.
func TestSweepCancelledInPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore(t, openDB(t), nil)
		old(t, s, 25)
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		last := 0
		r, err := s.Sweep(ctx, store.SweepOptions{
			Idle: time.Minute, Batch: 10, Pause: time.Second, Progress: func(r store.SweepReport) { last = r.Removed },
		})
		if !errors.Is(err, context.DeadlineExceeded) || r.Removed != 20 || last != 20 || r.Done {
			t.Errorf("%+v, %v; Progress was told of %d", r, err, last)
		}
		if there := left(t, s); there != 5 {
			t.Errorf("%d entries are left", there)
		}
	})
}

// What is due in both orders, or in one, counts once, dry or not.
func TestSweepCountsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		s := newStore(t, openDB(t), &Options{Expiry: store.Expiry{Timeout: time.Hour}})
		for i, item := range []*store.Item{
			{Expires: time.Now().Add(time.Minute)},
			{Expires: time.Now().Add(time.Minute), Atime: time.Now().Add(-30 * time.Minute)},
			{Atime: time.Now().Add(-30 * time.Minute)},
			{Expires: time.Now().Add(2 * time.Hour)},
			{},
		} {
			if _, err := s.Swap(ctx, fmt.Sprint(i), "", item); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(40 * time.Minute)
		dry, err := s.Sweep(ctx, store.SweepOptions{DryRun: true})
		if err != nil || dry.Removed != 3 {
			t.Errorf("dry: %+v, %v", dry, err)
		}
		wet, err := s.Sweep(ctx, store.SweepOptions{})
		if err != nil || wet != dry {
			t.Errorf("the dry run said %+v, the sweep %+v, %v", dry, wet, err)
		}
		checkOrders(t, s, 0)
	})
}

// Scanned counts each entry once, dry or not, also one that stands in both orders and stays, is another prefix's, or
// whose head cannot be read.
func TestSweepScansOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		s := newStore(t, openDB(t), &Options{Expiry: store.Expiry{Timeout: time.Hour, TouchAfter: 10 * time.Minute}})
		soon := time.Now().Add(time.Minute)
		for i := range 100 {
			_, err := s.Swap(ctx, fmt.Sprintf("both %d", i), "", &store.Item{Expires: soon})
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, key := range []string{"both damaged", "both", "other"} {
			if _, err := s.Swap(ctx, key, "", &store.Item{Expires: soon}); err != nil {
				t.Fatal(err)
			}
		}
		rewrite(t, s, "both damaged", func([]byte) []byte { return []byte("rubbish") })
		// Its place lags: it is met by its atime, and goes by its deadline.
		if _, err := s.Swap(ctx, "both lagging", "", &store.Item{Expires: time.Now().Add(70 * time.Minute)}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Minute)
		if err := s.Touch(ctx, "both lagging"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(41 * time.Minute)
		for _, o := range []store.SweepOptions{{DryRun: true}, {DryRun: true, Batch: 7}, {Batch: 7}} {
			o.Prefix = "both" // the key "both" is not its own
			r, err := s.Sweep(ctx, o)
			if err != nil || !r.Done || r.Removed != 102 || r.Scanned != 104 {
				t.Errorf("dry %v: %+v, %v; want 102 removed, 104 scanned", o.DryRun, r, err)
			}
		}
		checkOrders(t, s, 0)
	})
}

// A use that was in time but is not yet to be seen must not be overtaken by a reader who would call the entry absent,
// also not through another handle: the one-way door has no gap.
func TestDoorHasNoGap(t *testing.T) {
	db := openDB(t)
	o := &Options{Expiry: store.Expiry{Timeout: 400 * time.Millisecond, TouchAfter: -1}}
	s, other := newStore(t, db, o), newStore(t, db, o)
	ctx := context.Background()
	if err := s.Set(ctx, "key", nil); err != nil {
		t.Fatal(err)
	}
	dies := time.Now().Add(o.Timeout + time.Millisecond)

	unlock := hold(t, db)
	touched := make(chan error, 1)
	go func() { touched <- s.Touch(ctx, "key") }() // leads, so that it is judged first
	queued(t, s, 1)
	inside, release, stuckErr := stuck(t, s) // in the same transaction, after it
	queued(t, s, 2)
	time.Sleep(time.Until(dies.Add(-o.Timeout / 4)))
	used := time.Now()
	unlock()
	<-inside
	time.Sleep(time.Until(dies)) // in the file the entry is dead now; the use of it is being committed
	answers := make(chan bool, 2)
	for _, handle := range []*Store{s, other} {
		go func() {
			there, err := handle.Contains(ctx, "key")
			if err != nil {
				t.Error(err)
			}
			answers <- there
		}()
	}
	queued(t, s, 1)
	queued(t, other, 1) // both ask under the lock
	release()
	if err := <-stuckErr; err != nil {
		t.Fatal(err)
	}
	err := <-touched
	for range 2 {
		there := <-answers
		slow := time.Since(used) > o.Timeout // then it may have died once more
		if there != (err == nil) && !slow {
			t.Errorf("the use returned %v, and a reader who came before its end was told %v", err, there)
		}
	}
}

// While the body of the loop runs, no transaction is open, nor is one after a break.
func TestListHoldsNothing(t *testing.T) {
	db := openDB(t)
	s := newStore(t, db, nil)
	old(t, s, 3*listChunk)
	n := 0
	for _, err := range s.List(t.Context(), "old") {
		if err != nil {
			t.Fatal(err)
		}
		if n++; db.Stats().OpenTxN != 0 {
			t.Fatal("a transaction is open in the body of the loop")
		}
	}
	if n != 3*listChunk {
		t.Errorf("%d entries listed of %d", n, 3*listChunk)
	}
}
