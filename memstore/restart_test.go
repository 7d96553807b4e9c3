package memstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

func isOutage(err error) bool {
	return errors.Is(err, store.ErrUnavailable) && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, context.DeadlineExceeded)
}

// busy opens many connections, all of which are idle afterwards.
func busy(t *testing.T, s *Store) {
	t.Helper()
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			for i := range 10 {
				if err := s.Set(context.Background(), fmt.Sprint("key ", i), []byte("value")); err != nil {
					t.Errorf("Set: %v", err)
				}
			}
		})
	}
	wg.Wait()
}

// After a restart every connection of the pool is dead, and no read is told so.
func TestRestart(t *testing.T) {
	t.Parallel()
	server := testserver.NewMemcached(t)
	s := open(t, server.URL+"?x-timeout=1h&x-op-timeout=5s")
	for range 3 {
		busy(t, s)
		server.Kill(t)
		if _, err := s.Get(context.Background(), "key 1"); !isOutage(err) {
			t.Errorf("Get of a server that is gone: %v", err)
		}
		if err := s.Set(context.Background(), "key 1", nil); !isOutage(err) {
			t.Errorf("Set to a server that is gone: %v", err)
		}
		server.Start(t)
		var wg sync.WaitGroup
		for range 32 {
			wg.Go(func() {
				for i := range 10 {
					if _, err := s.Get(context.Background(), fmt.Sprint("key ", i)); err != store.ErrNotFound {
						t.Errorf("Get after the restart: %v", err)
					}
				}
			})
		}
		wg.Wait()
	}
}

// The same where nobody has asked while the server was away, so that all connections still seem to be good, and where all are reset at once. A store
// that was opened by URL looks at them before it sends anything, so its writes are not told either.
func TestRestartUnseen(t *testing.T) {
	t.Parallel()
	server := testserver.NewMemcached(t)
	p := testserver.NewProxy(t, server.Addr)
	for name, c := range map[string]struct {
		s      *Store
		writes bool
		cut    func()
	}{
		"direct, own client": {fresh(t, Options{Expiry: store.Expiry{Timeout: time.Hour}}, server.Addr), false, func() { server.Kill(t); server.Start(t) }},
		"proxy, own client":  {fresh(t, Options{Expiry: store.Expiry{Timeout: time.Hour}}, p.Addr), false, p.Reset},
		"direct":             {open(t, server.URL+"?x-timeout=1h&x-op-timeout=5s"), runtime.GOOS != "windows", func() { server.Kill(t); server.Start(t) }},
		"proxy":              {open(t, "memcached://"+p.Addr+"?x-timeout=1h&x-op-timeout=5s"), runtime.GOOS != "windows", p.Reset},
	} {
		for range 2 {
			busy(t, c.s)
			<-time.After(2 * pause) // the connections rest
			c.cut()
			var wg sync.WaitGroup
			for i := range 64 {
				wg.Go(func() {
					if c.writes && i%2 == 0 {
						if err := c.s.Set(context.Background(), fmt.Sprint("key ", i), []byte("value")); err != nil {
							t.Errorf("%s: Set after the restart: %v", name, err)
						}
						return
					}
					if _, err := c.s.Contains(context.Background(), "key 2"); err != nil {
						t.Errorf("%s: Contains after the restart: %v", name, err)
					}
				})
			}
			wg.Wait()
			c.s.Contains(context.Background(), "key")
		}
	}
}

// A server that breaks each new connection is an outage, is not asked three times for ever, and is forgiven at once.
func TestHopeless(t *testing.T) {
	p := testserver.NewProxy(t, testserver.Memcached(t).Addr)
	s := fresh(t, Options{}, p.Addr)
	set(t, s, "key", "value")
	p.Refuse()
	for range 20 {
		if _, err := s.Get(context.Background(), "key"); !isOutage(err) {
			t.Errorf("Get: %v", err)
		}
		if err := s.Set(context.Background(), "key", nil); !isOutage(err) {
			t.Errorf("Set: %v", err)
		}
	}
	if n := p.Accepted(); n > 70 { // 3 + 19 reads, 20 writes, and a look after each
		t.Errorf("%d connections for 40 requests", n)
	}
	p.Pass()
	want(t, s, "key", "value")
	if first(s).hopeless.Load() {
		t.Error("the server is not forgiven")
	}
}

