package redisstore

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testserver.With(m)) }

// newClient connects to one server as OpenURL would.
func newClient(t testing.TB, addr string) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: addr, PoolSize: 20, Protocol: 2})
	t.Cleanup(func() { c.Close() })
	return c
}

func newCluster(t testing.TB, nodes []*testserver.Server) *redis.ClusterClient {
	t.Helper()
	var addrs []string
	for _, n := range nodes {
		addrs = append(addrs, n.Addr)
	}
	c := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs, PoolSize: 20, Protocol: 2})
	t.Cleanup(func() { c.Close() })
	return c
}

// nextPrefix counts the stores of this process: tests that share a server keep apart by prefix.
var nextPrefix atomic.Int64

// open opens an empty store on client.
func open(t testing.TB, client redis.UniversalClient, e store.Expiry, change ...func(*Options)) *Store {
	t.Helper()
	o := &Options{Expiry: e, Prefix: fmt.Sprintf("t%d:", nextPrefix.Add(1))}
	for _, f := range change {
		f(o)
	}
	s, err := New(client, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// openRaw opens a store by URL.
func openRaw(t testing.TB, raw string) *Store {
	t.Helper()
	mux := store.Mux{"redis": OpenURL, "rediss": OpenURL, "redis+unix": OpenURL}
	s, err := mux.Open(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s.(*Store)
}

// onBoth runs a test against one server and against a Cluster.
func onBoth(t *testing.T, test func(t *testing.T, client redis.UniversalClient)) {
	t.Helper()
	t.Run("single", func(t *testing.T) { test(t, newClient(t, testserver.Redis(t).Addr)) })
	t.Run("cluster", func(t *testing.T) { test(t, newCluster(t, testserver.RedisCluster(t))) })
}

// noSecrets fails where an error shows what it must not.
func noSecrets(t *testing.T, err error, secrets ...string) {
	t.Helper()
	for _, secret := range secrets {
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("the error shows %q: %v", secret, err)
		}
	}
}

func mustSet(t testing.TB, s *Store, key, value string) {
	t.Helper()
	if err := s.Set(context.Background(), key, []byte(value)); err != nil {
		t.Fatal(err)
	}
}

func wantValue(t testing.TB, s *Store, key, want string) {
	t.Helper()
	if got, err := s.Get(context.Background(), key); err != nil || string(got) != want {
		t.Errorf("Get = %q, %v; want %q", got, err, want)
	}
}
