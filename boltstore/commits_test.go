package boltstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/larder-go/larder/store"
)

// hold takes the write lock of db, as another user of it may, until the returned function is called.
func hold(t *testing.T, db *bbolt.DB) (release func()) {
	t.Helper()
	tx, err := db.Begin(true)
	if err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	release = func() { once.Do(func() { tx.Rollback() }) }
	t.Cleanup(release)
	return release
}

// queued waits until n writes wait, the leader's included.
func queued(t *testing.T, s *Store, n int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		s.commits.mu.Lock()
		have := len(s.commits.queue)
		s.commits.mu.Unlock()
		if have == n {
			return
		}
	}
	t.Fatalf("never were there %d writes in the queue", n)
}

func lastTx(t testing.TB, db *bbolt.DB) (id int) {
	t.Helper()
	if err := db.View(func(tx *bbolt.Tx) error { id = tx.ID(); return nil }); err != nil {
		t.Fatal(err)
	}
	return id
}

// Who waits for the lock at the same time is committed at once, each with his own result.
func TestSharedCommit(t *testing.T) {
	ctx := t.Context()
	db := openDB(t)
	s := newStore(t, db, &Options{MaxValue: 100})
	if err := s.Set(ctx, "there", nil); err != nil {
		t.Fatal(err)
	}
	before := lastTx(t, db)
	release := hold(t, db)
	var wg sync.WaitGroup
	errs := make([]error, 64)
	for i := range errs {
		wg.Go(func() {
			key := fmt.Sprintf("key %d", i)
			switch i % 4 {
			case 0:
				errs[i] = s.Set(ctx, key, []byte(key))
			case 1:
				_, errs[i] = s.Swap(ctx, key, store.NewVersion(), &store.Item{})
			case 2:
				_, errs[i] = s.Swap(ctx, "there", "", &store.Item{})
			case 3:
				errs[i] = s.Delete(ctx, key)
			}
		})
	}
	queued(t, s, 64)
	release()
	wg.Wait()
	for i, err := range errs {
		if conflict := i%4 == 1 || i%4 == 2; conflict != errors.Is(err, store.ErrConflict) || !conflict && err != nil {
			t.Errorf("write %d: %v", i, err)
		}
		if there, err := s.Contains(ctx, fmt.Sprintf("key %d", i)); err != nil || there != (i%4 == 0) {
			t.Errorf("key %d: %v, %v", i, there, err)
		}
	}
	if n := lastTx(t, db) - before; n != 1 {
		t.Errorf("%d transactions for 64 writes at once", n)
	}
	checkOrders(t, s, 0)
}

// What changes nothing costs no commit.
func TestNoCommitForNothing(t *testing.T) {
	ctx := t.Context()
	db := openDB(t)
	s := newStore(t, db, nil)
	before := lastTx(t, db)
	if err := s.Delete(ctx, "none"); err != nil {
		t.Error(err)
	}
	if _, err := s.Swap(ctx, "none", store.NewVersion(), nil); !errors.Is(err, store.ErrConflict) {
		t.Error(err)
	}
	if _, err := s.Cleanup(ctx, time.Hour); err != nil {
		t.Error(err)
	}
	if n := lastTx(t, db) - before; n != 0 {
		t.Errorf("%d transactions were committed", n)
	}
}

// Who is cancelled in the queue has surely not written, whether he waits, leads, or was about to lead.
func TestCancelInQueue(t *testing.T) {
	db := openDB(t)
	s := newStore(t, db, nil)
	release := hold(t, db)
	const n = 64
	var wg sync.WaitGroup
	var cancels [n]context.CancelFunc
	var errs [n]error
	var late atomic.Int64
	for i := range n {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		var cancelled atomic.Int64
		cancels[i] = func() { cancelled.Store(time.Now().UnixNano()); cancel() }
		wg.Go(func() {
			errs[i] = s.Set(ctx, fmt.Sprintf("key %d", i), []byte("value"))
			if at := cancelled.Load(); at != 0 {
				late.Store(max(late.Load(), time.Now().UnixNano()-at))
			}
		})
		queued(t, s, i+1) // the first leads, the others wait in their order
	}
	for i := 0; i < n; i += 2 {
		cancels[i]()
	}
	queued(t, s, n/2) // while the lock is still held
	release()
	wg.Wait()
	for i, err := range errs {
		there, e := s.Contains(context.Background(), fmt.Sprintf("key %d", i))
		if e != nil {
			t.Fatal(e)
		}
		clean := errors.Is(err, context.Canceled) && !errors.Is(err, errUnderWay) && !errors.Is(err, store.ErrUnavailable)
		if i%2 == 0 && (!clean || there) {
			t.Errorf("cancelled write %d: %v, there: %v", i, err, there)
		}
		if i%2 == 1 && (err != nil || !there) {
			t.Errorf("write %d: %v, there: %v", i, err, there)
		}
	}
	t.Logf("the slowest return after a cancel took %v", time.Duration(late.Load()))
	checkOrders(t, s, 0)
}

