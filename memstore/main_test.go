package memstore

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
	"go.uber.org/goleak"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testserver.With(m)) }

// open opens a store by URL, and closes it at the end.
func open(t testing.TB, url string) *Store {
	t.Helper()
	mux := store.Mux{"memcached": OpenURL, "memcached+unix": OpenURL}
	s, err := mux.Open(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s.(*Store)
}

// fresh opens a store in the servers at addrs, under a prefix that nobody else uses, so it is empty.
func fresh(t testing.TB, o Options, addrs ...string) *Store {
	t.Helper()
	return again(t, o, "test-"+rand.Text()[:8]+":", addrs...)
}

// again opens a store under a prefix that is known.
func again(t testing.TB, o Options, prefix string, addrs ...string) *Store {
	t.Helper()
	o.KeyPrefix = prefix
	servers := new(memcache.ServerList)
	if err := servers.SetServers(addrs...); err != nil {
		t.Fatal(err)
	}
	if o.Selector == nil {
		o.Selector = servers
	}
	client := memcache.NewFromSelector(servers)
	client.MaxIdleConns, client.Timeout = defaultMaxConns, 5*time.Second // a machine may be busy
	s, err := New(client, &o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		client.Close()
	})
	return s
}

// plain is a bare client of the server at addr, to go past a store.
func plain(t testing.TB, addr string) *memcache.Client {
	t.Helper()
	client := memcache.New(addr)
	client.Timeout = 5 * time.Second
	t.Cleanup(func() { client.Close() })
	return client
}

func set(t testing.TB, s *Store, key, value string) {
	t.Helper()
	if err := s.Set(context.Background(), key, []byte(value)); err != nil {
		t.Fatalf("Set: %v", err)
	}
}

func want(t testing.TB, s *Store, key, value string) {
	t.Helper()
	if got, err := s.Get(context.Background(), key); err != nil || string(got) != value {
		t.Errorf("Get = %.60q, %v; want %.60q", got, err, value)
	}
}

func wantGone(t testing.TB, s *Store, key string) {
	t.Helper()
	if got, err := s.Get(context.Background(), key); err != store.ErrNotFound {
		t.Errorf("Get = %.60q, %v; want ErrNotFound", got, err)
	}
}

// eventually polls ok until it holds or a generous time has passed.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("not within 20 s: %s", what)
		}
		<-time.After(2 * time.Millisecond)
	}
}
