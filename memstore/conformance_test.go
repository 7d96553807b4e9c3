package memstore

import (
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/larder-go/larder/internal/record"
	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/internal/traits"
	"github.com/larder-go/larder/store"
	"github.com/larder-go/larder/store/storetest"
)

// conformance is what storetest is told of this package. Each store is reached through a proxy of its own, so that it can be down while the cases beside
// it go on.
func conformance(mangle func(stored []byte) []byte, servers ...*testserver.Server) storetest.Config {
	row := traits.Of("memcached")
	proxies := make(map[*Store][]*testserver.Proxy)
	var lock = make(chan struct{}, 1)
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
			lock <- struct{}{}
			proxies[s] = mine
			<-lock
			return s
		},
		Timeout:  time.Second,
		Slack:    2 * time.Second,
		MaxValue: row.MaxValue,
		Lacks:    row.Lacks,
		Reopen: func(t *testing.T, s store.Store) store.Store {
			old := s.(*Store)
			var addrs []string
			lock <- struct{}{}
			for _, p := range proxies[old] {
				addrs = append(addrs, p.Addr)
			}
			<-lock
			return again(t, Options{Expiry: old.expiry}, old.prefix, addrs...)
		},
		Down: func(t *testing.T, s store.Store) func() {
			lock <- struct{}{}
			mine := proxies[s.(*Store)]
			<-lock
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

// The same on several servers, with records that are another's rather than rubbish.
func TestConformanceSeveral(t *testing.T) {
	t.Parallel()
	foreign := func(stored []byte) []byte {
		r := record.Record{Key: "another", Value: stored}
		return r.Append(nil)
	}
	storetest.Run(t, conformance(foreign, testserver.Memcached(t), testserver.NewMemcached(t), testserver.NewMemcached(t)))
}
