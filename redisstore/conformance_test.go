package redisstore

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/internal/traits"
	"github.com/larder-go/larder/store"
	"github.com/larder-go/larder/store/storetest"
)

// lateness is what the package comment allows on a machine that is busy with other tests.
var lateness = traits.Of("redis").Slack

// conformance is what storetest is told of this package. mangle damages a stored string.
func conformance(client redis.UniversalClient, maxValue int, mangle func(stored string) string) storetest.Config {
	limit := func(o *Options) { o.MaxValue = maxValue }
	return storetest.Config{
		New:      func(t *testing.T, e store.Expiry) store.Store { return open(t, client, e, limit) },
		MaxValue: maxValue,
		Slack:    lateness,
		Lacks:    traits.Of("redis").Lacks,
		Reopen: func(t *testing.T, s store.Store) store.Store {
			old := s.(*Store)
			return open(t, client, old.expiry, limit, func(o *Options) { o.Prefix = old.prefix })
		},
		Corrupt: func(t *testing.T, s store.Store, key string) {
			name := s.(*Store).prefix + key
			stored, err := client.Get(t.Context(), name).Result()
			if err == nil {
				err = client.SetArgs(t.Context(), name, mangle(stored), redis.SetArgs{Mode: "XX", KeepTTL: true}).Err()
			}
			if err != nil && err != redis.Nil { // Nil: it has expired
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
	cfg := conformance(newClient(t, server.Addr), 0, rubbish)
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
	storetest.Run(t, conformance(newCluster(t, testserver.RedisCluster(t)), 1_500_000, short))
}

// The default limit is what the table of backends says, and the server takes as much.
func TestLargestValue(t *testing.T) {
	limit := traits.Of("redis").MaxValue
	s := open(t, newClient(t, testserver.Redis(t).Addr), store.Expiry{})
	value := bytes.Repeat([]byte("v"), limit+1)
	mustSet(t, s, "key", "old")
	if err := s.Set(t.Context(), "key", value); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("Set of one byte too many: %v", err)
	}
	if _, err := s.Swap(t.Context(), "key", store.AnyVersion, &store.Item{Value: value}); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("Swap to one byte too many: %v", err)
	}
	wantValue(t, s, "key", "old")
	v, err := s.Swap(t.Context(), "key", store.AnyVersion, &store.Item{Value: value[:limit]})
	if err != nil {
		t.Fatal(err)
	}
	if item, err := store.Peek(t.Context(), s, "key"); err != nil || item.Version != v || !bytes.Equal(item.Value, value[:limit]) {
		t.Errorf("the largest value: %v", err)
	}
	if err := s.Set(t.Context(), "key", value[:limit]); err != nil {
		t.Error(err)
	}
	if err := s.Delete(t.Context(), "key"); err != nil {
		t.Error(err)
	}
}
