package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestMapOrders walks both heaps of every shard after random operations: each entry must be where it says it is, in order.
func TestMapOrders(t *testing.T) {
	ctx := t.Context()
	m := NewMap(&MapOptions{Expiry: Expiry{Timeout: time.Hour, TouchAfter: -1}})
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		key := fmt.Sprint("key", rng.IntN(2000))
		switch rng.IntN(8) {
		case 0, 1:
			m.Set(ctx, key, nil)
		case 2:
			m.Delete(ctx, key)
		case 3, 4:
			m.Get(ctx, key)
		case 5, 6:
			m.Swap(ctx, key, AnyVersion, &Item{
				Atime:   time.Now().Add(-time.Duration(rng.IntN(120)) * time.Minute),
				Expires: time.Now().Add(time.Duration(rng.IntN(60)-10) * time.Minute),
			})
		case 7:
			m.Sweep(ctx, SweepOptions{Idle: time.Duration(rng.IntN(60)) * time.Minute, Limit: 1 + rng.IntN(3)})
		}
	}
	entries := 0
	for i := range m.shards {
		s := &m.shards[i]
		entries += len(s.entries)
		for by := range s.orders {
			o := &s.orders[by]
			for j, e := range o.entries {
				if e.pos[by] != j || s.entries[e.key] != e {
					t.Fatalf("shard %d order %d: entry %d believes to be at %d", i, by, j, e.pos[by])
				}
				if j > 0 && o.Less(j, (j-1)/2) {
					t.Fatalf("shard %d order %d: entry %d is out of order", i, by, j)
				}
			}
		}
		if got := s.orders[byAtime].Len(); got != len(s.entries) {
			t.Fatalf("shard %d: %d entries, %d in the order by atime", i, len(s.entries), got)
		}
	}
	if entries == 0 {
		t.Fatal("nothing left to look at")
	}
}

// TestMapSweepSteered tells apart everything that a sweep can be told.
func TestMapSweepSteered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		m := NewMap(&MapOptions{Expiry: Expiry{Timeout: time.Hour, TouchAfter: time.Minute}})
		for i := range 1000 {
			m.Set(ctx, fmt.Sprintf("dead:%d", i), []byte("four"))
		}
		start := time.Now()
		time.Sleep(time.Hour + time.Minute + 1)
		for i := range 10 {
			m.Set(ctx, fmt.Sprintf("live:%d", i), nil)
			m.Swap(ctx, fmt.Sprintf("late:%d", i), AnyVersion, &Item{Expires: time.Now()})
		}

		check := func(o SweepOptions, removed int, done bool) {
			t.Helper()
			r, err := m.Sweep(ctx, o)
			if err != nil || r.Removed != removed || r.Done != done {
				t.Errorf("Sweep(%+v) = %+v, %v; want %d removed, done %v", o, r, err, removed, done)
			}
		}
		check(SweepOptions{DryRun: true}, 1010, true)
		check(SweepOptions{DryRun: true, Limit: 5}, 5, false)
		if r, _ := m.Sweep(ctx, SweepOptions{DryRun: true, Prefix: "dead:1", Batch: 1}); r.Scanned != 1010 {
			t.Errorf("it scanned %d times, and 1010 entries are due", r.Scanned)
		}
		check(SweepOptions{Prefix: "dead:1"}, 110, true) // and not dead:1 itself
		check(SweepOptions{Prefix: "late:"}, 10, true)
		check(SweepOptions{Limit: 9}, 9, false)

		batches, before := 0, time.Now()
		r, err := m.Sweep(ctx, SweepOptions{Batch: 1, Pause: time.Second, Progress: func(r SweepReport) {
			if batches++; r.Removed != batches || r.Done {
				t.Errorf("batch %d: %+v", batches, r)
			}
		}})
		if err != nil || batches != 881 || r.Bytes != 4*881 || !r.Oldest.Equal(start) {
			t.Errorf("%d batches, %+v, %v", batches, r, err)
		}
		if took := time.Since(before); took != 880*time.Second {
			t.Errorf("paused for %v", took)
		}
		check(SweepOptions{}, 0, true)
		if n, err := m.Cleanup(ctx, 15*time.Minute); n != 0 || err != nil {
			t.Errorf("Cleanup took %d live entries, %v", n, err)
		}
		time.Sleep(15 * time.Minute)
		if n, err := m.Cleanup(ctx, 15*time.Minute); n != 10 || err != nil {
			t.Errorf("Cleanup took %d of 10 idle entries, %v", n, err)
		}
	})
}

