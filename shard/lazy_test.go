package shard_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
)

// gate is the opener of nodes that are down, or hang, for as long as a test likes. It keeps what was opened, so that each can be counted.
type gate struct {
	mu     sync.Mutex
	err    map[string]error         // by host: what opening it says
	hangs  map[string]chan struct{} // by host: closed when it goes on
	closed map[string]int
	tries  atomic.Int64
	expiry map[string]store.Expiry
	maps   map[string]*store.Map // by host: what is opened, where it is not a new one
}

func newGate() *gate {
	return &gate{
		err: map[string]error{}, hangs: map[string]chan struct{}{}, closed: map[string]int{}, expiry: map[string]store.Expiry{}, maps: map[string]*store.Map{},
	}
}

type gated struct {
	*store.Map
	g    *gate
	host string
}

func (s gated) Close() error {
	s.g.mu.Lock()
	defer s.g.mu.Unlock()
	s.g.closed[s.host]++
	return nil
}

func (g *gate) open(ctx context.Context, u *url.URL) (store.Closer, error) {
	g.tries.Add(1)
	g.mu.Lock()
	err, hang, e, m := g.err[u.Host], g.hangs[u.Host], g.expiry[u.Host], g.maps[u.Host]
	g.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-ctx.Done():
			return nil, store.Wrap("gate", "open", ctx.Err())
		}
	}
	if err != nil {
		return nil, store.Wrap("gate", "open", err)
	}
	if m == nil {
		m = store.NewMap(&store.MapOptions{Expiry: e})
	}
	return gated{m, g, u.Host}, nil
}

func (g *gate) set(host string, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.err[host] = err
}

// hang lets an opening of host wait until the returned function is called.
func (g *gate) hang(host string) (goOn func()) {
	c := make(chan struct{})
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hangs[host] = c
	return sync.OnceFunc(func() {
		g.mu.Lock()
		delete(g.hangs, host)
		g.mu.Unlock()
		close(c)
	})
}

func (g *gate) closes() (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.closed {
		n += c
	}
	return n
}

func (g *gate) openShard(ctx context.Context, more ...string) (store.Closer, error) {
	mux := store.Mux{"gate": g.open}
	mux["shard"] = shard.Open(mux)
	return mux.Open(ctx, shardURL([]string{"gate://a", "gate://b", "gate://c"}, more...))
}

// mustOpen opens nodes a, b and c.
func (g *gate) mustOpen(t *testing.T) opened {
	t.Helper()
	s, err := g.openShard(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s.(opened)
}

var errOff = fmt.Errorf("%w: it is off", store.ErrUnavailable)

// TestOpenLater: a node that is down keeps nobody waiting, is tried at most every second, by those who need it, and is there when it is.
func TestOpenLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		g.set("b", errOff)
		s := g.mustOpen(t)
		set(t, s, keyOn(s, "a", 1), "v")
		if tries := g.tries.Load(); tries != 3 {
			t.Errorf("%d openings", tries)
		}
		if !store.CanSwap(s) || !store.CanList(s) || !store.CanSweep(s) {
			t.Error("what a node cannot do is not known before it is open")
		}
		for range 100 {
			_, err := s.Get(t.Context(), keyOn(s, "b", 1))
			wantNodeError(t, err, "b", store.ErrUnavailable)
			time.Sleep(50 * time.Millisecond)
		}
		if tries := g.tries.Load(); tries < 3+4 || tries > 3+6 {
			t.Errorf("%d openings in 5 s", tries)
		}
		g.set("b", nil)
		time.Sleep(time.Second)
		set(t, s, keyOn(s, "b", 1), "v")
		want(t, s, keyOn(s, "b", 1), "v")
		if err := s.Close(); err != nil || g.closes() != 3 {
			t.Errorf("Close: %v, %d closed", err, g.closes())
		}
	})
}

