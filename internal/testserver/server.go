package testserver

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Server is a server that this process started, or one that the environment names: that one has nothing but its addresses.
type Server struct {
	URL    string // as larder.Open takes it, without parameters
	Addr   string // host:port, on loopback
	Socket string // path of a unix socket, "" where there is none

	program program
	dir     string // everything that the server writes
	process *process
}

// program is how one kind of server is started and asked.
type program struct {
	need  string // its name in package testneed
	args  []string
	addr  string                        // host:port; "": a port of loopback that is free
	stop  string                        // the signal that ends it, by name
	ready func(s *Server) error         // nil: it answers
	bus   bool                          // a node of a Redis Cluster: it takes a second port
	kids  bool                          // it works in processes of its own, which signals must reach
	setup func(u user, s *Server) error // before the first start
}

const startTime = 20 * time.Second // a machine may be busy

// newServer starts a server in a new folder.
func newServer(p program, args func(s *Server) []string, url func(s *Server) string) (_ *Server, err error) {
	u, err := unprivileged()
	if err != nil {
		return nil, err
	}
	dir, err := tempDir(u)
	if err != nil {
		return nil, err
	}
	s := &Server{program: p, dir: dir}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	for range 3 { // somebody else may take the port before the server does
		if s.Addr = p.addr; s.Addr == "" {
			if s.Addr, err = freeAddr(p.bus); err != nil {
				return nil, err
			}
		}
		s.program.args = args(s)
		s.URL = url(s)
		if p.setup != nil {
			if err = p.setup(u, s); err != nil {
				return nil, err
			}
			s.program.setup, p.setup = nil, nil
		}
		if err = s.start(u); err == nil {
			return s, nil
		}
	}
	return nil, err
}

// tempDir is short, since the path of a unix socket has about a hundred bytes, and in memory where that is to be had.
func tempDir(u user) (string, error) {
	parent := "/dev/shm"
	if _, err := os.Stat(parent); err != nil {
		parent = ""
	}
	dir, err := os.MkdirTemp(parent, "lt")
	if err != nil {
		return "", err
	}
	if err := u.own(dir); err != nil {
		os.Remove(dir)
		return "", err
	}
	return dir, nil
}

// busAbove is how far above its port a node of a Redis Cluster listens for the others.
const busAbove = 10000

// freeAddr finds a port that nobody has, with bus one that leaves room for that of the bus.
func freeAddr(bus bool) (string, error) {
	for range 1000 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", err
		}
		defer l.Close() // at the end, or the kernel may offer it again
		if !bus || busFree(l.Addr().(*net.TCPAddr).Port+busAbove) {
			return l.Addr().String(), nil
		}
	}
	return "", errors.New("no port is free with the one that is 10000 above it")
}

func busFree(port int) bool {
	if port > 65535 {
		return false
	}
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return false
	}
	l.Close()
	return true
}

func (s *Server) port() string {
	_, port, _ := net.SplitHostPort(s.Addr)
	return port
}

func (s *Server) host() string {
	host, _, _ := net.SplitHostPort(s.Addr)
	return host
}

// start starts the program and waits until it answers.
func (s *Server) start(u user) error {
	p, err := startProcess(u, s.dir, s.program.stop, s.program.args)
	if err != nil {
		return err
	}
	s.process = p
	for giveUp := time.Now().Add(startTime); ; time.Sleep(5 * time.Millisecond) {
		err := s.program.ready(s)
		switch {
		case err == nil:
			return nil
		case p.ended():
			return fmt.Errorf("%s ended at its start: %s", s.program.args[0], s.Log())
		case time.Now().After(giveUp):
			s.process.stop()
			return fmt.Errorf("%s does not answer: %w: %s", s.program.args[0], err, s.Log())
		}
	}
}

// Log is what the server has written last.
func (s *Server) Log() string {
	data, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}

// Own reports whether this process started the server, and so may stop it.
func (s *Server) Own() bool { return s.process != nil }

// Pid is that of the server; of PostgreSQL, of its first process.
func (s *Server) Pid() int { return s.process.pid }

// Pause stops the server where it stands, as an overloaded machine would. Connections are accepted by the kernel and not answered.
func (s *Server) Pause(t testing.TB) { s.must(t, s.process.pause(s.program.kids)) }

// Resume lets it go on.
func (s *Server) Resume(t testing.TB) { s.must(t, s.process.resume(s.program.kids)) }

// Kill ends the server at once, by SIGKILL.
func (s *Server) Kill(t testing.TB) { s.must(t, s.process.kill(s.program.kids)) }

// Stop ends the server in an orderly way, also a paused one. It fails t where the server had to be killed.
func (s *Server) Stop(t testing.TB) { s.must(t, s.process.stop()) }

// Start starts a server again that was stopped or killed, at its address and with its data, and returns when it answers.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	u, err := unprivileged()
	if err == nil {
		err = s.start(u)
	}
	s.must(t, err)
}

func (s *Server) must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("testserver: %s: %v", s.program.need, err)
	}
}

// close ends the server and removes what it wrote.
func (s *Server) close() error {
	var err error
	if s.process != nil {
		err = s.process.stop()
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}
