package redisstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/internal/record"
	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// operations are all there are, by name.
func operations(s *Store) map[string]func(ctx context.Context) error {
	return map[string]func(ctx context.Context) error{
		"Get":      func(ctx context.Context) error { _, err := s.Get(ctx, "key"); return err },
		"Contains": func(ctx context.Context) error { _, err := s.Contains(ctx, "key"); return err },
		"Load":     func(ctx context.Context) error { _, err := s.Load(ctx, "key"); return err },
		"Peek":     func(ctx context.Context) error { _, err := s.Peek(ctx, "key"); return err },
		"Touch":    func(ctx context.Context) error { return s.Touch(ctx, "key") },
		"Set":      func(ctx context.Context) error { return s.Set(ctx, "key", nil) },
		"Delete":   func(ctx context.Context) error { return s.Delete(ctx, "key") },
		"Swap":     func(ctx context.Context) error { _, err := s.Swap(ctx, "key", store.AnyVersion, nil); return err },
		"Sweep": func(ctx context.Context) error {
			_, err := s.Sweep(ctx, store.SweepOptions{Idle: time.Hour})
			return err
		},
		"Cleanup": func(ctx context.Context) error { _, err := s.Cleanup(ctx, 0); return err },
		"Inspect": func(ctx context.Context) error { _, err := s.Inspect(ctx); return err },
		"List": func(ctx context.Context) error {
			for _, err := range s.List(ctx, "") {
				return err
			}
			return nil
		},
	}
}

// A server that takes everything and answers nothing: whoever cancels is let go at once, whoever has a deadline at that, and whoever has
// neither after the store's own time-out.
func TestHalfOpen(t *testing.T) {
	proxy := testserver.NewProxy(t, testserver.Redis(t).Addr)
	s := openRaw(t, fmt.Sprintf("redis://%s?x-key-prefix=t%d:&x-op-timeout=700ms", proxy.Addr, nextPrefix.Add(1)))
	mustSet(t, s, "key", "value")
	proxy.HalfOpen()
	var wg sync.WaitGroup
	for name, do := range operations(s) {
		for end, begin := range map[string]func() (context.Context, context.CancelFunc){
			"cancel": func() (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(context.Background())
				timer := time.AfterFunc(100*time.Millisecond, cancel)
				return ctx, func() { timer.Stop(); cancel() }
			},
			"deadline": func() (context.Context, context.CancelFunc) {
				return context.WithTimeout(context.Background(), 100*time.Millisecond)
			},
			"nothing": func() (context.Context, context.CancelFunc) { return context.Background(), func() {} },
		} {
			wg.Go(func() {
				ctx, done := begin()
				defer done()
				start := time.Now()
				err := do(ctx)
				took := time.Since(start)
				limit := time.Second // a tenth of one on a machine that has nothing else to do
				if end == "nothing" {
					limit = 5 * time.Second // waiting for a connection, sending, the answer
				}
				if took > limit {
					t.Errorf("%s, ended by %s, returns after %v", name, end, took)
				}
				canceled, late, down := errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, store.ErrUnavailable)
				if canceled != (end == "cancel") || late != (end == "deadline") || down != (end != "cancel") {
					t.Errorf("%s, ended by %s: %v", name, end, err)
				}
			})
		}
	}
	wg.Wait()
	proxy.Pass()
	for giveUp := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err := s.Get(t.Context(), "key"); err == nil || err == store.ErrNotFound {
			break
		} else if time.Now().After(giveUp) {
			t.Fatalf("after the outage: %v", err)
		}
	}
}

