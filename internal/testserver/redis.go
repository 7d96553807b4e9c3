package testserver

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/larder-go/larder/internal/testneed"
)

const envRedis = "LARDER_TEST_REDIS"

// Redis returns the Redis server that the tests of this process share.
func Redis(t testing.TB) *Server {
	t.Helper()
	return shared.get(t, testneed.Redis, func() (*Server, error) {
		if addr := os.Getenv(envRedis); addr != "" {
			return &Server{URL: "redis://" + addr, Addr: addr}, nil
		}
		return startRedis()
	})
}

// NewRedis starts a Redis server for t alone, with these arguments besides: "--maxmemory", "10mb". It keeps nothing on disk unless they say so.
func NewRedis(t testing.TB, args ...string) *Server {
	t.Helper()
	return own(t, testneed.Redis, func() (*Server, error) { return startRedis(args...) })
}

func startRedis(args ...string) (*Server, error) {
	path, err := find("redis-server")
	if err != nil {
		if path, err = find("valkey-server"); err != nil {
			return nil, missing(err)
		}
	}
	p := program{need: testneed.Redis, stop: "TERM", bus: slices.Contains(args, "--cluster-enabled"), ready: redisReady}
	return newServer(p, func(s *Server) []string {
		s.Socket = filepath.Join(s.dir, "redis.sock")
		return append([]string{path, "--bind", "127.0.0.1", "--port", s.port(), "--unixsocket", s.Socket, "--dir", s.dir,
			"--save", "", "--appendonly", "no"}, args...)
	}, func(s *Server) string {
		return "redis://" + s.Addr
	})
}

// redisReady takes a server that wants a password for one that answers.
func redisReady(s *Server) error {
	if asks(s, "PING\r\n", "-NOAUTH") == nil {
		return nil
	}
	return asks(s, "PING\r\n", "+PONG")
}
