package memstore

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// A server that does not answer holds up no caller whose context ends.
func TestCancelReturns(t *testing.T) {
	p := testserver.NewProxy(t, testserver.Memcached(t).Addr)
	s := fresh(t, Options{}, p.Addr)
	s.client.Timeout = time.Second
	set(t, s, "key", "value")
	v := peek(t, s, "key").Version
	p.HalfOpen()
	control := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() } // how late this machine is at the moment
	delays := make(map[bool][]time.Duration)                                      // by whether they are of the control
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 10 {
		for name, call := range map[string]func(ctx context.Context) error{
			"1": control, "2": control, "3": control, "4": control, "5": control, "6": control, "7": control, "8": control,
			"Get":         func(ctx context.Context) error { _, err := s.Get(ctx, "key"); return err },
			"Contains":    func(ctx context.Context) error { _, err := s.Contains(ctx, "key"); return err },
			"Touch":       func(ctx context.Context) error { return s.Touch(ctx, "key") },
			"Load":        func(ctx context.Context) error { _, err := s.Load(ctx, "key"); return err },
			"Set":         func(ctx context.Context) error { return s.Set(ctx, "key", nil) },
			"Delete":      func(ctx context.Context) error { return s.Delete(ctx, "key") },
			"Swap":        func(ctx context.Context) error { _, err := s.Swap(ctx, "key", v, &store.Item{}); return err },
			"Swap to nil": func(ctx context.Context) error { _, err := s.Swap(ctx, "key", store.AnyVersion, nil); return err },
		} {
			wg.Go(func() {
				ctx, cancel := context.WithCancel(context.Background())
				var at time.Time
				time.AfterFunc(20*time.Millisecond, func() { at = time.Now(); cancel() })
				err := call(ctx)
				late := time.Since(at)
				if !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnavailable) {
					t.Errorf("%s, cancelled: %v", name, err)
				}
				mu.Lock()
				delays[len(name) == 1] = append(delays[len(name) == 1], late)
				mu.Unlock()
			})
		}
	}
	wg.Wait()
	median := func(of []time.Duration) time.Duration { slices.Sort(of); return of[len(of)/2] }
	calls, machine := median(delays[false]), median(delays[true])
	worst, worstOfMachine := slices.Max(delays[false]), slices.Max(delays[true])
	t.Logf("%d calls returned %v (median) and %v (worst) after their cancel, and what does nothing but wait %v and %v",
		len(delays[false]), calls, worst, machine, worstOfMachine)
	if calls > machine+50*time.Millisecond || worst > worstOfMachine+900*time.Millisecond { // the client's Timeout is 1 s
		t.Error("that is too late")
	}
	p.Pass()
	eventually(t, "the store works again", func() bool { _, err := s.Contains(context.Background(), "key"); return err == nil })
}

func peek(t testing.TB, s *Store, key string) *store.Item {
	t.Helper()
	item, err := s.Peek(context.Background(), key)
	if err != nil {
		t.Fatal(err)
	}
	return item
}

// A Set that was cancelled while it waited for its connection to be made may still happen, but not after a Delete by the same caller: that waits for it.
func TestDeleteAfterCancelledSet(t *testing.T) {
	addr := testserver.Memcached(t).Addr
	s := fresh(t, Options{}, addr)
	dialing, dial := make(chan struct{}), make(chan struct{})
	var began atomic.Bool
	s.client.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if !began.Swap(true) {
			close(dialing)
			<-dial
		}
		return new(net.Dialer).DialContext(context.Background(), network, addr)
	}
	ctx, cancel := context.WithCancel(context.Background())
	setting := make(chan error)
	go func() { setting <- s.Set(ctx, "key", []byte("late")) }()
	<-dialing
	cancel()
	if err := <-setting; !errors.Is(err, context.Canceled) {
		t.Errorf("Set: %v", err)
	}
	// Who does not want to wait for it need not, and then has done nothing.
	short, stop := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer stop()
	if err := s.Delete(short, "key"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Delete beside it, within 20 ms: %v", err)
	}
	set(t, s, "another", "value") // is not held up
	deleting := make(chan error)
	go func() { deleting <- s.Delete(context.Background(), "key") }()
	select {
	case err := <-deleting:
		t.Fatalf("Delete has not waited: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	close(dial)
	if err := <-deleting; err != nil {
		t.Errorf("Delete: %v", err)
	}
	wantGone(t, s, "key")
	if n := s.adrift.count.Load(); n != 0 || len(s.adrift.calls) != 0 {
		t.Errorf("%d writes are still adrift", n)
	}
}

// A write that waited for a free connection when it was cancelled is never begun.
func TestCancelledInQueue(t *testing.T) {
	f := newFake(t)
	s := fresh(t, Options{MaxConns: 1}, f.addr)
	going, release := make(chan struct{}), make(chan struct{})
	f.reacts(func(c command, carryOut func() string) string {
		if c.verb == "gets" {
			close(going)
			<-release
		}
		return carryOut()
	})
	var wg sync.WaitGroup
	wg.Go(func() { s.Get(context.Background(), "key") })
	<-going
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := s.Set(ctx, "key", []byte("late")); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Set: %v", err)
	}
	close(release)
	wg.Wait()
	f.reacts(nil)
	wantGone(t, s, "key")
	if got := f.verbs(); got != "gets gets" {
		t.Errorf("the server saw %q", got)
	}
}

// The second request of an operation is not begun either when ctx has ended meanwhile, and leaves its slot to others.
func TestEndedBetweenRequests(t *testing.T) {
	f := newFake(t)
	s := fresh(t, Options{MaxConns: 1}, f.addr)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	item, version, err := s.encode("key", &store.Item{Value: []byte("late")})
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if err := s.put(ctx, "key", item, version); err != context.Canceled {
			t.Errorf("a write whose context has ended: %v", err)
		}
	}
	wantGone(t, s, "key")
	if got := f.verbs(); got != "gets" {
		t.Errorf("the server saw %q", got)
	}
}

// Who sets no deadline waits for a connection for as long as a request may take, and then hears what is wrong.
func TestQueueEnds(t *testing.T) {
	p := testserver.NewProxy(t, testserver.Memcached(t).Addr)
	s := fresh(t, Options{MaxConns: 1}, p.Addr)
	s.client.Timeout, s.patience = 500*time.Millisecond, 50*time.Millisecond
	p.HalfOpen()
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { s.Get(context.Background(), "key") })
	eventually(t, "a request is under way", func() bool { server := first(s); return server != nil && len(server.slots) == 1 })
	if _, err := s.Get(context.Background(), "key"); !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, errBusy) {
		t.Errorf("Get: %v", err)
	}
}

func first(s *Store) *server {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, server := range s.servers {
		return server
	}
	return nil
}
