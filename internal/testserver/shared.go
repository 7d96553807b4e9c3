package testserver

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larder-go/larder/internal/testneed"
)

// shared are the servers that the tests of this process have in common.
var shared = &pool{started: make(map[string]*outcome)}

type pool struct {
	mu      sync.Mutex
	watched bool // somebody will stop what is started
	started map[string]*outcome
	more    []*Server
	cluster []*Server
}

type outcome struct {
	once   sync.Once
	server *Server
	err    error
}

// M is what With returns: a testing.M in all that goleak and os.Exit need of it.
type M struct{ run func() int }

// With wraps a package's tests so that the servers that they share are stopped at the end.
func With(m *testing.M) *M {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	shared.watched = true
	return &M{m.Run}
}

// Run runs the tests and stops the servers.
func (m *M) Run() int {
	code := m.run()
	if err := shared.stop(); err != nil {
		fmt.Println("testserver:", err)
		return max(code, 1)
	}
	return code
}

func (p *pool) get(t testing.TB, need string, start func() (*Server, error)) *Server {
	t.Helper()
	p.mu.Lock()
	if !p.watched {
		p.mu.Unlock()
		t.Fatal("testserver: the package's TestMain must be os.Exit(testserver.With(m).Run())")
	}
	o := p.started[need]
	if o == nil {
		o = &outcome{}
		p.started[need] = o
	}
	p.mu.Unlock()
	o.once.Do(func() { o.server, o.err = start() })
	verdict(t, need, o.err)
	return o.server
}

func (p *pool) keep(s *Server) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.more = append(p.more, s)
}

func (p *pool) stop() (err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range p.started {
		if o.server != nil && o.server.Own() {
			err = errors.Join(err, o.server.close())
		}
	}
	for _, s := range p.more {
		err = errors.Join(err, s.close())
	}
	return err
}

// own starts a server for t.
func own(t testing.TB, need string, start func() (*Server, error)) *Server {
	t.Helper()
	s, err := start()
	verdict(t, need, err)
	t.Cleanup(func() { s.close() })
	return s
}

// missing says that the program is not installed.
func missing(err error) error { return fmt.Errorf("%w: %w", errMissing, err) }

var errMissing = errors.New("not installed")

// verdict ends t where err is not nil: as skipped, if the server is not there at all.
func verdict(t testing.TB, need string, err error) {
	t.Helper()
	if need == "cluster" {
		need = testneed.Redis
	}
	switch {
	case errors.Is(err, errMissing) || errors.Is(err, exec.ErrNotFound):
		testneed.Missing(t, need, fmt.Sprintf("%v; make test installs it", err))
	case err != nil:
		t.Fatalf("testserver: %s: %v", need, err)
	}
}

// answer sends a line to a Redis server and returns the whole answer, a simple or a bulk string.
func answer(s *Server, question string) (string, error) {
	c, err := net.DialTimeout("unix", s.Socket, time.Second)
	if err != nil {
		return "", err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Second))
	if _, err := c.Write([]byte(question)); err != nil {
		return "", err
	}
	r := bufio.NewReader(c)
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimSpace(line)
	length, bulk := strings.CutPrefix(line, "$")
	if !bulk {
		return line, nil
	}
	n, err := strconv.Atoi(length)
	if err != nil {
		return "", err
	}
	data := make([]byte, n)
	_, err = io.ReadFull(r, data)
	return string(data), err
}
