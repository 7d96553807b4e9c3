package testserver

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/larder-go/larder/internal/testneed"
)

// sentinelMaster is the name by which the Sentinels know the primary.
const sentinelMaster = "larder"

// RedisSentinel is a Redis primary with replicas, and three Sentinels that put a replica in its place when it is gone.
type RedisSentinel struct {
	URL       string    // of the Sentinels, with the parameter x-master
	Nodes     []*Server // the first is the primary at the beginning
	Sentinels []*Server
}

// NewRedisSentinel starts one for t alone, with so many replicas, and these arguments for each server: "--min-replicas-to-write", "1".
// A primary that is silent for a second is taken for dead.
func NewRedisSentinel(t testing.TB, replicas int, args ...string) *RedisSentinel {
	t.Helper()
	var set *RedisSentinel
	own(t, testneed.Redis, func() (_ *Server, err error) {
		if set, err = startSentinel(replicas, args); err != nil {
			return nil, err
		}
		t.Cleanup(func() {
			for _, s := range slices.Concat(set.Sentinels, set.Nodes[1:]) {
				s.close()
			}
		})
		return set.Nodes[0], nil
	})
	return set
}

func startSentinel(replicas int, args []string) (_ *RedisSentinel, err error) {
	set := &RedisSentinel{}
	defer func() {
		if err != nil {
			for _, s := range slices.Concat(set.Sentinels, set.Nodes) {
				s.close()
			}
		}
	}()
	// min-replicas-max-lag counts whole seconds and a replica reports every second: less than 2 would stop writes now and then.
	args = append([]string{"--repl-diskless-sync-delay", "0", "--min-replicas-max-lag", "2"}, args...)
	first, err := startRedis(args...)
	if err != nil {
		return nil, err
	}
	set.Nodes = append(set.Nodes, first)
	host, port, _ := strings.Cut(first.Addr, ":")
	for range replicas {
		s, err := startRedis(append([]string{"--replicaof", host + " " + port}, args...)...)
		if err != nil {
			return nil, err
		}
		set.Nodes = append(set.Nodes, s)
	}
	for _, s := range set.Nodes[1:] {
		if err := eventually(func() error { return follows(s) }); err != nil {
			return nil, err
		}
	}
	set.Sentinels = make([]*Server, 3)
	errs := make([]error, len(set.Sentinels))
	var starts sync.WaitGroup
	for i := range set.Sentinels {
		starts.Go(func() { set.Sentinels[i], errs[i] = startOneSentinel(host, port) })
	}
	starts.Wait()
	var running []*Server
	var addrs []string
	for _, s := range set.Sentinels {
		if s != nil {
			running, addrs = append(running, s), append(addrs, s.Addr)
		}
	}
	set.Sentinels = running
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	set.URL = "redis://" + strings.Join(addrs, ",") + "/0?x-master=" + sentinelMaster
	for _, s := range set.Sentinels {
		want := fmt.Sprintf("status=ok,address=%s,slaves=%d,sentinels=%d", first.Addr, replicas, len(set.Sentinels))
		err := eventually(func() error {
			info, err := answer(s, "INFO sentinel\r\n")
			if err == nil && !strings.Contains(info, want) {
				err = fmt.Errorf("the Sentinel does not know of %s yet: %q", want, info)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return set, nil
}

func startOneSentinel(host, port string) (*Server, error) {
	path, err := find("redis-server")
	if err != nil {
		if path, err = find("valkey-server"); err != nil {
			return nil, missing(err)
		}
	}
	p := program{need: testneed.Redis, stop: "TERM", ready: redisReady}
	p.setup = func(u user, s *Server) error {
		// Its own decisions stand in this file, too: it writes it anew.
		conf := filepath.Join(s.dir, "sentinel.conf")
		text := fmt.Sprintf("sentinel monitor %[1]s %[2]s %[3]s 2\nsentinel down-after-milliseconds %[1]s 1000\nsentinel failover-timeout %[1]s 3000\n",
			sentinelMaster, host, port)
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			return err
		}
		return u.own(conf)
	}
	return newServer(p, func(s *Server) []string {
		s.Socket = filepath.Join(s.dir, "redis.sock")
		return []string{path, filepath.Join(s.dir, "sentinel.conf"), "--sentinel", "--bind", "127.0.0.1", "--port", s.port(),
			"--unixsocket", s.Socket, "--dir", s.dir}
	}, func(s *Server) string { return "redis://" + s.Addr })
}

// follows reports nil once a replica has all that its primary had, and hears of what is new.
func follows(s *Server) error {
	info, err := answer(s, "INFO replication\r\n")
	if err == nil && !strings.Contains(info, "master_link_status:up") {
		err = errors.New("the replica has no link to its primary yet")
	}
	return err
}

// Primary returns the node that says of itself that it takes writes, and that two of the Sentinels name; nil: there is none at the moment.
func (set *RedisSentinel) Primary() *Server {
	for _, s := range set.Nodes {
		if set.named(s) < 2 {
			continue
		}
		if info, err := answer(s, "INFO replication\r\n"); err == nil && strings.Contains(info, "role:master") {
			return s
		}
	}
	return nil
}

// Agree tells whether all Sentinels name s as the primary. Those who did not decide that hear of it within two seconds, and tell clients of the old one
// until then.
func (set *RedisSentinel) Agree(s *Server) bool { return set.named(s) == len(set.Sentinels) }

func (set *RedisSentinel) named(s *Server) (n int) {
	for _, sentinel := range set.Sentinels {
		if info, err := answer(sentinel, "INFO sentinel\r\n"); err == nil && strings.Contains(info, "address="+s.Addr+",") {
			n++
		}
	}
	return n
}

// Failover has the Sentinels put a replica in the place of the primary, which is well, as one does before maintenance.
func (set *RedisSentinel) Failover(t testing.TB) {
	t.Helper()
	s := set.Sentinels[0]
	s.must(t, asks(s, "SENTINEL FAILOVER "+sentinelMaster+"\r\n", "+OK"))
}
