package dbstore

import (
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/internal/traits"
	"github.com/larder-go/larder/store"
	"github.com/larder-go/larder/store/storetest"
)

// conformance is what storetest is told of this package. The stores of a case are reached through a proxy, so that they can be cut off.
func conformance(t *testing.T, server *testserver.Server, o Options, change ...func(*pgxpool.Config)) storetest.Config {
	trait := traits.Of("postgres")
	var proxies sync.Map // of stores
	return storetest.Config{
		New: func(t *testing.T, e store.Expiry) store.Store {
			o := o
			o.Expiry = e
			o.Schema = newSchema(t, server.URL, o.Table)
			proxy := testserver.NewProxy(t, server.Addr)
			s := newStoreAt(t, through(t, server.URL, proxy.Addr), &o, change...)
			proxies.Store(s, proxy)
			return s
		},
		MaxValue: o.MaxValue,
		Lacks:    trait.Lacks,
		Reopen: func(t *testing.T, s store.Store) store.Store {
			o := o
			o.Expiry, o.Schema = s.(*Store).expiry, s.(*Store).schema
			return newStoreAt(t, server.URL, &o, change...)
		},
		Down: func(t *testing.T, s store.Store) func() {
			proxy, _ := proxies.Load(s)
			proxy.(*testserver.Proxy).Refuse()
			return proxy.(*testserver.Proxy).Pass
		},
	}
}

func TestConformance(t *testing.T) {
	server := testserver.Postgres(t)
	storetest.Run(t, conformance(t, server, Options{MaxValue: traits.Of("postgres").MaxValue}))
}
