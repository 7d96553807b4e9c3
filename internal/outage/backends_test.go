package outage

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/larder-go/larder/dbstore"
	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/memstore"
	"github.com/larder-go/larder/redisstore"
)

// backends are the stores whose servers can go away.
func backends() []backend {
	return []backend{{
		name: "postgres", open: dbstore.OpenURL, durable: true, cancels: 10,
		givesUp: func(own time.Duration) time.Duration { return own },
		works:   []string{"larder/dbstore.", "jackc/pgx"},
		url: func(addr string, conns int, own time.Duration) string {
			return fmt.Sprintf("postgres://larder@%s/postgres?sslmode=disable&pool_max_conns=%d&x-op-timeout=%v", addr, conns, own)
		},
		server: func(t testing.TB) *testserver.Server {
			s := testserver.NewPostgres(t)
			migrate(t, s)
			return s
		},
	}, {
		name: "memcached", open: memstore.OpenURL, forgets: true, cancels: 25,
		// A write waits until the one before is over, then for a connection, a second longer than for an answer, then for the answer, and
		// where that is lost, it looks what stands there: a connection and an answer once more.
		givesUp: func(own time.Duration) time.Duration { return 5*own + 2*time.Second },
		works:   []string{"larder/memstore.", "bradfitz/gomemcache"},
		url: func(addr string, conns int, own time.Duration) string {
			return fmt.Sprintf("memcached://%s?x-max-conns=%d&x-op-timeout=%v", addr, conns, own)
		},
		server: func(t testing.TB) *testserver.Server { return testserver.NewMemcached(t) },
	}, {
		name: "redis", open: redisstore.OpenURL, durable: true, cancels: 25, memory: true,
		// A connection, and then the answer; for a write, after the one before it on the same key has done the same.
		givesUp: func(own time.Duration) time.Duration { return 4 * own },
		works:   []string{"larder/redisstore.", "redis/go-redis"},
		url: func(addr string, conns int, own time.Duration) string {
			return "redis://" + addr + "?" + redisParams(conns, own)
		},
		// With appendfsync everysec it would acknowledge, while a sync is under way, what is not yet written: even a kill loses that.
		server: func(t testing.TB) *testserver.Server {
			return testserver.NewRedis(t, "--appendonly", "yes", "--appendfsync", "always")
		},
	}}
}

func redisParams(conns int, own time.Duration) string {
	return fmt.Sprintf("x-pool-size=%d&x-op-timeout=%v", conns, own)
}

// migrate makes the table.
func migrate(t testing.TB, s *testserver.Server) {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if err := dbstore.Migrate(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
}