// Impatient callers take no more goroutines and connections than the pool has, however often they come back.
func TestImpatientCallers(t *testing.T) {
	proxy := testserver.NewProxy(t, testserver.Redis(t).Addr)
	s := openRaw(t, fmt.Sprintf("redis://%s?x-key-prefix=t%d:&x-pool-size=4&x-op-timeout=2s", proxy.Addr, nextPrefix.Add(1)))
	mustSet(t, s, "key", "value")
	proxy.Delay(100 * time.Millisecond)
	before, accepted := runtime.NumGoroutine(), proxy.Accepted()
	for range 100 {
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
				defer cancel()
				if _, err := s.Get(ctx, "key"); err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Get: %v", err)
				}
			})
		}
		wg.Wait()
		if n := proxy.Conns(); n > 4 {
			t.Fatalf("%d connections; the pool has 4", n)
		}
		// Each of 4 operations under way, and each of the proxy's 4 connections with 3 of its own. Those that wait for a connection go as soon as
		// they hear that nobody waits for them.
		for giveUp := time.Now().Add(5 * time.Second); runtime.NumGoroutine()-before > 4+4*3+8; time.Sleep(time.Millisecond) {
			if time.Now().After(giveUp) {
				t.Fatalf("%d goroutines more than before", runtime.NumGoroutine()-before)
			}
		}
	}
	if n := proxy.Accepted() - accepted; n > 8 {
		t.Errorf("%d connections were opened while the server was slow", n)
	}
	proxy.Pass()
	wantValue(t, s, "key", "value")
}

func TestClosed(t *testing.T) {
	server := testserver.Redis(t)
	client := newClient(t, server.Addr)
	s := open(t, client, store.Expiry{})
	owned := openRaw(t, "redis://"+server.Addr)
	for _, s := range []*Store{s, owned} {
		if err := errors.Join(s.Close(), s.Close()); err != nil {
			t.Error(err)
		}
		for name, do := range operations(s) {
			if err := do(t.Context()); !errors.Is(err, os.ErrClosed) {
				t.Errorf("%s after Close: %v", name, err)
			}
		}
	}
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Errorf("Close has closed the caller's client: %v", err)
	}
	if err := owned.client.Ping(t.Context()).Err(); !errors.Is(err, redis.ErrClosed) {
		t.Errorf("Close has left open what OpenURL opened: %v", err)
	}
	// A client that its owner closed first.
	s = open(t, client, store.Expiry{})
	client.Close()
	for name, do := range operations(s) {
		if err := do(t.Context()); !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s after the client was closed: %v", name, err)
		}
	}
}

// If a connection ever gave the answer to another question, the record's key shows it, and another connection is asked.
func TestAnswerToAnotherQuestion(t *testing.T) {
	client := newClient(t, testserver.Redis(t).Addr)
	s := open(t, client, store.Expiry{})
	mustSet(t, s, "key", "mine")
	other := encode(&record.Record{Key: "another", Value: []byte("somebody else's"), Version: record.NewVersion()}, time.Now().UnixMicro())
	mixed := false
	client.AddHook(hook{func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		err := next(ctx, cmd)
		if c, ok := cmd.(onceString); ok && mixed {
			c.SetVal(string(other))
		}
		return err
	}})
	mixed = true
	wantValue(t, s, "key", "mine")
	mixed = false
	if err := client.Set(t.Context(), s.prefix+"key", other, 0).Err(); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Get(t.Context(), "key"); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("Get of what belongs to another key = %q, %v", got, err)
	}
}

// A Cluster's client asks a server for the slots before its first command. The first caller, too, need not wait for longer than it will.
func TestClusterFirstCallHangs(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close() // it answers nothing until then
		}
	}()
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{l.Addr().String()}, ReadTimeout: 5 * time.Second, MaxRetries: -1})
	defer func() { l.Close(); <-ended; client.Close() }()
	s := open(t, client, store.Expiry{Timeout: time.Hour})
	var wg sync.WaitGroup
	for name, do := range operations(s) {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
			defer cancel()
			begin := time.Now()
			err := do(ctx)
			if took := time.Since(begin); took > 2*time.Second || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s returns after %v: %v", name, took, err)
			}
		})
	}
	wg.Wait()
}
