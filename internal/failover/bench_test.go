package failover

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/larder-go/larder"
	"github.com/larder-go/larder/dbstore"
	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// BenchmarkDeployments compares the deployments of docs/scaling.md: gets, sets and requests with a session (one load and one save each) per second, by 16
// goroutines. In each of seven rounds each has its turn; the figures are those of its best round, since others use the machine, too. All servers share it
// with the program, and keep what they have in memory: so the rows can be compared, and no figure be taken for that of a machine of one's own.
func BenchmarkDeployments(b *testing.B) {
	const rounds = 7
	all := deployments(b)
	figures := make([][3][]float64, len(all))
	for range b.N {
		for range rounds {
			for i, d := range all {
				for kind, call := range []func(int){d.get, d.set, d.request} {
					figures[i][kind] = append(figures[i][kind], perSecond(call))
				}
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	for i, d := range all {
		for kind, name := range []string{"gets", "sets", "requests"} {
			b.ReportMetric(slices.Max(figures[i][kind]), d.name+"-"+name+"/s")
		}
	}
}

const (
	benchWorkers = 16
	benchTime    = 150 * time.Millisecond
	benchKeys    = 2000
)

// perSecond returns how often it can be called.
func perSecond(call func(worker int)) float64 {
	var n atomic.Int64
	var all sync.WaitGroup
	begun := time.Now()
	for w := range benchWorkers {
		all.Go(func() {
			for time.Since(begun) < benchTime {
				call(w)
				n.Add(1)
			}
		})
	}
	all.Wait()
	return float64(n.Load()) / time.Since(begun).Seconds()
}

type deployment struct {
	name              string
	get, set, request func(worker int)
}

func deployments(b *testing.B) (all []deployment) {
	redis := func() string { return testserver.NewRedis(b).Addr }
	var fleet, shards []string
	for i := range 4 {
		fleet = append(fleet, testserver.NewMemcached(b).Addr)
		shards = append(shards, fmt.Sprintf("node=n%d=%s", i, url.QueryEscape("redis://"+redis())))
	}
	alone := testserver.NewPostgres(b, "fsync=on")
	lazy, strict := testserver.NewPostgresPair(b, false, "fsync=on"), testserver.NewPostgresPair(b, true, "fsync=on")
	for _, s := range []*testserver.Server{alone, lazy.Primary, strict.Primary} {
		pool, err := pgxpool.New(context.Background(), s.URL)
		if err != nil {
			b.Fatal(err)
		}
		if err := dbstore.Migrate(context.Background(), pool); err != nil {
			b.Fatal(err)
		}
		pool.Close()
	}
	cluster := "redis://"
	for i, n := range testserver.NewRedisCluster(b)[:3] {
		cluster += map[bool]string{true: "", false: ","}[i == 0] + n.Addr
	}
	for _, d := range [][2]string{
		{"files", "file://" + b.TempDir()},
		{"bbolt", "bolt://" + b.TempDir() + "/store.db"},
		{"postgres", alone.URL + "?pool_max_conns=16"},
		{"postgres-async", lazy.URL + "&pool_max_conns=16"},
		{"postgres-sync", strict.URL + "&pool_max_conns=16"},
		{"redis", "redis://" + redis()},
		{"sentinel", testserver.NewRedisSentinel(b, 1).URL},
		{"cluster", cluster},
		{"memcached", "memcached://" + testserver.NewMemcached(b).Addr},
		{"fleet-4", "memcached://" + fleet[0] + "," + fleet[1] + "," + fleet[2] + "," + fleet[3]},
		{"shards-4", "shard:?" + shards[0] + "&" + shards[1] + "&" + shards[2] + "&" + shards[3]},
	} {
		all = append(all, deploy(b, d[0], d[1]))
	}
	return all
}

// deploy opens a store with entries and sessions in it.
func deploy(b *testing.B, name, rawURL string) deployment {
	s, err := larder.Open(context.Background(), rawURL)
	if err != nil {
		b.Fatal(name, ": ", err)
	}
	b.Cleanup(func() { s.Close() })
	key := func(i int) string { return fmt.Sprintf("bench-%d", i) }
	value := make([]byte, 600)
	for i := range benchKeys {
		if err := s.Set(context.Background(), key(i), value); err != nil {
			b.Fatal(name, ": ", err)
		}
	}
	handler := site(b, s)
	visitors := make([]*user, benchWorkers)
	for i := range visitors {
		visitors[i] = &user{site: handler, name: fmt.Sprintf("user-%d", i), rng: rand.New(rand.NewPCG(1, uint64(i))), faults: newFaults()}
		if err := visitors[i].login(); err != nil {
			b.Fatal(name, ": ", err)
		}
	}
	must := func(err error) {
		if err != nil {
			b.Error(name, ": ", err)
		}
	}
	return deployment{name: name,
		get: func(int) {
			_, err := store.Store(s).Get(context.Background(), key(rand.IntN(benchKeys)))
			must(err)
		},
		set:     func(int) { must(s.Set(context.Background(), key(rand.IntN(benchKeys)), value)) },
		request: func(w int) { must(visitors[w].visit()) },
	}
}
