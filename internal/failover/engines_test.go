package failover

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/dbstore"
	"github.com/larder-go/larder/internal/testserver"
)

// engine is one that replicates.
type engine struct {
	name  string
	start func(t testing.TB) *cast

	loses   bool // the replica may lack what was acknowledged last
	spares  bool // the primary has a share of the keys only
	planned bool // the old primary is well and goes on, as a replica
}

// cast is an engine that runs.
type cast struct {
	url        string                // as a program has it
	replicated func(t testing.TB)    // returns when the replica has all that was written so far
	away       func(t testing.TB)    // takes the primary away
	writable   func(t testing.TB)    // returns when another has taken its place
	back       func(t testing.TB)    // has the old one run again, if that is done without a hand; nil: it is not
	lost       func(key string) bool // the primary has the key; nil: it has all
}

func engines() []engine {
	return []engine{
		{name: "sentinel", loses: true, start: func(t testing.TB) *cast { return sentinel(t, false) }},
		{name: "sentinel-planned", loses: true, planned: true, start: func(t testing.TB) *cast { return sentinel(t, true) }},
		{name: "cluster", loses: true, spares: true, start: cluster},
		{name: "postgres-async", loses: true, start: func(t testing.TB) *cast { return postgres(t, false) }},
		{name: "postgres-sync", start: func(t testing.TB) *cast { return postgres(t, true) }},
	}
}

// own is the time-out of the stores; a call whose context has no end comes back after a few of them.
const own = time.Second

func sentinel(t testing.TB, planned bool) *cast {
	set := testserver.NewRedisSentinel(t, 1)
	old, next := set.Nodes[0], set.Nodes[1]
	c := &cast{url: fmt.Sprintf("%s&x-op-timeout=%v", set.URL, own)}
	c.replicated = func(t testing.TB) { waitFor(t, old) }
	c.writable = func(t testing.TB) { isMaster(t, next) }
	c.away = func(t testing.TB) { old.Kill(t) }
	c.back = func(t testing.TB) { old.Start(t) } // empty, and a primary, until a Sentinel sees it
	if planned {
		c.away, c.back = func(t testing.TB) { set.Failover(t) }, nil
	}
	return c
}

// waitFor has a Redis server wait until a replica has all that it was told so far.
func waitFor(t testing.TB, s *testserver.Server) {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: s.Addr})
	defer c.Close()
	if err := c.Set(context.Background(), "a word of its own", "", 0).Err(); err != nil && !strings.HasPrefix(err.Error(), "MOVED") {
		t.Fatal(err) // WAIT waits for what its own connection has written
	}
	if n, err := c.Wait(context.Background(), 1, 10*time.Second).Result(); n < 1 || err != nil {
		t.Fatalf("%d replicas have it: %v", n, err)
	}
}

func isMaster(t testing.TB, s *testserver.Server) {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: s.Addr})
	defer c.Close()
	eventually(t, "a master", 30*time.Second, func() (string, bool) {
		info, err := c.Info(context.Background(), "replication").Result()
		return fmt.Sprint(info, err), strings.Contains(info, "role:master")
	})
}

func cluster(t testing.TB) *cast {
	nodes := testserver.NewRedisCluster(t)
	var hosts []string
	for _, n := range nodes {
		hosts = append(hosts, n.Addr)
		c := redis.NewClient(&redis.Options{Addr: n.Addr})
		// Otherwise all of them refuse all keys as soon as one share has no master.
		if err := c.ConfigSet(context.Background(), "cluster-require-full-coverage", "no").Err(); err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	old, next := nodes[0], nodes[3]
	return &cast{
		url: fmt.Sprintf("redis://%s?x-op-timeout=%v", strings.Join(hosts, ","), own),
		replicated: func(t testing.TB) {
			for _, m := range nodes[:3] {
				waitFor(t, m)
			}
		},
		away:     func(t testing.TB) { old.Kill(t) },
		writable: func(t testing.TB) { isMaster(t, next) },
		back:     func(t testing.TB) { old.Start(t) },
		lost:     func(key string) bool { return slot(key) < 16384/3 },
	}
}

func postgres(t testing.TB, synchronous bool) *cast {
	pair := testserver.NewPostgresPair(t, synchronous)
	pool, err := pgxpool.New(context.Background(), pair.Primary.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if err := dbstore.Migrate(context.Background(), pool); err != nil {
		t.Fatal(err)
	}
	return &cast{
		url: fmt.Sprintf("%s&pool_max_conns=8&x-op-timeout=%v", pair.URL, own),
		replicated: func(t testing.TB) {
			at := pair.Primary.Exec(t, "SELECT pg_current_wal_lsn()")
			eventually(t, "replicated", 10*time.Second, func() (string, bool) {
				said := pair.Standby.Exec(t, "SELECT pg_last_wal_replay_lsn() >= '"+at+"'")
				return said, said == "t"
			})
		},
		away:     func(t testing.TB) { pair.Primary.Kill(t) },
		writable: func(t testing.TB) { pair.Promote(t) },
	}
}

// slot is a key's in a Redis Cluster, by its hash tag: CRC-16 (XMODEM) of that.
func slot(key string) int {
	_, tag, _ := strings.Cut(key, "{")
	tag, _, _ = strings.Cut(tag, "}")
	crc := uint16(0)
	for _, b := range []byte(tag) {
		crc ^= uint16(b) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return int(crc % 16384)
}
