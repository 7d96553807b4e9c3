package modelcheck

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/dbstore"
	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/memstore"
	"github.com/larder-go/larder/redisstore"
	"github.com/larder-go/larder/store"
)

// servers are the backends behind which real servers stand. The handles of a place have two clients between them.
func servers() []backend {
	return []backend{
		{name: "postgres", net: true, forgets: true, place: placePostgres},
		{name: "memcached", net: true, forgets: true, place: placeMemcached},
		{name: "redis", net: true, forgets: true, place: func(t testing.TB) func() store.Store {
			addr := testserver.Redis(t).Addr
			return placeRedis(t, func() redis.UniversalClient { return redis.NewClient(&redis.Options{Addr: addr}) })
		}},
		{name: "cluster", net: true, forgets: true, place: func(t testing.TB) func() store.Store {
			var addrs []string
			for _, s := range testserver.RedisCluster(t) {
				addrs = append(addrs, s.Addr)
			}
			return placeRedis(t, func() redis.UniversalClient { return redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs}) })
		}},
	}
}

// inTurn returns a function that opens with the first and the second client in turn.
func inTurn[C any](t testing.TB, first, second C, open func(C) (store.Store, error)) func() store.Store {
	clients, n := [2]C{first, second}, 0
	return func() store.Store {
		n++
		s, err := open(clients[n%2])
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

// placePostgres makes a schema.
func placePostgres(t testing.TB) func() store.Store {
	url, schema := testserver.Postgres(t).URL, "model "+rand.Text()[:8]
	dial := func() *pgxpool.Pool {
		pool, err := pgxpool.New(context.Background(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		return pool
	}
	first, second := dial(), dial()
	m, err := dbstore.NewMigrator(first, &dbstore.MigratorOptions{Schema: schema})
	if err == nil {
		_, err = m.Up(context.Background())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := first.Exec(context.Background(), "DROP SCHEMA "+pgx.Identifier{schema}.Sanitize()+" CASCADE"); err != nil {
			t.Log(err)
		}
	})
	return inTurn(t, first, second, func(pool *pgxpool.Pool) (store.Store, error) {
		return dbstore.New(pool, &dbstore.Options{Expiry: Expiry, Schema: schema})
	})
}

// placeMemcached makes up a prefix.
func placeMemcached(t testing.TB) func() store.Store {
	addr, prefix := testserver.Memcached(t).Addr, "model-"+rand.Text()[:8]+":"
	dial := func() *memcache.Client {
		c := memcache.New(addr)
		c.Timeout, c.MaxIdleConns = 10*time.Second, clients // a machine may be busy
		t.Cleanup(func() { c.Close() })
		return c
	}
	return inTurn(t, dial(), dial(), func(c *memcache.Client) (store.Store, error) {
		return memstore.New(c, &memstore.Options{Expiry: Expiry, KeyPrefix: prefix})
	})
}

// placeRedis makes up a prefix.
func placeRedis(t testing.TB, connect func() redis.UniversalClient) func() store.Store {
	prefix := "model-" + rand.Text()[:8] + ":"
	dial := func() redis.UniversalClient {
		c := connect()
		t.Cleanup(func() { c.Close() })
		return c
	}
	return inTurn(t, dial(), dial(), func(c redis.UniversalClient) (store.Store, error) {
		return redisstore.New(c, &redisstore.Options{Expiry: Expiry, Prefix: prefix})
	})
}
