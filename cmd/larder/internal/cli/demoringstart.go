package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/larder-go/larder/cmd/larder/internal/demo"
	"github.com/larder-go/larder/store"
)

// startedNodes are nodes that the demo has made for itself, in a folder that goes with them.
type startedNodes struct {
	mux     store.Mux
	folder  string
	program string // a Redis server; "": they are folders of files
	next    int
}

const startedAtFirst = 3

// startRing makes a ring of nodes that end with the demo: servers where they are installed, else folders.
func (a *app) startRing(ctx context.Context) (_ *ringOfDemo, err error) {
	folder, err := os.MkdirTemp("", "larder-ring-") // short, for the path of a socket may have a hundred bytes
	if err != nil {
		return nil, err
	}
	started := &startedNodes{mux: a.nodeMux("the demo", true), folder: folder}
	kind := "Folders of files, for neither redis-server nor valkey-server is installed"
	for _, name := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(name); err == nil && started.program == "" && runtime.GOOS != "windows" {
			started.program, kind = path, "Servers that the demo has started: "+name
		}
	}
	var nodes []demo.RingNode
	for range startedAtFirst {
		n, err := started.start(ctx)
		if err != nil {
			return nil, errors.Join(err, closeAll(nodes), os.RemoveAll(folder))
		}
		nodes = append(nodes, n)
	}
	r, err := a.newRing(nodes, kind, started.start)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	r.folder = folder
	return r, nil
}

// start starts the next node. They are named by the letters.
func (s *startedNodes) start(ctx context.Context) (demo.RingNode, error) {
	if s.next == 26 {
		return demo.RingNode{}, demo.ErrNoMore
	}
	name := string(rune('a' + s.next))
	s.next++
	path := filepath.Join(s.folder, name)
	if s.program == "" {
		return s.open(ctx, name, "file:"+filepath.ToSlash(path), func() error { return os.RemoveAll(path) })
	}
	socket := path + ".sock"
	stop, err := startServer(s.program, "--port", "0", "--unixsocket", socket, "--unixsocketperm", "700", "--dir", s.folder, "--save", "", "--appendonly", "no")
	if err != nil {
		return demo.RingNode{}, fmt.Errorf("node %s: %w", name, err)
	}
	rawURL := "redis+unix://" + filepath.ToSlash(socket)
	for giveUp := time.Now().Add(serverPatience); ; {
		n, err := s.open(ctx, name, rawURL, stop)
		if err == nil {
			return n, nil
		}
		if ctx.Err() != nil || time.Now().After(giveUp) {
			return n, errors.Join(err, stop())
		}
		select {
		case <-ctx.Done():
		case <-time.After(serverPatience / 200):
		}
	}
}

func (s *startedNodes) open(ctx context.Context, name, rawURL string, stop func() error) (demo.RingNode, error) {
	opened, err := s.mux.Open(ctx, rawURL)
	if err != nil {
		return demo.RingNode{}, fmt.Errorf("node %s: %w", name, err)
	}
	return demo.RingNode{Name: name, URL: rawURL, Weight: 1, Store: opened, Close: func() error { return errors.Join(opened.Close(), stop()) }}, nil
}

// serverPatience is how long a server may take to answer, and to end.
const serverPatience = 5 * time.Second

// startServer starts a program that goes when stop is called, and, where the system can do that, with this process whatever ends it. Package os/exec
// would bring a hundred kilobytes for what is not needed here: what the program prints is not read.
func startServer(program string, args ...string) (stop func() error, err error) {
	nothing, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer nothing.Close()
	started, ended := make(chan *os.Process, 1), make(chan struct{})
	go func() {
		// What is bound to the thread that has started it must not outlive that: it stays this goroutine's.
		runtime.LockOSThread()
		var p *os.Process
		p, err = os.StartProcess(program, append([]string{program}, args...), &os.ProcAttr{Files: []*os.File{nothing, nothing, nothing}, Sys: boundToUs()})
		started <- p
		if p != nil {
			p.Wait()
		}
		close(ended)
	}()
	p := <-started
	if p == nil {
		return nil, err
	}
	return func() error {
		p.Signal(endServer)
		select {
		case <-ended:
			return nil
		case <-time.After(serverPatience):
		}
		p.Kill()
		<-ended
		return fmt.Errorf("%s did not end and was killed", program)
	}, nil
}