// TestMapCloseBesideCalls: who calls while the store is closed under him is not told that the entry does not exist.
func TestMapCloseBesideCalls(t *testing.T) {
	for range 200 {
		m := NewMap(nil)
		m.Set(t.Context(), "key", nil)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for {
					if _, err := m.Get(t.Context(), "key"); errors.Is(err, os.ErrClosed) {
						return
					} else if err != nil {
						t.Errorf("beside Close: %v", err)
						return
					}
				}
			})
		}
		m.Close()
		wg.Wait()
	}
}

func TestMapSweepCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	m := NewMap(nil)
	for i := range 1000 {
		m.Swap(ctx, fmt.Sprint(i), "", &Item{Expires: time.Now()})
	}
	r, err := m.Sweep(ctx, SweepOptions{Batch: 1, Progress: func(r SweepReport) {
		if r.Removed == 10 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnavailable) || r.Removed != 10 || r.Done {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestExpiry(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	for _, test := range []struct {
		e      Expiry
		slack  time.Duration
		idle   time.Duration
		cutoff time.Duration // before now; 0: none
	}{
		{Expiry{}, time.Minute, 0, 0},
		{Expiry{}, time.Minute, -1, 0},
		{Expiry{}, time.Minute, time.Hour, 61 * time.Minute},
		{Expiry{Timeout: time.Hour}, time.Minute, 0, 61 * time.Minute},
		{Expiry{Timeout: time.Hour}, time.Minute, time.Second, 61 * time.Second},
		{Expiry{Timeout: time.Hour}, time.Minute, 2 * time.Hour, 61 * time.Minute},
		{Expiry{Timeout: 20 * time.Second}, time.Second, 0, 21 * time.Second},
		{Expiry{Timeout: time.Hour, TouchAfter: -1}, 0, 0, time.Hour},
		{Expiry{Timeout: time.Hour, TouchAfter: 2 * time.Hour}, 2 * time.Hour, 0, 3 * time.Hour},
		{Expiry{Timeout: 1<<63 - 1}, time.Minute, 0, 0},
		{Expiry{Timeout: 1<<63 - 1, TouchAfter: 1<<63 - 1}, 1<<63 - 1, 0, 0},
	} {
		if got := test.e.Slack(); got != test.slack {
			t.Errorf("%+v: Slack() = %v, want %v", test.e, got, test.slack)
		}
		want := time.Time{}
		if test.cutoff > 0 {
			want = now.Add(-test.cutoff)
		}
		got := test.e.Cutoff(now, test.idle)
		if !got.Equal(want) {
			t.Errorf("%+v: Cutoff(%v) = %v, want %v", test.e, test.idle, got, want)
		}
		if test.idle <= 0 && test.cutoff > 0 {
			if test.e.Absent(now, got, time.Time{}) || !test.e.Absent(now, got.Add(-1), time.Time{}) {
				t.Errorf("%+v: the edge of Absent is not at Cutoff", test.e)
			}
		}
		if test.e.Absent(now, now, now.Add(1)) || !test.e.Absent(now, now, now) {
			t.Errorf("%+v: the edge of Absent is not at the deadline", test.e)
		}
		if atime := now.Add(-test.slack); test.e.Stale(now, atime) || !test.e.Stale(now, atime.Add(-1)) && test.slack < time.Hour {
			t.Errorf("%+v: the edge of Stale is not at the slack", test.e)
		}
	}
	if (Expiry{Timeout: -1}).Validate() == nil || (Expiry{TouchAfter: -1}).Validate() != nil {
		t.Error("Validate")
	}
}
