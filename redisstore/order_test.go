package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// A write that its caller gives up is held up on its way to the server. The caller's next write of that key waits for it, and is the last;
// other keys do not wait.
func TestGivenUpWriteComesFirst(t *testing.T) {
	client := newClient(t, testserver.Redis(t).Addr)
	s := open(t, client, store.Expiry{})
	mustSet(t, s, "key", "first")
	held, release := make(chan string, 8), make(chan struct{})
	hold := true
	var mu sync.Mutex
	client.AddHook(hook{func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		mu.Lock()
		mine := hold && (cmd.Name() == "set" || cmd.Name() == "del")
		mu.Unlock()
		if mine {
			held <- cmd.Name()
			<-release
			return next(context.WithoutCancel(ctx), cmd)
		}
		return next(ctx, cmd)
	}})
	ctx, cancel := context.WithCancel(t.Context())
	results := make(chan error, 2)
	go func() { results <- s.Set(ctx, "key", []byte("given up")) }()
	go func() { results <- s.Delete(ctx, "key") }()
	<-held
	<-held
	cancel()
	for range 2 {
		if err := <-results; !errors.Is(err, context.Canceled) {
			t.Errorf("%v; want context.Canceled", err)
		}
	}
	mu.Lock()
	hold = false
	mu.Unlock()
	mustSet(t, s, "another key", "value")
	for what, do := range map[string]func(ctx context.Context) error{
		"Set":    func(ctx context.Context) error { return s.Set(ctx, "key", nil) },
		"Swap":   func(ctx context.Context) error { _, err := s.Swap(ctx, "key", store.AnyVersion, nil); return err },
		"Delete": func(ctx context.Context) error { return s.Delete(ctx, "key") },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		if err := do(ctx); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s while a write of the key is on its way: %v", what, err)
		}
		cancel()
	}
	go func() { results <- s.Set(t.Context(), "key", []byte("last")) }()
	close(release)
	if err := <-results; err != nil {
		t.Error(err)
	}
	wantValue(t, s, "key", "last")
	nothingLate(t, s)
}

// nothingLate waits until no write is waited for.
func nothingLate(t *testing.T, s *Store) {
	t.Helper()
	for giveUp := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		s.late.mu.Lock()
		some, keys := s.late.some.Load(), len(s.late.over)
		s.late.mu.Unlock()
		if some == 0 && keys == 0 {
			return
		}
		if time.Now().After(giveUp) {
			t.Errorf("%d writes of %d keys are still waited for", some, keys)
			return
		}
	}
}

// Many writes are cancelled at all sorts of moments: what was said to be written stands.
func TestCancelledWrites(t *testing.T) {
	proxy := testserver.NewProxy(t, testserver.Redis(t).Addr)
	s := openRaw(t, fmt.Sprintf("redis://%s?x-key-prefix=t%d:", proxy.Addr, nextPrefix.Add(1)))
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			key := strconv.Itoa(w)
			for round := range 200 {
				value := strconv.Itoa(round)
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(round%40)*10*time.Microsecond)
				err := s.Set(ctx, key, []byte(value))
				cancel()
				if err != nil {
					err = s.Set(t.Context(), key, []byte(value))
				}
				if err != nil {
					t.Error(err)
				}
				wantValue(t, s, key, value)
			}
		})
	}
	wg.Wait()
	nothingLate(t, s)
}

// A network swallows a write, and its caller gives up. When the network is sound again, only that key waits, and no longer than for the time-out.
func TestSwallowedWriteHoldsItsKey(t *testing.T) {
	proxy := testserver.NewProxy(t, testserver.Redis(t).Addr)
	s := openRaw(t, fmt.Sprintf("redis://%s?x-key-prefix=t%d:&x-op-timeout=1s", proxy.Addr, nextPrefix.Add(1)))
	mustSet(t, s, "key", "before")
	proxy.HalfOpen()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	begin := time.Now()
	err := s.Set(ctx, "key", []byte("swallowed"))
	cancel()
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	proxy.Pass()
	if err := s.Set(t.Context(), "key", []byte("after")); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("the key could be written again after %v; the time-out is 1 s", took)
	}
	wantValue(t, s, "key", "after")
	nothingLate(t, s)
}
