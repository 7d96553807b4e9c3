package redisstore

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// fieldsBehindProxy returns Fields whose one server can be made to fail. The client is as users have it, with retries and without regard
// for contexts in flight.
func fieldsBehindProxy(t *testing.T) (*Fields, *testserver.Proxy) {
	t.Helper()
	p := testserver.NewProxy(t, testserver.Redis(t).Addr)
	c := redis.NewClient(&redis.Options{Addr: p.Addr, ReadTimeout: 2 * time.Second, DialTimeout: 2 * time.Second, DialerRetries: 1,
		MaxRetryBackoff: time.Millisecond})
	t.Cleanup(func() { c.Close() })
	f := openFields(t, c, FieldsOptions{})
	t.Cleanup(p.Pass)
	f.mustSet(t, "k", "f", "1")
	return f, p
}

// An outage is one, and never a missing entry; the same Fields go on when the server is back.
func TestFieldsOutage(t *testing.T) {
	f, p := fieldsBehindProxy(t)
	for _, call := range everyCall(f) {
		p.Refuse()
		err := call.do(context.Background())
		if !errors.Is(err, store.ErrUnavailable) || strings.Contains(err.Error(), f.prefix) {
			t.Errorf("%s: %v", call.name, err)
		}
		p.Pass()
	}
	untilOK(t, func() error { return f.Touch(t.Context(), "k") })
	p.Reset() // what stood idle in the pool has broken; a read tries again
	f.wants(t, "k", map[string]string{"f": "1"})
}

// A connection that breaks under the record of a use is no reason to withhold what was read: a use may be recorded twice.
func TestFieldsUseIsRepeated(t *testing.T) {
	c := newClient(t, testserver.Redis(t).Addr)
	f := openFields(t, c, FieldsOptions{Expiry: store.Expiry{TouchAfter: -1}})
	f.mustSet(t, "k", "f", "1")
	untilOK(t, func() error { return f.Touch(t.Context(), "k") }) // the server knows the script from now on
	if err := c.PExpire(t.Context(), f.prefix+"k", 30*time.Minute).Err(); err != nil {
		t.Fatal(err)
	}
	sent := loseNext(c, "evalsha", io.EOF)
	if v, err := f.Get(t.Context(), "k", "f"); string(v) != "1" || err != nil || sent.Load() != 2 {
		t.Errorf("Get = %q, %v after %d attempts", v, err, sent.Load())
	}
	sent = loseNext(c, "evalsha", io.EOF)
	if err := f.Set(t.Context(), "k", "f", []byte("2")); !errors.Is(err, store.ErrUnavailable) || sent.Load() != 1 {
		t.Errorf("Set: %v after %d attempts; want one", err, sent.Load())
	}
}

// untilOK tries until there is no error: the client looks for a server that was away once a second.
func untilOK(t *testing.T, try func() error) {
	t.Helper()
	for giveUp := time.Now().Add(20 * time.Second); ; <-time.After(5 * time.Millisecond) {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(giveUp) {
			t.Fatal(err)
		}
	}
}

func TestFieldsContext(t *testing.T) {
	f, p := fieldsBehindProxy(t)
	for _, call := range everyCall(f) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := call.do(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s with a context that has ended: %v", call.name, err)
		}
	}
	f.wants(t, "k", map[string]string{"f": "1"})

	p.HalfOpen()
	for _, call := range everyCall(f) {
		late := until50ms(func() time.Duration {
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
			defer cancel()
			err := call.do(ctx)
			deadline, _ := ctx.Deadline()
			if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("%s until a deadline: %v", call.name, err)
			}
			return time.Since(deadline)
		})
		if late > promptly {
			t.Errorf("%s returned %v after the deadline", call.name, late)
		}
		late = until50ms(func() time.Duration {
			ctx, cancel := context.WithCancel(context.Background())
			canceled := make(chan time.Time, 1)
			time.AfterFunc(20*time.Millisecond, func() { canceled <- time.Now(); cancel() })
			err := call.do(ctx)
			if !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnavailable) {
				t.Errorf("%s that was cancelled: %v", call.name, err)
			}
			return time.Since(<-canceled)
		})
		if late > promptly {
			t.Errorf("%s returned %v after the cancel", call.name, late)
		}
	}
}

// promptly is how soon a call returns after its context has ended.
const promptly = 50 * time.Millisecond

// until50ms is the shortest of a few tries: the machine may be busy.
func until50ms(try func() time.Duration) (late time.Duration) {
	for range 5 {
		if late = try(); late <= promptly {
			break
		}
	}
	return late
}

// A write whose answer does not come is an error, and the client does not send it again behind our backs: when others have written
// meanwhile, that would undo what they wrote.
func TestFieldsSentOnce(t *testing.T) {
	server := testserver.NewRedis(t)
	p := testserver.NewProxy(t, server.Addr)
	direct := openFields(t, newClient(t, server.Addr), FieldsOptions{})
	c := redis.NewClient(&redis.Options{Addr: p.Addr, ReadTimeout: 300 * time.Millisecond, MaxRetries: 3})
	t.Cleanup(func() { c.Close() })
	f := openFields(t, c, FieldsOptions{})
	for _, call := range everyCall(direct) { // the server knows the scripts, for what they say here is nothing
		call.do(t.Context())
	}
	for _, call := range everyCall(f)[4:] {
		p.Pass()
		untilOK(t, func() error { return c.Ping(t.Context()).Err() })
		before := scriptCalls(t, direct)
		p.Delay(5 * time.Second)
		if err := call.do(context.Background()); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s without an answer: %v", call.name, err)
		}
		if n := scriptCalls(t, direct) - before; n != 1 {
			t.Errorf("%s was sent %d times", call.name, n)
		}
	}
	p.Pass()
}

func scriptCalls(t *testing.T, f *Fields) (n int) {
	t.Helper()
	info, err := f.link.client.Info(t.Context(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(info, "cmdstat_evalsha:calls=")
	number, _, _ := strings.Cut(line, ",")
	if n, err = strconv.Atoi(number); err != nil {
		t.Fatal(err)
	}
	return n
}
