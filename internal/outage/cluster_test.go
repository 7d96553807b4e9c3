package outage

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/redisstore"
	"github.com/larder-go/larder/store"
)

// TestCluster takes one of the three masters of a Redis Cluster away. Only its share of the keys fails, and only until its replica has
// taken over, which nobody tells the store: it finds out within a second, or, where the old master hangs, within that and twice its time-out.
func TestCluster(t *testing.T) {
	t.Parallel()
	var both sync.WaitGroup
	defer both.Wait()
	for _, f := range []fault{{
		name: "paused", hangs: true,
		begin: func(t testing.TB, s *testserver.Server, _ *testserver.Proxy) { s.Pause(t) },
		end:   func(t testing.TB, s *testserver.Server, _ *testserver.Proxy) { s.Resume(t) },
	}, {
		name:  "killed",
		begin: func(t testing.TB, s *testserver.Server, _ *testserver.Proxy) { s.Kill(t) },
		end:   start,
	}} {
		both.Go(func() { t.Run(f.name, func(t *testing.T) { clusterCell(t, f) }) })
	}
}

const shareEnd = 16384/3 - 1 // the last slot of the first master

func clusterCell(t *testing.T, f fault) {
	nodes := testserver.NewRedisCluster(t)
	hosts := make([]string, len(nodes))
	for i, n := range nodes {
		hosts[i] = n.Addr
		c := redis.NewClient(&redis.Options{Addr: n.Addr})
		// Otherwise every server answers CLUSTERDOWN, for all keys, as soon as one share has no master.
		if err := c.ConfigSet(t.Context(), "cluster-require-full-coverage", "no").Err(); err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	s, err := redisstore.OpenURL(t.Context(), &url.URL{Scheme: "redis", Host: strings.Join(hosts, ","), RawQuery: redisParams(sockets, own)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	clock := startControl()
	defer clock.stop()
	l := newLoad(s, "cluster", 4*own, clock, 1)
	l.lost = func(key string) bool { return slot(key) <= shareEnd }
	for i := range l.steady {
		l.steady[i] += fmt.Sprintf("{%d}", i) // which alone says where the key is, whatever the store puts before
	}
	shares := [2]int{}
	for i, w := range l.workers {
		for j, e := range w.entries {
			e.key += fmt.Sprintf("{%d}", i*keysEach+j)
			if l.lost(e.key) {
				shares[0]++
			} else {
				shares[1]++
			}
		}
	}
	if f.hangs { // it may be the paused master that the client asks who has its share now: for a connection, and then for an answer
		l.settles += 2 * own
	}
	if err := l.seed(t.Context()); err != nil {
		t.Fatal(err)
	}
	master := redis.NewClient(&redis.Options{Addr: nodes[0].Addr})
	defer master.Close()
	if n, err := master.Wait(t.Context(), 1, 5*time.Second).Result(); n != 1 || err != nil {
		t.Fatalf("%d replicas have the keys: %v", n, err)
	}
	m := l.run(f, 0, l.settles+recovery, func() { f.begin(t, nodes[0], nil) }, nil, func() { failover(t, nodes) })
	v := l.judge(f, m)
	failed := map[bool]int{}
	for _, w := range l.workers {
		for _, r := range w.records {
			if errors.Is(r.err, store.ErrUnavailable) && r.begin > m.begun && r.end < m.returned {
				failed[r.spared]++
			}
		}
	}
	t.Logf("%v\n%d of %d own keys are the lost master's; its replica took over after %v; in that time %d failed, of other shares %d; machine late by %v at worst",
		v, shares[0], shares[0]+shares[1], round(m.returned-m.begun), failed[false], failed[true], round(clock.worst()))
	for _, wrong := range v.wrong {
		t.Error(wrong)
	}
	if failed[false] == 0 {
		t.Error("nothing failed: this test shows nothing")
	}
	f.end(t, nodes[0], nil) // or it could not be stopped
}

// failover waits until every other master knows that the first one's replica is a master.
func failover(t *testing.T, nodes []*testserver.Server) {
	for _, n := range nodes[1:4] {
		c := redis.NewClient(&redis.Options{Addr: n.Addr})
		eventually(t, 20*time.Second, "taken over by the replica", func() (string, bool) {
			info, err := c.ClusterInfo(context.Background()).Result()
			list, err2 := c.ClusterNodes(context.Background()).Result()
			if err != nil || err2 != nil || !strings.Contains(info, "cluster_state:ok") {
				return fmt.Sprintf("%v, %v: %s", err, err2, info), false
			}
			for line := range strings.Lines(list) {
				const slots = 8 // the first field of a node's share, if it has one
				if fields := strings.Fields(line); len(fields) > slots && strings.HasPrefix(fields[1], nodes[0].Addr+"@") {
					return "the old master still has its share", false
				}
			}
			return "", true
		})
		c.Close()
	}
}

// slot is the one of a key with a hash tag: CRC-16 (XMODEM) of the tag.
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
