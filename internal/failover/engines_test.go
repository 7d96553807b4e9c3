package failover

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/dbstore"
	"github.com/larder-go/larder/internal/testserver"
)

// engine is one that replicates, and the way in which its primary goes.
type engine struct {
	name  string
	start func(t testing.TB) *cast

	severed bool // the replica lacks what was acknowledged last, and nothing can be done about that
	loses   bool // it may lack something
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
		{name: "sentinel", severed: true, loses: true, start: func(t testing.TB) *cast { return sentinel(t, killed) }},
		{name: "sentinel-hung", loses: true, start: func(t testing.TB) *cast { return sentinel(t, hung) }},
		{name: "sentinel-planned", loses: true, planned: true, start: func(t testing.TB) *cast { return sentinel(t, planned) }},
		{name: "sentinel-planned-paused", planned: true, start: func(t testing.TB) *cast { return sentinel(t, paused) }},
		{name: "cluster", loses: true, start: func(t testing.TB) *cast { return cluster(t, killed) }},
		{name: "cluster-planned", planned: true, start: func(t testing.TB) *cast { return cluster(t, planned) }},
		{name: "postgres-async", severed: true, loses: true, start: func(t testing.TB) *cast { return postgres(t, killed, false) }},
		{name: "postgres-sync", start: func(t testing.TB) *cast { return postgres(t, killed, true) }},
		{name: "postgres-hung", start: func(t testing.TB) *cast { return postgres(t, hung, true) }},
		{name: "postgres-planned", planned: true, start: func(t testing.TB) *cast { return postgres(t, planned, false) }},
	}
}

// end is how a primary goes.
type end int

const (
	killed  end = iota // by SIGKILL, and what it had sent to its replica in the last moments is lost with it
	hung               // it takes connections, and does not answer
	planned            // somebody wants to mend the machine, and does it as the manual says
	paused             // he has writes wait before that
)

const (
	// own is the time-out of the stores; a call whose context has no end comes back after a few of them.
	own = time.Second

	// unsent is how long the primary goes on without its network to the replica before it is killed: a machine that dies takes along what it had
	// not sent yet, while here the kernel would deliver it.
	unsent = 30 * time.Millisecond
)

// cut ends a primary and its link to the replica.
func cut(t testing.TB, how end, primary *testserver.Server, link *testserver.Proxy) {
	if how == planned {
		primary.Stop(t) // PostgreSQL sends its standby all that it has before it ends
		return
	}
	link.HalfOpen()
	if how == hung {
		primary.Pause(t)
		link.Sever()
		return
	}
	<-time.After(unsent)
	primary.Kill(t)
	link.Sever()
}

func sentinel(t testing.TB, how end) *cast {
	set := testserver.NewRedisSentinel(t, 1)
	old, next := set.Nodes[0], set.Nodes[1]
	c := &cast{url: fmt.Sprintf("%s&x-op-timeout=%v", set.URL, own)}
	c.replicated = func(t testing.TB) { waitFor(t, old) }
	if how == planned || how == paused {
		c.away = func(t testing.TB) {
			if how == paused {
				redisDo(t, old, "client", "pause", 5000, "write")
				redisDo(t, old, "wait", 1, 5000)
			}
			set.Failover(t)
		}
		c.writable = func(t testing.TB) { named(t, set, next) }
		return c
	}
	link := testserver.NewProxy(t, old.Addr)
	host, port, _ := net.SplitHostPort(link.Addr)
	redisDo(t, next, "replicaof", host, port) // Sentinels bear with that for eight seconds
	eventually(t, "linked", 10*time.Second, func() (string, bool) {
		info := redisDo(t, next, "info", "replication")
		return info, strings.Contains(info, "master_link_status:up")
	})
	c.away = func(t testing.TB) {
		if how == hung { // there is a Sentinel on that machine, the one that the program knows
			talksTo(t, set.Sentinels).Pause(t)
		}
		cut(t, how, old, link)
	}
	c.writable = func(t testing.TB) { isMaster(t, next) }
	c.back = func(t testing.TB) { // a primary still, or again and empty, until a Sentinel sees it
		if how == hung {
			old.Resume(t)
			return
		}
		old.Start(t)
	}
	return c
}

