package session_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/larder-go/larder/dbstore"
	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/memstore"
	"github.com/larder-go/larder/redisstore"
	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
)

// patience is how long the stores, and saves, wait for an answer: a save comes with a deadline, which counts in place of x-op-timeout with Postgres.
const patience = time.Second

// servers are the stores whose network can fail.
var servers = map[string]struct {
	start func(t testing.TB) *testserver.Server
	open  store.Opener
	url   string // with the address in it
}{
	"postgres": {func(t testing.TB) *testserver.Server {
		s := testserver.NewPostgres(t)
		pool, err := pgxpool.New(t.Context(), s.URL)
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		if err := dbstore.Migrate(t.Context(), pool); err != nil {
			t.Fatal(err)
		}
		return s
	}, dbstore.OpenURL, "postgres://larder@%s/postgres?sslmode=disable&pool_max_conns=8&x-op-timeout=1s"},
	"memcached": {func(t testing.TB) *testserver.Server { return testserver.NewMemcached(t) }, memstore.OpenURL, "memcached://%s?x-op-timeout=1s"},
	"redis":     {func(t testing.TB) *testserver.Server { return testserver.NewRedis(t) }, redisstore.OpenURL, "redis://%s?x-op-timeout=1s"},
}

// networks are the ways in which it fails. Where some calls may still succeed, an answer other than 503 must be a whole one.
var networks = []struct {
	name  string
	begin func(p *testserver.Proxy)
	end   func(p *testserver.Proxy)
	total bool
}{
	{"refusing", (*testserver.Proxy).Refuse, (*testserver.Proxy).Pass, true},
	{"half-open", (*testserver.Proxy).HalfOpen, (*testserver.Proxy).Pass, true},
	{"half-open, old connections stay dead", (*testserver.Proxy).HalfOpen, (*testserver.Proxy).Sever, true},
	{"slow", func(p *testserver.Proxy) { p.Delay(3 * patience) }, (*testserver.Proxy).Pass, true},
	{"reset", (*testserver.Proxy).Reset, (*testserver.Proxy).Pass, false},
	{"a byte at a time", func(p *testserver.Proxy) { p.Slice(1) }, (*testserver.Proxy).Pass, false},
}

// TestOutageOfServers: logged-in and other visitors while the network of a real store fails in every way: no cookie is set or cleared, no session
// is begun, whoever needs his session gets 503, whoever needs none notices nothing, and afterwards every cookie is good at once.
func TestOutageOfServers(t *testing.T) {
	noLeaks(t)
	for name, b := range servers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy := testserver.NewProxy(t, b.start(t).Addr)
			s, err := store.Mux{name: b.open}.Open(t.Context(), fmt.Sprintf(b.url, proxy.Addr))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			th := staging{under: s, options: session.Options{Devices: true, SaveTimeout: patience}}.open(t, visits)
			var visitors []*visitor
			for i := range 4 {
				v := th.known()
				if i%2 == 0 {
					if a := v.get("/login"); a.status != 200 {
						t.Fatal(a)
					}
				}
				visitors = append(visitors, v)
			}
			for i, n := range networks {
				if testing.Short() && i > 1 {
					break
				}
				t.Run(n.name, func(t *testing.T) {
					n.begin(proxy)
					th.duringOutage(t, visitors, n.total)
					n.end(proxy)
					th.afterOutage(t, visitors)
				})
			}
		})
	}
}

func (th *theater) duringOutage(t *testing.T, visitors []*visitor, total bool) {
	begun := time.Now()
	var calm atomic.Int64 // requests that need no session, and were not held up
	var all sync.WaitGroup
	over := make(chan bool)
	all.Go(func() {
		for {
			select {
			case <-over:
				return
			case <-time.After(5 * time.Millisecond): // or it would take the processor from those whom it is beside
			}
			at := time.Now()
			for _, v := range []*visitor{{th: th, value: visitors[0].value}, th.visitor()} {
				if a := v.get("/none"); a.status != 200 || len(a.cookies) > 0 {
					t.Errorf("no session is needed: %+v", a)
				}
			}
			if time.Since(at) < patience/2 {
				calm.Add(1)
			}
		}
	})
	var some sync.WaitGroup
	for i, v := range visitors {
		some.Go(func() {
			for _, path := range []string{"/set", "/read"} {
				cookie := v.value
				a := v.get(path)
				if err := a.isDown(); err != nil && (total || a.status != 200) {
					t.Errorf("%s: %v", path, err)
				}
				if a.status == 200 && path == "/read" && !strings.HasPrefix(a.body, fmt.Sprintf(`"yes" true false %q`, []string{"ann", ""}[i%2])) {
					t.Errorf("another session: %q", a.body)
				}
				if v.value != cookie {
					t.Errorf("%s: the cookie was changed", path)
				}
			}
		})
	}
	if total {
		if a := th.visitor().get("/set"); a.isDown() != nil {
			t.Errorf("a first session: %v", a.isDown())
		}
	}
	some.Wait()
	close(over)
	all.Wait()
	t.Logf("%d requests that need a session took %v, and %d that need none went on beside them", 2*len(visitors), time.Since(begun).Round(time.Millisecond), 2*calm.Load())
	if calm.Load() == 0 && time.Since(begun) > patience {
		t.Error("who needs no session was held up by those who do")
	}
}

// afterOutage wants every cookie good again. What was on its way when the network came back may still fail.
func (th *theater) afterOutage(t *testing.T, visitors []*visitor) {
	back := time.Now()
	failed := 0
	for i, v := range visitors {
		cookie := v.value
		waitFor(t, "the session", func() bool {
			a := v.get("/read")
			if a.status != http.StatusOK {
				failed++
				if err := a.isDown(); err != nil {
					t.Error(err)
				}
				return false
			}
			if want := fmt.Sprintf(`"yes" true false %q`, []string{"ann", ""}[i%2]); !strings.HasPrefix(a.body, want) {
				t.Errorf("it is another session: %q", a.body)
			}
			return true
		})
		if v.value != cookie {
			t.Error("the cookie was changed")
		}
		waitFor(t, "a save", func() bool { return v.get("/set").status == 200 })
	}
	t.Logf("every session was there %v after the network, after %d reads that failed", time.Since(back).Round(time.Millisecond), failed)
}
