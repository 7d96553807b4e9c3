package redisstore

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/internal/traits"
	"github.com/larder-go/larder/store"
	"github.com/larder-go/larder/store/storetest"
)

// lateness is what the package comment allows: two milliseconds, and one for those that the test itself counts.
const lateness = 3 * time.Millisecond

// conformance is what storetest is told of this package. mangle damages a stored string.
func conformance(t *testing.T, client redis.UniversalClient, mangle func(stored string) string) storetest.Config {
	return storetest.Config{
		New:   func(t *testing.T, e store.Expiry) store.Store { return open(t, client, e) },
		Slack: lateness,
		Lacks: traits.Of("redis").Lacks,
		Reopen: func(t *testing.T, s store.Store) store.Store {
			old := s.(*Store)
			return open(t, client, old.expiry, func(o *Options) { o.Prefix = old.prefix })
		},
		Corrupt: func(t *testing.T, s store.Store, key string) {
			name := s.(*Store).prefix + key
			stored, err := client.Get(t.Context(), name).Result()
			if err == nil {
				err = client.Set(t.Context(), name, mangle(stored), redis.KeepTTL).Err()
			}
			if err != nil {
				t.Fatal(err)
			}
		},
	}
}

func rubbish(string) string      { return "rubbish" }
func short(stored string) string { return stored[:len(stored)-1] }

// Each store has a client of its own, opened by URL, over a proxy that can fail.
func TestConformance(t *testing.T) {
	server := testserver.Redis(t)
	var mu sync.Mutex
	proxies := map[store.Store]*testserver.Proxy{}
	cfg := conformance(t, newClient(t, server.Addr), rubbish)
	cfg.New = func(t *testing.T, e store.Expiry) store.Store {
		proxy := testserver.NewProxy(t, server.Addr)
		s := openRaw(t, fmt.Sprintf("redis://%s?x-key-prefix=t%d:&x-timeout=%v&x-touch-after=%v", proxy.Addr, nextPrefix.Add(1), e.Timeout, e.TouchAfter))
		mu.Lock()
		defer mu.Unlock()
		proxies[s] = proxy
		return s
	}
	cfg.Down = func(t *testing.T, s store.Store) func() {
		mu.Lock()
		defer mu.Unlock()
		proxies[s].Refuse()
		return proxies[s].Pass
	}
	storetest.Run(t, cfg)
}

func TestConformanceCluster(t *testing.T) {
	storetest.Run(t, conformance(t, newCluster(t, testserver.RedisCluster(t)), short))
}
