//go:build unix

package testserver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/larder-go/larder/internal/testneed"
)

func TestMain(m *testing.M) {
	if os.Getenv(envChild) != "" {
		startAndBlock()
	}
	goleak.VerifyTestMain(With(m))
}

const envChild = "LARDER_TESTSERVER_CHILD"

// startAndBlock is a test process that will be killed.
func startAndBlock() {
	s, err := startRedis()
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(s.Pid(), s.dir)
	select {}
}

// A test process that is killed leaves no server and no folder behind.
func TestKilled(t *testing.T) {
	if _, err := find("redis-server"); err != nil {
		testneed.Missing(t, testneed.Redis, "make test installs it")
	}
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), envChild+"=1")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	var dir string
	_, err = fmt.Fscan(out, &pid, &dir)
	child.Process.Kill()
	child.Wait()
	if err != nil {
		t.Fatal(err)
	}
	err = eventually(func() error {
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("the server is still there: %v", err)
		}
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("its folder is still there: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestServers(t *testing.T) {
	for name, start := range map[string]func() *Server{
		"postgres":  func() *Server { return NewPostgres(t) },
		"memcached": func() *Server { return NewMemcached(t) },
		"redis":     func() *Server { return NewRedis(t) },
		"password":  func() *Server { return NewRedis(t, "--requirepass", "secret") },
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
			for range 10 { // at once, with nobody of the last left to be in the way
				s.Kill(t)
				s.Start(t)
			}
			again("more of it")
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
