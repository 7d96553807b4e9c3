package dbstore

import (
	"errors"
	"os"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/internal/traits"
	"github.com/larder-go/larder/store"
	"github.com/larder-go/larder/store/storetest"
)

// conformance is what storetest is told of this package. The stores of a case are reached through a proxy, so that they can be cut off.
func conformance(l *lab, addr string, o Options, open opener, change ...func(*pgxpool.Config)) storetest.Config {
	var proxies sync.Map // of stores
	return storetest.Config{
		New: func(t *testing.T, e store.Expiry) store.Store {
			o := o
			o.Expiry = e
			proxy := testserver.NewProxy(t, addr)
			o.Schema = l.schema(t, o.Table)
			s := open(t, through(t, l.url, proxy.Addr), o, change...)
			proxies.Store(s, proxy)
			return s
		},
		MaxValue: o.MaxValue,
		Lacks:    traits.Of("postgres").Lacks,
		Reopen: func(t *testing.T, s store.Store) store.Store {
			o := o
			o.Expiry, o.Schema = s.(*Store).expiry, s.(*Store).schema
			return open(t, through(t, l.url, addr), o, change...)
		},
		Down: func(t *testing.T, s store.Store) func() {
			proxy, _ := proxies.Load(s)
			proxy.(*testserver.Proxy).Refuse()
			return proxy.(*testserver.Proxy).Pass
		},
	}
}

func TestConformance(t *testing.T) {
	t.Parallel() // with the other suite and the largest value: all wait for the server
	server := testserver.Postgres(t)
	storetest.Run(t, conformance(newLab(t, server.URL), server.Addr, Options{MaxValue: 4 << 20}, openStore))
}

// The same with a pool of our own, as OpenURL has it: with LARDER_SOAK=1, since each run has that pool go through the suite behind PgBouncer.
func TestConformanceOwn(t *testing.T) {
	if os.Getenv("LARDER_SOAK") == "" {
		t.Skip("LARDER_SOAK=1 runs it; TestConformancePgBouncer is on the same pool")
	}
	t.Parallel()
	server := testserver.Postgres(t)
	storetest.Run(t, conformance(newLab(t, server.URL), server.Addr, Options{MaxValue: 2 << 20}, openOwn))
}

// The limit that the README tells is the one that there is. The suite asks the same of a smaller one, for these are a second's work each.
func TestLargestValue(t *testing.T) {
	t.Parallel()
	s := newTestStore(t, nil)
	limit := traits.Of("postgres").MaxValue
	value := make([]byte, limit+1)
	if err := s.Set(t.Context(), "key", value); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("Set of %d bytes: %v", len(value), err)
	}
	if err := s.Set(t.Context(), "key", value[:limit]); err != nil {
		t.Errorf("Set of %d bytes: %v", limit, err)
	}
	if value, err := s.Get(t.Context(), "key"); len(value) != limit || err != nil {
		t.Errorf("Get: %d bytes, %v", len(value), err)
	}
}
