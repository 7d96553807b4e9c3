package testserver

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/internal/testneed"
)

// NewTwemproxy starts a twemproxy (nutcracker) for t alone, with one pool that spreads keys over memcached servers by this hash and this distribution.
// Servers are as its configuration has them: "host:port:weight", with the name that is hashed behind a space where there is one.
func NewTwemproxy(t testing.TB, hash, distribution string, servers ...string) *Server {
	t.Helper()
	return own(t, testneed.Twemproxy, func() (*Server, error) { return startTwemproxy(hash, distribution, servers) })
}

func startTwemproxy(hash, distribution string, servers []string) (*Server, error) {
	path, err := find("nutcracker")
	if err != nil {
		return nil, missing(err)
	}
	stats, err := freeAddr(false)
	if err != nil {
		return nil, err
	}
	host, port, _ := net.SplitHostPort(stats)
	// Nobody else's pool has this name: whoever tells of it is this process.
	pool := "larder-" + strings.ToLower(rand.Text()[:12])
	p := program{need: testneed.Twemproxy, stop: "TERM"}
	p.ready = func(s *Server) error { return twemproxyReady(s, stats, pool) }
	return newServer(p, func(s *Server) []string {
		// Written here, as the address may be another at the next attempt. What cannot be written, the program cannot read, and says so.
		os.WriteFile(s.in("nutcracker.yml"), []byte(twemproxyConf(pool, s.Addr, hash, distribution, servers)), 0o644)
		return []string{path, "-c", s.in("nutcracker.yml"), "-o", s.in("log"), "-p", s.in("pid"), "-a", host, "-s", port}
	}, func(s *Server) string {
		return "memcached://" + s.Addr
	})
}

func twemproxyConf(pool, addr, hash, distribution string, servers []string) string {
	conf := fmt.Sprintf("%s:\n  listen: %s\n  hash: %s\n  distribution: %s\n  timeout: %d\n  servers:\n",
		pool, addr, hash, distribution, startTime.Milliseconds())
	for _, server := range servers {
		conf += "   - " + server + "\n"
	}
	return conf
}

// in is the path of a file in the server's folder.
func (s *Server) in(name string) string { return filepath.Join(s.dir, name) }

// twemproxyReady asks where it tells of its pools, and then whether clients are listened to: the second comes later.
func twemproxyReady(s *Server, stats, pool string) error {
	c, err := net.DialTimeout("tcp", stats, time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Second))
	told, err := io.ReadAll(c)
	if err == nil && !strings.Contains(string(told), pool) {
		err = errors.New("it knows nothing of the pool")
	}
	if err != nil {
		return err
	}
	client, err := net.DialTimeout("tcp", s.Addr, time.Second)
	if err != nil {
		return err
	}
	return client.Close()
}