// named returns when the Sentinels name next as the primary, and nobody is connected to another who is not one of them.
func named(t testing.TB, set *testserver.RedisSentinel, next *testserver.Server) {
	t.Helper()
	eventually(t, "the primary", 30*time.Second, func() (string, bool) {
		now := set.Primary()
		return fmt.Sprint(now), now == next
	})
}

// talksTo returns the Sentinel from which a program has its news.
func talksTo(t testing.TB, sentinels []*testserver.Server) *testserver.Server {
	t.Helper()
	for _, s := range sentinels {
		for client := range strings.Lines(redisDo(t, s, "client", "list")) {
			if strings.Contains(client, " sub=2 ") { // Sentinels hear of each other by one channel of a primary
				return s
			}
		}
	}
	t.Fatal("the program talks to no Sentinel")
	return nil
}

func redisDo(t testing.TB, s *testserver.Server, args ...any) string {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: s.Addr})
	defer c.Close()
	said, err := c.Do(context.Background(), args...).Result()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(said)
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
	eventually(t, "a master", 30*time.Second, func() (string, bool) {
		info := redisDo(t, s, "info", "replication")
		return info, strings.Contains(info, "role:master")
	})
}

func cluster(t testing.TB, how end) *cast {
	nodes := testserver.NewRedisCluster(t)
	var hosts []string
	for _, n := range nodes {
		hosts = append(hosts, n.Addr)
		redisDo(t, n, "config", "set", "cluster-require-full-coverage", "no") // or all refuse all keys as soon as one share has no master
	}
	old, next := nodes[0], nodes[3]
	c := &cast{
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
	if how == planned {
		c.away, c.back = func(t testing.TB) { redisDo(t, next, "cluster", "failover") }, nil
	}
	return c
}

func postgres(t testing.TB, how end, synchronous bool) *cast {
	pair := testserver.NewPostgresPair(t, synchronous, "wal_retrieve_retry_interval=500ms") // a promotion may wait for one, of 5 s unless set
	link := testserver.NewProxy(t, pair.Primary.Addr)
	host, port, _ := net.SplitHostPort(link.Addr)
	pair.Standby.Exec(t, fmt.Sprintf("ALTER SYSTEM SET primary_conninfo = 'host=%s port=%s user=larder application_name=linked'", host, port))
	pair.Standby.Exec(t, "SELECT pg_reload_conf()")
	eventually(t, "linked", 10*time.Second, func() (string, bool) {
		said := pair.Primary.Exec(t, "SELECT string_agg(application_name || ' ' || state || ' ' || sync_state, ',') FROM pg_stat_replication")
		return said, strings.HasPrefix(said, "linked streaming ") && strings.HasSuffix(said, " sync") == synchronous
	})
	pool, err := pgxpool.New(context.Background(), pair.Primary.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if err := dbstore.Migrate(context.Background(), pool); err != nil {
		t.Fatal(err)
	}
	c := &cast{
		url: fmt.Sprintf("%s&pool_max_conns=8&x-op-timeout=%v", pair.URL, own),
		replicated: func(t testing.TB) {
			at := pair.Primary.Exec(t, "SELECT pg_current_wal_lsn()")
			eventually(t, "replicated", 10*time.Second, func() (string, bool) {
				said := pair.Standby.Exec(t, "SELECT pg_last_wal_replay_lsn() >= '"+at+"'")
				return said, said == "t"
			})
		},
		away:     func(t testing.TB) { cut(t, how, pair.Primary, link) },
		writable: pair.Promote,
	}
	if how == hung { // nobody has seen to it that it is dead, and it goes on as the primary that it was
		c.back = func(t testing.TB) { pair.Primary.Resume(t) }
	}
	return c
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