// TestOpenHangs: a node that does not answer does not keep the URL from being opened, and who needs it waits as long as his own context allows.
func TestOpenHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		goOn := g.hang("b")
		begin := time.Now()
		s := g.mustOpen(t)
		if took := time.Since(begin); took > 200*time.Millisecond {
			t.Errorf("opened after %v", took)
		}
		key := keyOn(s, "b", 1)
		begin = time.Now()
		set(t, s, keyOn(s, "a", 1), "v")
		if time.Since(begin) > 0 {
			t.Error("a waits for b")
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err := s.Get(ctx, key)
		wantNodeError(t, err, "b", store.ErrUnavailable)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != 100*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		_, err = s.Get(t.Context(), key) // it is let alone for a second
		wantNodeError(t, err, "b", store.ErrUnavailable)
		time.Sleep(time.Second)

		tries := g.tries.Load()
		var all sync.WaitGroup
		ctx, cancel = context.WithCancel(t.Context())
		all.Go(func() { // begins the attempt, and goes away
			_, err := s.Get(ctx, key)
			if !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnavailable) {
				t.Errorf("cancelled: %v", err)
			}
		})
		synctest.Wait()
		for range 10 {
			all.Go(func() {
				if _, err := s.Get(t.Context(), key); err != store.ErrNotFound {
					t.Errorf("with others: %v", err)
				}
			})
		}
		synctest.Wait()
		cancel()
		synctest.Wait()
		goOn()
		all.Wait()
		if n := g.tries.Load() - tries; n != 1 {
			t.Errorf("%d openings for eleven who wait", n)
		}
		s.Close()
	})
}

// TestOpenCancelled: who gives up says nothing of the node: the next one tries again at once.
func TestOpenCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		g.set("b", errOff)
		s := g.mustOpen(t)
		defer s.Close()
		key := keyOn(s, "b", 1)
		time.Sleep(time.Second)
		g.set("b", nil)
		goOn := g.hang("b")
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		if _, err := s.Get(ctx, key); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		goOn()
		if _, err := s.Get(t.Context(), key); err != store.ErrNotFound {
			t.Errorf("after somebody else has cancelled: %v", err)
		}
	})
}

// TestCloseWhileOpening: Close ends the attempt, and whoever waits is told that it is closed.
func TestCloseWhileOpening(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		g.set("b", errOff)
		s := g.mustOpen(t)
		key := keyOn(s, "b", 1)
		time.Sleep(time.Second)
		g.hang("b")
		var waiting sync.WaitGroup
		waiting.Go(func() {
			if _, err := s.Get(t.Context(), key); !errors.Is(err, os.ErrClosed) {
				t.Errorf("while it is closed: %v", err)
			}
		})
		synctest.Wait()
		if err := s.Close(); err != nil || g.closes() != 2 {
			t.Errorf("Close: %v, %d closed", err, g.closes())
		}
		waiting.Wait()
		if _, err := s.Get(t.Context(), key); !errors.Is(err, os.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		if err := s.Close(); err != nil || g.closes() != 2 {
			t.Errorf("a second Close: %v, %d closed", err, g.closes())
		}
	})
}

// TestOpenFails: a node that is wrong rather than down fails the opening; so do all if all are down. What was opened is closed.
func TestOpenFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		g.set("b", errors.New("wrong password"))
		_, err := g.openShard(t.Context())
		if err == nil || !strings.Contains(err.Error(), "wrong password (node b)") || g.closes() != 2 {
			t.Errorf("%v, %d closed", err, g.closes())
		}
		for _, host := range []string{"a", "b", "c"} {
			g.set(host, errOff)
		}
		_, err = g.openShard(t.Context())
		if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "(nodes a, b, c)") {
			t.Errorf("all down: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := g.openShard(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	})
}

// TestOpenExpiry: the nodes agree on when entries are forgotten, also one that is opened later.
func TestOpenExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hour, minute := store.Expiry{Timeout: time.Hour}, store.Expiry{Timeout: time.Minute}
		g := newGate()
		g.expiry["a"], g.expiry["b"], g.expiry["c"] = hour, hour, minute
		if _, err := g.openShard(t.Context()); !errors.Is(err, store.ErrInvalidURL) || !strings.Contains(err.Error(), "the same x-timeout") {
			t.Errorf("two time-outs: %v", err)
		}
		g.expiry["c"] = store.Expiry{Timeout: time.Hour, TouchAfter: time.Second}
		if _, err := g.openShard(t.Context()); !errors.Is(err, store.ErrInvalidURL) || !strings.Contains(err.Error(), "the same x-touch-after") {
			t.Errorf("two slacks: %v", err)
		}
		g.expiry["c"] = minute
		g.set("c", errOff)
		s := g.mustOpen(t)
		defer s.Close()
		if e, err := store.ExpiryOf(s); e.Timeout != time.Hour || err != nil {
			t.Errorf("%v, %v", e, err)
		}
		g.set("c", nil)
		time.Sleep(time.Second)
		if err := s.Set(t.Context(), keyOn(s, "c", 1), nil); !errors.Is(err, store.ErrInvalidURL) || !strings.Contains(err.Error(), "time-outs") {
			t.Errorf("a late node with another time-out: %v", err)
		}
	})
}
