//go:build unix

package testserver

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(With(m)) }

func TestServers(t *testing.T) {
	for name, start := range map[string]func() *Server{
		"postgres":  func() *Server { return NewPostgres(t) },
		"memcached": func() *Server { return NewMemcached(t) },
		"redis":     func() *Server { return NewRedis(t) },
	} {
		t.Run(name, func(t *testing.T) {
			s := start()
			again := func(what string) {
				t.Helper()
				if err := s.program.ready(s); err != nil {
					t.Fatalf("after %s: %v", what, err)
				}
			}
			gone := func(what string, pid int) {
				t.Helper()
				if err := s.program.ready(s); err == nil {
					t.Errorf("after %s it still answers", what)
				}
				if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
					t.Errorf("after %s its process is still there: %v", what, err)
				}
			}
			s.Pause(t)
			if err := s.program.ready(s); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("paused: %v", err)
			}
			s.Resume(t)
			again("Resume")
			pid := s.Pid()
			s.Kill(t)
			gone("Kill", pid)
			s.Start(t)
			again("Kill and Start")
			pid = s.Pid()
			s.Stop(t)
			gone("Stop", pid)
			s.Start(t)
			again("Stop and Start")
		})
	}
}

func TestCluster(t *testing.T) {
	if nodes := RedisCluster(t); len(nodes) != 6 || nodes[0].Pid() == nodes[5].Pid() {
		t.Errorf("%v", nodes)
	}
}

// A shared server is the same for all, and gone at the end: goleak would see the goroutine that waits for it.
func TestShared(t *testing.T) {
	for _, get := range []func(testing.TB) *Server{Postgres, Memcached, Redis} {
		if get(t) != get(t) {
			t.Error("two servers")
		}
	}
}