// Where nobody is left who wants the lock, it is given back as soon as it comes.
func TestAllCancelled(t *testing.T) {
	db := openDB(t)
	s := newStore(t, db, nil)
	for range 20 {
		release := hold(t, db)
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Millisecond)
		err := s.Set(ctx, "key", nil)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, store.ErrUnavailable) {
			t.Fatalf("Set behind a held lock: %v", err)
		}
		done := make(chan error)
		go func() { done <- s.Set(context.Background(), "other", nil) }() // takes over the wait
		queued(t, s, 1)
		release()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if there, err := s.Contains(context.Background(), "key"); there || err != nil {
			t.Fatalf("a withdrawn write is there: %v, %v", there, err)
		}
	}
	release := hold(t, db)
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(time.Millisecond, cancel)
	if err := s.Delete(ctx, "other"); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	release()
	if err := db.Update(func(*bbolt.Tx) error { return nil }); err != nil { // does not hang
		t.Fatal(err)
	}
}

// stuck is a write that stands in its transaction until release is called.
func stuck(t *testing.T, s *Store) (inside <-chan struct{}, release func(), err <-chan error) {
	t.Helper()
	in, out, errs := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		errs <- s.commits.do(context.Background(), 0, func(*txn) error {
			close(in)
			<-out
			return nil
		})
	}()
	return in, sync.OnceFunc(func() { close(out) }), errs
}

// Who is cancelled when his write was taken returns at once and is told that nobody knows.
func TestCancelUnderWay(t *testing.T) {
	db := openDB(t)
	s := newStore(t, db, nil)
	unlock := hold(t, db)
	inside, release, stuckErr := stuck(t, s)
	queued(t, s, 1)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	value := []byte("value")
	done := make(chan error)
	go func() { done <- s.Set(ctx, "key", value) }()
	queued(t, s, 2)
	unlock()
	<-inside
	cancel()
	err := <-done
	copy(value, "other") // ours again: a race here is a fault
	if !errors.Is(err, context.Canceled) || !errors.Is(err, errUnderWay) || errors.Is(err, store.ErrUnavailable) {
		t.Errorf("cancelled in the commit: %v", err)
	}
	release()
	if err := <-stuckErr; err != nil {
		t.Error(err)
	}
	if v, err := s.Get(context.Background(), "key"); err == nil && string(v) != "value" {
		t.Errorf("the store kept the caller's slice: %q", v)
	}
	checkOrders(t, s, 0)
}

// A write that panics, and one that bbolt refuses halfway, spoil nobody else's, and leave nothing of their own.
func TestSpoilers(t *testing.T) {
	ctx := t.Context()
	db := openDB(t)
	s := newStore(t, db, nil)
	unlock := hold(t, db)
	var wg sync.WaitGroup
	good := make([]error, 10)
	for i := range good {
		wg.Go(func() { good[i] = s.Set(ctx, fmt.Sprintf("key %d", i), nil) })
		queued(t, s, 3*i+1)
		wg.Go(func() {
			defer func() {
				if r := recover(); r != "mine" {
					t.Errorf("the panic came back as %v", r)
				}
			}()
			s.commits.do(ctx, 0, func(tx *txn) error {
				tx.write(records, []byte("half"), nil)
				panic("mine")
			})
		})
		queued(t, s, 3*i+2)
		wg.Go(func() {
			err := s.commits.do(ctx, 0, func(tx *txn) error {
				tx.write(records, []byte("half"), nil)
				tx.write(records, nil, nil) // bbolt takes no empty key
				return nil
			})
			if !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("a write that bbolt refused: %v", err)
			}
		})
		queued(t, s, 3*i+3)
	}
	unlock()
	wg.Wait()
	for i, err := range good {
		if there, e := s.Contains(ctx, fmt.Sprintf("key %d", i)); err != nil || e != nil || !there {
			t.Errorf("key %d: %v, %v, %v", i, err, there, e)
		}
	}
	if there, err := s.Contains(ctx, "half"); there || err != nil {
		t.Errorf("half a write is there: %v, %v", there, err)
	}
	checkOrders(t, s, 0)
}

// A leader commits once: however many come, it returns.
func TestLeadIsBounded(t *testing.T) {
	s := newStore(t, openDB(t), nil)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for ctx.Err() == nil {
				if err := s.Set(ctx, fmt.Sprint(w), nil); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			}
		})
	}
	for range 200 {
		if err := s.Set(t.Context(), "mine", nil); err != nil {
			t.Error(err)
		}
	}
	cancel()
	wg.Wait()
	s.commits.mu.Lock()
	defer s.commits.mu.Unlock()
	if s.commits.leading || len(s.commits.queue) > 0 || s.commits.lock != nil {
		t.Errorf("something is left: %+v", s.commits)
	}
}

// Writers with contexts that end at any moment: an acknowledged write is there, a withdrawn one is not.
func TestCancelStorm(t *testing.T) {
	s := newStore(t, openDB(t), nil)
	rounds := 150
	if testing.Short() {
		rounds = 30
	}
	var wg sync.WaitGroup
	var acked, withdrawn, unknown atomic.Int64
	for w := range 32 {
		wg.Go(func() {
			for i := range rounds {
				key := fmt.Sprintf("%d-%d", w, i)
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration((w*31+i*17)%40)*10*time.Microsecond)
				err := s.Set(ctx, key, []byte(key))
				cancel()
				there, e := s.Contains(context.Background(), key)
				switch {
				case e != nil:
					t.Error(e)
				case err == nil:
					acked.Add(1)
					if !there {
						t.Error("an acknowledged write is not there")
					}
				case errors.Is(err, errUnderWay):
					unknown.Add(1)
				default:
					withdrawn.Add(1)
					if there || !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("a withdrawn write: there %v, %v", there, err)
					}
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d acknowledged, %d withdrawn, %d unknown", acked.Load(), withdrawn.Load(), unknown.Load())
	checkOrders(t, s, 0)
}
