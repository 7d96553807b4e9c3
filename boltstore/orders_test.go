package boltstore

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"github.com/larder-go/larder/store"
)

// checkOrders walks the three buckets of s: every record has its place in each order that it belongs to, no place lags
// more than it may, and but for so many orphans there is nothing else.
func checkOrders(t testing.TB, s *Store, orphans int) {
	t.Helper()
	err := s.db.View(func(tx *bbolt.Tx) error {
		entries, atimes, deadlines := tx.Bucket(s.names[records]), tx.Bucket(s.names[byAtime]), tx.Bucket(s.names[byDeadline])
		want := [3]int{}
		has := func(b *bbolt.Bucket, k []byte) bool {
			found, _ := b.Cursor().Seek(k)
			return string(found) == string(k)
		}
		err := entries.ForEach(func(k, v []byte) error {
			e, err := parse(v, string(k))
			if err != nil {
				t.Errorf("a record cannot be read: %v", err)
				return nil
			}
			want[byAtime]++
			if !has(atimes, orderKey(e.place, k)) {
				t.Errorf("an entry has no place in the order by atime")
			}
			if e.atime-e.place > int64(s.lag) {
				t.Errorf("a place lags by %d ns, allowed are %v", e.atime-e.place, s.lag)
			}
			if e.deadline != 0 {
				want[byDeadline]++
				if !has(deadlines, orderKey(e.deadline, k)) {
					t.Errorf("an entry has no place in the order by deadline")
				}
			}
			return nil
		})
		extra := atimes.Stats().KeyN + deadlines.Stats().KeyN - want[byAtime] - want[byDeadline]
		if extra != orphans {
			t.Errorf("%d places too many in the orders, want %d", extra, orphans)
		}
		for err := range tx.Check() {
			t.Errorf("bbolt: %v", err)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestOrdersStayConsistent does random operations on few keys, through two handles, in a bubble whose clock moves, and
// compares with a plain model which says what lives.
func TestOrdersStayConsistent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Wrapped, since rapid asks a *testing.T for its deadline, which a bubble does not allow.
		rapid.Check(struct{ rapid.TB }{t}, func(rt *rapid.T) { randomOperations(t, rt) })
	})
}

type modelEntry struct {
	atime, expires time.Time
	damaged        bool
}

func randomOperations(t *testing.T, rt *rapid.T) {
	ctx := context.Background()
	db := openDB(t)
	defer db.Close()
	o := &Options{Expiry: store.Expiry{
		Timeout:    rapid.SampledFrom([]time.Duration{0, time.Minute, time.Hour}).Draw(rt, "timeout"),
		TouchAfter: rapid.SampledFrom([]time.Duration{-1, 0, 10 * time.Second}).Draw(rt, "touch after"),
	}}
	handles := []*Store{newStore(t, db, o), newStore(t, db, o)}
	model := map[string]*modelEntry{}
	keys := rapid.SampledFrom([]string{"a", "ab", "b", "\x01", "\xc3\xbf"})
	absent := func(e *modelEntry) bool {
		return e == nil || o.Absent(wallNow(), e.atime, e.expires)
	}
	for range rapid.IntRange(1, 60).Draw(rt, "operations") {
		s := handles[rapid.IntRange(0, 1).Draw(rt, "handle")]
		key := keys.Draw(rt, "key")
		e := model[key]
		now := wallNow()
		switch op := rapid.IntRange(0, 8).Draw(rt, "op"); op {
		case 0, 1:
			must(rt, s.Set(ctx, key, nil))
			model[key] = &modelEntry{atime: now}
		case 2, 3:
			item := &store.Item{
				Atime:   now.Add(time.Duration(rapid.IntRange(-4000, 100).Draw(rt, "atime")) * time.Second),
				Expires: now.Add(time.Duration(rapid.IntRange(-100, 4000).Draw(rt, "expires")) * time.Second),
			}
			_, err := s.Swap(ctx, key, store.AnyVersion, item)
			must(rt, err)
			model[key] = &modelEntry{atime: item.Atime, expires: item.Expires}
			if item.Atime.After(now) {
				model[key].atime = now
			}
		case 4:
			must(rt, s.Delete(ctx, key))
			delete(model, key)
		case 5:
			err := s.Touch(ctx, key)
			switch {
			case e != nil && e.damaged:
				if !errors.Is(err, store.ErrCorrupt) {
					rt.Fatalf("a damaged entry: %v", err)
				}
			case absent(e):
				if err != store.ErrNotFound {
					rt.Fatalf("an absent entry: %v", err)
				}
			default:
				must(rt, err)
				if o.Stale(now, e.atime) {
					e.atime = now
				}
			}
		case 6:
			time.Sleep(time.Duration(rapid.IntRange(1, 2000).Draw(rt, "seconds")) * time.Second)
		case 7:
			idle := time.Duration(rapid.IntRange(0, 3000).Draw(rt, "idle")) * time.Second
			n, err := s.Cleanup(ctx, idle)
			must(rt, err)
			want := 0
			cutoff := o.Cutoff(now, idle)
			for key, e := range model {
				if absent(e) || e.atime.Before(cutoff) {
					delete(model, key)
					want++
				}
			}
			if n != want {
				rt.Fatalf("Cleanup(%v) = %d, want %d", idle, n, want)
			}
		case 8:
			if e != nil {
				rewrite(t, s, key, flip(func(n int) int { return n - 1 }))
				e.damaged = !e.damaged // the same bit twice heals it
			}
		}
	}
	damaged := false
	for key, e := range model {
		damaged = damaged || e.damaged
		if there, err := handles[0].Contains(ctx, key); !e.damaged && (err != nil || there == absent(e)) {
			rt.Fatalf("in the end: there %v, %v, but absent %v", there, err, absent(e))
		}
	}
	if !damaged {
		checkOrders(t, handles[0], 0)
	}
}

func must(rt *rapid.T, err error) {
	rt.Helper()
	if err != nil {
		rt.Fatal(err)
	}
}

// The lag is bounded however long the slack is.
func TestLag(t *testing.T) {
	const year = 365 * 24 * time.Hour
	db := openDB(t)
	for touchAfter, want := range map[time.Duration]time.Duration{
		-1:               0,
		time.Minute:      4 * time.Minute,
		15 * time.Minute: time.Hour,
		16 * time.Minute: time.Hour,
		74 * year:        time.Hour,
		math.MaxInt64:    time.Hour,
	} {
		if s := newStore(t, db, &Options{Expiry: store.Expiry{TouchAfter: touchAfter}}); s.lag != want {
			t.Errorf("TouchAfter %v: a lag of %v, want %v", touchAfter, s.lag, want)
		}
	}
}

// Places that damage left behind do no harm to what stands there later, and the sweep drops them.
func TestOrphans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		s := newStore(t, openDB(t), &Options{Expiry: store.Expiry{Timeout: time.Hour}})
		item := &store.Item{Expires: time.Now().Add(30 * time.Minute)}
		keys := []string{"set again", "deleted", "set and deleted", "left"}
		for _, key := range keys {
			if _, err := s.Swap(ctx, key, "", item); err != nil {
				t.Fatal(err)
			}
			rewrite(t, s, key, func([]byte) []byte { return []byte("rubbish") })
		}
		time.Sleep(10 * time.Minute)
		for i, err := range []error{
			s.Set(ctx, "set again", []byte("new")),
			s.Delete(ctx, "deleted"),
			s.Set(ctx, "set and deleted", nil),
			s.Delete(ctx, "set and deleted"),
		} {
			if err != nil {
				t.Fatalf("%d: %v", i, err)
			}
		}
		if there, err := s.Contains(ctx, "left"); there || !errors.Is(err, store.ErrCorrupt) {
			t.Fatalf("Contains of rubbish: %v, %v", there, err)
		}
		time.Sleep(25 * time.Minute) // the deadlines of old are over: they must not take the new entry
		report, err := s.Sweep(ctx, store.SweepOptions{})
		if err != nil || report.Removed != 1 || !report.Done { // what was left
			t.Fatalf("Sweep: %+v, %v", report, err)
		}
		if v, err := s.Get(ctx, "set again"); string(v) != "new" || err != nil {
			t.Fatalf("Get: %q, %v", v, err)
		}
		time.Sleep(40 * time.Minute) // and so the atimes
		if n, err := s.Cleanup(ctx, 0); n != 0 || err != nil {
			t.Fatalf("Cleanup: %d, %v", n, err)
		}
		checkOrders(t, s, 0)
	})
}

// An entry in steady use changes its place seldom, and never lags too far for the sweep to be cheap.
func TestPlaceLags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		s := newStore(t, openDB(t), &Options{Expiry: store.Expiry{Timeout: 20 * time.Minute}}) // slack 1 minute
		place := func() (h head) {
			err := s.db.View(func(tx *bbolt.Tx) (err error) {
				h, err = parseHead(tx.Bucket(s.names[records]).Get([]byte("key")))
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return h
		}
		if err := s.Set(ctx, "key", nil); err != nil {
			t.Fatal(err)
		}
		moved, last := 0, place()
		for range 100 {
			time.Sleep(time.Minute + 1)
			if err := s.Touch(ctx, "key"); err != nil {
				t.Fatal(err)
			}
			h := place()
			if h.atime == last.atime {
				t.Fatal("a use was not recorded")
			}
			if h.place != last.place {
				moved++
			}
			last = h
		}
		if moved < 20 || moved > 26 {
			t.Errorf("the place moved %d times in 100 uses", moved)
		}
		checkOrders(t, s, 0)
	})
}
