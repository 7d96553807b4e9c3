package testserver

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larder-go/larder/internal/testneed"
)

const slots = 16384 // of a Redis Cluster

// RedisCluster returns the nodes of the Redis Cluster that the tests of this process share: three masters, then a replica of each.
func RedisCluster(t testing.TB) []*Server {
	t.Helper()
	first := shared.get(t, "cluster", func() (*Server, error) {
		nodes, err := startCluster()
		if err != nil {
			return nil, err
		}
		for _, s := range nodes[1:] {
			shared.keep(s)
		}
		shared.cluster = nodes
		return nodes[0], nil
	})
	_ = first
	return shared.cluster
}

// NewRedisCluster starts a cluster for t alone.
func NewRedisCluster(t testing.TB) []*Server {
	t.Helper()
	var nodes []*Server
	own(t, testneed.Redis, func() (_ *Server, err error) {
		if nodes, err = startCluster(); err != nil {
			return nil, err
		}
		for _, s := range nodes[1:] {
			t.Cleanup(func() { s.close() })
		}
		return nodes[0], nil
	})
	return nodes
}

func startCluster() (_ []*Server, err error) {
	nodes := make([]*Server, 6)
	defer func() {
		if err != nil {
			for _, s := range nodes {
				if s != nil {
					s.close()
				}
			}
		}
	}()
	var starts sync.WaitGroup
	errs := make([]error, len(nodes))
	for i := range nodes {
		starts.Go(func() {
			nodes[i], errs[i] = startRedis("--cluster-enabled", "yes", "--cluster-node-timeout", "2000",
				"--cluster-replica-validity-factor", "0", "--repl-diskless-sync-delay", "0")
		})
	}
	starts.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for i, s := range nodes {
		if i < 3 {
			first, last := i*slots/3, (i+1)*slots/3-1
			if err := asks(s, fmt.Sprintf("CLUSTER ADDSLOTSRANGE %d %d\r\n", first, last), "+OK"); err != nil {
				return nil, err
			}
		}
		if err := asks(s, fmt.Sprintf("CLUSTER SET-CONFIG-EPOCH %d\r\n", i+1), "+OK"); err != nil {
			return nil, err
		}
		if i > 0 {
			host, port, _ := strings.Cut(nodes[0].Addr, ":")
			if err := asks(s, fmt.Sprintf("CLUSTER MEET %s %s\r\n", host, port), "+OK"); err != nil {
				return nil, err
			}
		}
	}
	for i := range 3 {
		id, err := answer(nodes[i], "CLUSTER MYID\r\n")
		if err != nil {
			return nil, err
		}
		if err := eventually(func() error { return asks(nodes[i+3], "CLUSTER REPLICATE "+id+"\r\n", "+OK") }); err != nil {
			return nil, err
		}
	}
	for i, s := range nodes {
		if err := eventually(func() error { return joined(s, i >= 3) }); err != nil {
			return nil, err
		}
	}
	return nodes, nil
}

// joined reports nil once s knows all the others and, as a replica, follows its master.
func joined(s *Server, replica bool) error {
	info, err := answer(s, "CLUSTER INFO\r\n")
	if err != nil {
		return err
	}
	for _, want := range []string{"cluster_state:ok", "cluster_slots_ok:16384", "cluster_known_nodes:6", "cluster_size:3"} {
		if !strings.Contains(info, want) {
			return fmt.Errorf("no %s yet", want)
		}
	}
	nodes, err := answer(s, "CLUSTER NODES\r\n")
	if err != nil {
		return err
	}
	if n := strings.Count(nodes, "slave "); n != 3 {
		return fmt.Errorf("%d replicas are known", n)
	}
	if !replica {
		return nil
	}
	role, err := answer(s, "INFO replication\r\n")
	if err == nil && !strings.Contains(role, "master_link_status:up") {
		err = errors.New("the replica has no link yet")
	}
	return err
}

func eventually(do func() error) error {
	for giveUp := time.Now().Add(startTime); ; time.Sleep(20 * time.Millisecond) {
		err := do()
		if err == nil || time.Now().After(giveUp) {
			return err
		}
	}
}
