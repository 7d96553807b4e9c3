package memstore

import (
	"os"
	"sync"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/larder-go/larder/internal/record"
	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/internal/traits"
	"github.com/larder-go/larder/store"
	"github.com/larder-go/larder/store/storetest"
)

// conformance is what storetest is told of this package. Each store is reached through a proxy of its own, so that it can be down while
// the cases beside it go on.
func conformance(mangle func(stored []byte) []byte, servers ...*testserver.Server) storetest.Config {
	row := traits.Of("memcached")
	var mu sync.Mutex
	proxies := make(map[*Store][]*testserver.Proxy)
	of := func(s store.Store) []*testserver.Proxy {
		mu.Lock()
		defer mu.Unlock()
		return proxies[s.(*Store)]
	}
	return storetest.Config{
		New: func(t *testing.T, e store.Expiry) store.Store {
			var addrs []string
			var mine []*testserver.Proxy
			for _, server := range servers {
				p := testserver.NewProxy(t, server.Addr)
				mine = append(mine, p)
				addrs = append(addrs, p.Addr)
			}
			s := fresh(t, Options{Expiry: e}, addrs...)
			mu.Lock()
			defer mu.Unlock()
			proxies[s] = mine
			return s
		},
		Timeout:  time.Second,
		Slack:    2 * time.Second,
		MaxValue: row.MaxValue,
		Lacks:    row.Lacks,
		Reopen: func(t *testing.T, s store.Store) store.Store {
			old := s.(*Store)
			var addrs []string
			for _, p := range of(s) {
				addrs = append(addrs, p.Addr)
			}
			return again(t, Options{Expiry: old.expiry}, old.prefix, addrs...)
		},
		Down: func(t *testing.T, s store.Store) func() {
			mine := of(s)
			for _, p := range mine {
				p.Refuse()
			}
			return func() {
				for _, p := range mine {
					p.Pass()
				}
			}
		},
		Corrupt: func(t *testing.T, s store.Store, key string) {
			rewrite(t, s.(*Store), key, mangle)
		},
	}
}

// rewrite puts what mangle makes of it in place of what is stored under key, past the store.
func rewrite(t testing.TB, s *Store, key string, mangle func(stored []byte) []byte) {
	t.Helper()
	item, err := s.client.Get(s.name(key))
	if err == nil {
		err = s.client.Set(&memcache.Item{Key: item.Key, Value: mangle(item.Value), Expiration: int32(s.idle)})
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, conformance(func([]byte) []byte { return []byte("rubbish") }, testserver.Memcached(t)))
}

// The same on several servers, with records that are another's rather than rubbish. It takes half a minute, most of which it waits.
func TestConformanceSeveral(t *testing.T) {
	if os.Getenv("LARDER_SOAK") == "" {
		t.Skip("the suite on several servers runs with LARDER_SOAK=1")
	}
	t.Parallel()
	foreign := func(stored []byte) []byte {
		r := record.Record{Key: "another", Value: stored}
		return r.Append(nil)
	}
	storetest.Run(t, conformance(foreign, testserver.Memcached(t), testserver.NewMemcached(t), testserver.NewMemcached(t)))
}
