//go:build unix

package testserver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
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

// startAndBlock is a test process that will be killed, with a paused server.
func startAndBlock() {
	start := map[string]func() (*Server, error){
		testneed.Redis:    func() (*Server, error) { return startRedis() },
		testneed.Postgres: func() (*Server, error) { return startPostgres() },
	}[os.Getenv(envChild)]
	s, err := start()
	if err == nil {
		err = s.process.pause(s.program.kids)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(s.Pid(), s.dir)
	select {}
}

// A test process that is killed leaves no server and no folder behind, not even of a server that stands.
func TestKilled(t *testing.T) {
	for need, name := range map[string]string{testneed.Redis: "redis-server", testneed.Postgres: "postgres"} {
		t.Run(need, func(t *testing.T) {
			if _, err := find(name); err != nil {
				testneed.Missing(t, need, "make test installs it")
			}
			killed(t, need)
		})
	}
}

func killed(t *testing.T, need string) {
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), envChild+"="+need)
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
	family := familyOf(t, pid)
	child.Process.Kill()
	child.Wait()
	if err != nil {
		t.Fatal(err)
	}
	err = eventually(func() error {
		if left := left(family); len(left) > 0 {
			return fmt.Errorf("of the server %v are still there", left)
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

// familyOf lists a server and its children.
func familyOf(t *testing.T, pid int) []int {
	t.Helper()
	pids, err := children(pid)
	if err != nil {
		t.Fatal(err)
	}
	return append(pids, pid)
}

// left are those of pids that still run.
func left(pids []int) []int {
	running, err := processes()
	if err != nil {
		return pids
	}
	return slices.DeleteFunc(slices.Clone(pids), func(pid int) bool {
		return !slices.ContainsFunc(running, func(r row) bool { return r.pid == pid })
	})
}

// A server is ended though it is paused, and when Pause returns all its processes stand.
func TestClosePaused(t *testing.T) {
	for name, start := range map[string]func() *Server{
		"postgres":  func() *Server { return NewPostgres(t) },
		"memcached": func() *Server { return NewMemcached(t) },
	} {
		t.Run(name, func(t *testing.T) {
			s := start()
			for range 10 {
				s.Pause(t)
				family := familyOf(t, s.Pid())
				running, err := processes()
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range running {
					if slices.Contains(family, r.pid) && !strings.HasPrefix(r.state, "T") {
						t.Errorf("process %d of a paused server is in state %s", r.pid, r.state)
					}
				}
				s.Resume(t)
			}
			s.Pause(t)
			family := familyOf(t, s.Pid())
			if err := s.close(); err != nil {
				t.Error(err)
			}
			if left := left(family); len(left) > 0 {
				t.Errorf("processes %v are still there", left)
			}
		})
	}
}

// A server that does not heed the signal is killed, and that is told.
func TestStopForced(t *testing.T) {
	t.Parallel() // it takes the ten seconds
	u, err := unprivileged()
	if err != nil {
		t.Skip(err)
	}
	dir, err := tempDir(u)
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	p, err := startProcess(u, dir, "TERM", []string{"/bin/sh", "-c", "trap '' TERM; : >deaf; while :; do sleep 0.1; done"})
	if err != nil {
		t.Fatal(err)
	}
	if err := eventually(func() error { _, err := os.Stat(dir + "/deaf"); return err }); err != nil {
		t.Error(err)
	}
	if err := p.stop(); err == nil || !strings.Contains(err.Error(), "was killed") {
		t.Errorf("stop: %v", err)
	}
}

// Another's memcached at the port is not taken for the one that was started.
func TestForeignMemcached(t *testing.T) {
	first := NewMemcached(t)
	stolen := 0
	second, err := newServer(first.program, func(s *Server) []string {
		args := slices.Clone(first.program.args)
		if stolen++; stolen == 1 {
			s.Addr = first.Addr
		}
		args[slices.Index(args, "-p")+1] = s.port()
		return args
	}, func(s *Server) string { return s.Addr })
	if err != nil {
		t.Fatal(err)
	}
	defer second.close()
	if second.Addr == first.Addr || stolen != 2 {
		t.Errorf("both are at %s after %d tries", first.Addr, stolen)
	}
}

// A node's port leaves room for its bus.
func TestFreeAddr(t *testing.T) {
	for range 50 {
		addr, err := freeAddr(true)
		if err != nil {
			t.Fatal(err)
		}
		s := Server{Addr: addr}
		if port, err := strconv.Atoi(s.port()); err != nil || port >= 55536 {
			t.Errorf("port %d, %v", port, err)
		}
	}
}

func TestVersion(t *testing.T) {
	for path, want := range map[string]int{"/usr/lib/postgresql/9.6/bin/initdb": 9, "/usr/lib/postgresql/15/bin/initdb": 15,
		"/opt/homebrew/opt/postgresql@17/bin/initdb": 17, "/usr/sbin/memcached": 0} {
		if got := version(path); got != want {
			t.Errorf("%s: %d", path, got)
		}
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
		if one, two := get(t), get(t); one != two {
			t.Error("two servers")
		}
	}
}
