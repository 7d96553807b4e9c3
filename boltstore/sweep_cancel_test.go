package boltstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/larder-go/larder/store"
)

// left counts the entries that old has put and nobody has removed.
func left(t *testing.T, s *Store) (n int) {
	t.Helper()
	for _, err := range s.List(context.Background(), "old ") {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// A sweep that is cancelled when its write was taken returns when that is committed, and reports what it removed.
func TestSweepCancelledUnderWay(t *testing.T) {
	db := openDB(t)
	s := newStore(t, db, nil)
	old(t, s, 4)
	unlock := hold(t, db)
	inside, release, stuckErr := stuck(t, s)
	queued(t, s, 1)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var r store.SweepReport
	var err error
	told := 0
	done := make(chan struct{})
	go func() {
		defer close(done)
		r, err = s.Sweep(ctx, store.SweepOptions{
			Idle: 30 * time.Minute, Progress: func(r store.SweepReport) { told = r.Removed },
		})
	}()
	queued(t, s, 2)
	unlock()
	<-inside // both were taken
	cancel()
	release()
	<-done
	if r.Removed != 4 || r.Bytes != 20 || r.Done || told != 4 || !errors.Is(err, context.Canceled) || errors.Is(err, errUnderWay) {
		t.Errorf("%+v, %v; Progress was told of %d", r, err, told)
	}
	if there := left(t, s); there != 0 {
		t.Errorf("%d entries are left", there)
	}
	if err := <-stuckErr; err != nil {
		t.Error(err)
	}
}

// A sweep that is cancelled in the queue, or as the leader that waits for the lock, returns at once and has removed nothing.
func TestSweepCancelledInQueue(t *testing.T) {
	db := openDB(t)
	s := newStore(t, db, nil)
	old(t, s, 4)
	unlock := hold(t, db)
	defer unlock()
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for i := range 2 {
		wg.Go(func() {
			if n, err := s.Cleanup(ctx, 30*time.Minute); n != 0 || !errors.Is(err, context.Canceled) {
				t.Errorf("Cleanup = %d, %v", n, err)
			}
		})
		queued(t, s, i+1)
	}
	cancel()
	wg.Wait() // while the lock is still held
	unlock()
	if err := s.Set(context.Background(), "key", nil); err != nil {
		t.Error(err)
	}
	if there := left(t, s); there != 4 {
		t.Errorf("%d entries are left of 4", there)
	}
}

// Sweeps that are cancelled at any moment, beside writers who take the sweeps' writes along: what they report adds up to
// what is gone.
func TestSweepCancelStorm(t *testing.T) {
	s := newStore(t, openDB(t), nil)
	n := 6000
	if testing.Short() {
		n = 1500
	}
	old(t, s, n)
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	for w := range 8 {
		wg.Go(func() {
			for ctx.Err() == nil {
				if err := s.Set(ctx, fmt.Sprint("new ", w), []byte("value")); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			}
		})
	}
	removed, cancelled := 0, 0
	for there := n; there > 0; {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.IntN(3000))*time.Microsecond)
		r, err := s.Sweep(ctx, store.SweepOptions{Idle: 30 * time.Minute, Batch: 1 + rand.IntN(20)})
		cancel()
		removed += r.Removed
		if err != nil {
			cancelled++
		}
		if err != nil && !errors.Is(err, context.DeadlineExceeded) || r.Done != (err == nil) || r.Bytes != 5*int64(r.Removed) {
			t.Errorf("%+v, %v", r, err)
		}
		if there = left(t, s); removed != n-there {
			t.Fatalf("%d entries are gone, and the sweeps report %d; the last: %+v, %v", n-there, removed, r, err)
		}
	}
	stop()
	wg.Wait()
	t.Logf("%d sweeps were cancelled", cancelled)
	checkOrders(t, s, 0)
}
