package testserver

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/internal/testneed"
)

const envMemcached = "LARDER_TEST_MEMCACHED"

// Memcached returns the memcached server that the tests of this process share.
func Memcached(t testing.TB) *Server {
	t.Helper()
	return shared.get(t, testneed.Memcached, func() (*Server, error) {
		if addr := os.Getenv(envMemcached); addr != "" {
			return &Server{URL: "memcached://" + addr, Addr: addr}, nil
		}
		return startMemcached()
	})
}

// NewMemcached starts a memcached server for t alone, with these arguments besides, but none for its port. With "-s" and a path it listens
// there only.
func NewMemcached(t testing.TB, args ...string) *Server {
	t.Helper()
	return own(t, testneed.Memcached, func() (*Server, error) { return startMemcached(args...) })
}

// NewMemcachedAt starts one at host:port for t alone, for tests of what a port means: 127.0.0.2:11211 is this machine's on Linux. Where somebody else
// has the port on all addresses, t fails.
func NewMemcachedAt(t testing.TB, addr string) *Server {
	t.Helper()
	return own(t, testneed.Memcached, func() (*Server, error) { return startMemcachedAt(addr) })
}

func startMemcached(args ...string) (*Server, error) { return startMemcachedAt("", args...) }

func startMemcachedAt(addr string, args ...string) (*Server, error) {
	path, err := find("memcached")
	if err != nil {
		return nil, missing(err)
	}
	p := program{need: testneed.Memcached, addr: addr, stop: "TERM", ready: memcachedReady}
	for i, arg := range args {
		if arg == "-s" && i+1 < len(args) {
			p.setup = func(_ user, s *Server) error {
				s.Socket = args[i+1]
				s.URL = "memcached+unix://" + s.Socket
				return nil
			}
		}
	}
	return newServer(p, func(s *Server) []string {
		return append([]string{path, "-l", s.host(), "-p", s.port(), "-U", "0", "-m", "256", "-c", "4096"}, args...)
	}, func(s *Server) string {
		return "memcached://" + s.Addr
	})
}

// memcachedReady takes nobody else for the server, who may have taken its port a moment before: that one's connections end there too.
func memcachedReady(s *Server) error {
	return asks(s, "stats\r\n", fmt.Sprintf("STAT pid %d\r\n", s.Pid()))
}

// asks sends a line and wants an answer that begins so.
func asks(s *Server, question, want string) error {
	network, addr := "tcp", s.Addr
	if s.Socket != "" {
		network, addr = "unix", s.Socket
	}
	c, err := net.DialTimeout(network, addr, time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Second))
	if _, err := c.Write([]byte(question)); err != nil {
		return err
	}
	answer, err := bufio.NewReader(c).ReadString('\n')
	if err == nil && !strings.HasPrefix(answer, want) {
		err = fmt.Errorf("it answers %q", answer)
	}
	return err
}