// The answer to somebody else's question, and a record under a name that is not its own, are never returned.
func TestForeignAnswers(t *testing.T) {
	f := newFake(t)
	s := fresh(t, Options{}, f.addr)
	set(t, s, "mine", "mine")
	set(t, s, "yours", "yours")
	yours := s.name("yours")
	once := true
	f.reacts(func(c command, carryOut func() string) string {
		if once && c.verb == "gets" {
			once = false
			c.key = yours
			return f.do(c)
		}
		return carryOut()
	})
	want(t, s, "mine", "mine")
	f.mu.Lock()
	f.items[s.name("mine")] = f.items[yours]
	f.mu.Unlock()
	f.seen()
	if value, err := s.Get(context.Background(), "mine"); !errors.Is(err, store.ErrCorrupt) || value != nil {
		t.Errorf("Get of another's record = %q, %v", value, err)
	}
	if got := f.verbs(); got != "gets gets" {
		t.Errorf("that was %q", got)
	}
}

// A server may say anything. None of it is an entry, or absent, or shown.
func TestStrangeAnswers(t *testing.T) {
	f := newFake(t)
	s := fresh(t, Options{Expiry: store.Expiry{Timeout: time.Hour}}, f.addr)
	set(t, s, "SecretKey", "value")
	for answer, target := range map[string]error{
		"ERROR\r\n": store.ErrUnavailable,
		"SERVER_ERROR out of memory storing object\r\n":     store.ErrUnavailable,
		"SERVER_ERROR object too large for cache\r\n":       store.ErrTooLarge,
		"CLIENT_ERROR unauthenticated\r\n":                  store.ErrUnavailable,
		"CLIENT_ERROR bad command line SecretKey\r\n":       store.ErrUnavailable,
		"VALUE SecretKey\r\n":                               store.ErrUnavailable,
		"VALUE SecretKey 0 x\r\n":                           store.ErrUnavailable,
		"VALUE SecretKey 0 5\r\nSecretKey value\r\nEND\r\n": store.ErrUnavailable,
		"HTTP/1.1 400 Bad Request\r\n\r\n":                  store.ErrUnavailable,
		"\r\n":                                              store.ErrUnavailable,
		"":                                                  store.ErrUnavailable,
	} {
		f.reacts(func(command, func() string) string { return answer })
		_, get := s.Get(context.Background(), "SecretKey")
		_, swap := s.Swap(context.Background(), "SecretKey", "", &store.Item{})
		for op, err := range map[string]error{"Get": get, "Set": s.Set(context.Background(), "SecretKey", nil), "Delete": s.Delete(context.Background(), "SecretKey"), "Swap": swap} {
			if !errors.Is(err, target) || errors.Is(err, store.ErrNotFound) || strings.Contains(err.Error(), "SecretKey") {
				t.Errorf("%s, answered by %q: %v", op, answer, err)
			}
		}
	}
}

// The errors of the system and of the client.
func TestCauses(t *testing.T) {
	refused := fresh(t, Options{}, "127.0.0.1:1")
	if err := refused.Set(context.Background(), "key", nil); !isOutage(err) || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("refused: %v", err)
	}
	none := fresh(t, Options{})
	if err := none.Delete(context.Background(), "key"); !isOutage(err) {
		t.Errorf("no servers: %v", err)
	}
	slow := fresh(t, Options{}, "127.0.0.1:1")
	slow.client.Timeout = 20 * time.Millisecond
	slow.client.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Err: ctx.Err()}
	}
	if _, err := slow.Get(context.Background(), "key"); !isOutage(err) {
		t.Errorf("a dial that takes too long: %v", err)
	}
	slow.client.DialContext = func(context.Context, string, string) (net.Conn, error) { return nil, io.ErrUnexpectedEOF }
	if _, err := slow.Get(context.Background(), "key"); !isOutage(err) {
		t.Errorf("a dial that fails in its own way: %v", err)
	}
}
