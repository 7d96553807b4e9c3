package larder_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/larder-go/larder"
	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
)

// programEnv makes this test binary the program of a site, whose store has that URL; drainEnv, what drains it.
const (
	programEnv = "LARDER_TEST_SITE_STORE"
	drainEnv   = "LARDER_TEST_SITE_DRAIN"
)

func TestMain(m *testing.M) {
	for name, run := range map[string]func(ctx context.Context, rawURL string) error{programEnv: siteProgram, drainEnv: drainProgram} {
		if rawURL := os.Getenv(name); rawURL != "" {
			ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
			defer stop()
			go func() { // who started it is gone
				io.Copy(io.Discard, os.Stdin)
				os.Exit(3)
			}()
			if err := run(ctx, rawURL); err != nil {
				fmt.Println("failed:", err)
				os.Exit(1)
			}
			os.Exit(0)
		}
	}
	os.Exit(withServers(m))
}

// siteProgram is a site with sessions: it tells its address, and ends by SIGTERM when the requests that it has are answered.
func siteProgram(ctx context.Context, rawURL string) error {
	s, err := larder.Open(ctx, rawURL)
	if err != nil {
		return err
	}
	m, err := session.New(s, &session.Options{
		Header: "Session-Token", Merge: map[string]session.Merger{"count": session.Sum[int]()}, TouchAfter: 200 * time.Millisecond,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	server := &http.Server{Handler: m.Handler(siteHandler())}
	ended := make(chan error, 1)
	go func() {
		<-ctx.Done()
		patience, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		err := server.Shutdown(patience)
		if closeErr := s.Close(); err == nil {
			err = closeErr
		}
		ended <- err
	}()
	if err := server.Serve(l); err != http.ErrServerClosed {
		return err
	}
	return <-ended
}

func siteHandler() http.Handler {
	mux := http.NewServeMux()
	handle := func(path string, needs bool, do func(s *session.Session) error) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			s := session.From(r.Context())
			if needs && s.Subject() == "" {
				if err := s.Err(); err != nil {
					http.Error(w, err.Error(), http.StatusServiceUnavailable)
					return
				}
				http.Error(w, "log in", http.StatusUnauthorized)
				return
			}
			if err := do(s); err != nil {
				http.Error(w, err.Error(), http.StatusServiceUnavailable)
				return
			}
			n, _ := session.Get[int](s, "count")
			fmt.Fprint(w, n)
		})
	}
	handle("/login", false, func(s *session.Session) error {
		err := s.SetSubject("user")
		s.Set("count", 0)
		return err
	})
	handle("/read", true, func(*session.Session) error { return nil })
	handle("/count", true, func(s *session.Session) error {
		n, _ := session.Get[int](s, "count")
		s.Set("count", n+1)
		return nil
	})
	handle("/logout", true, (*session.Session).Destroy)
	return mux
}

// drainProgram is larder handover, or larder ring rebalance.
func drainProgram(ctx context.Context, rawURL string) error {
	s, err := larder.Open(ctx, rawURL)
	if err != nil {
		return err
	}
	defer s.Close()
	fmt.Println("draining")
	switch s := s.(type) {
	case interface {
		Drain(context.Context, *store.DrainOptions) (store.DrainReport, error)
	}:
		_, err = s.Drain(ctx, &store.DrainOptions{Workers: 2})
	case interface {
		Rebalance(context.Context, *shard.RebalanceOptions) (shard.RebalanceReport, error)
	}:
		_, err = s.Rebalance(ctx, &shard.RebalanceOptions{Workers: 2})
	default:
		err = fmt.Errorf("%T cannot drain", s)
	}
	return err
}

// siteProcess is a process of this test.
type siteProcess struct {
	cmd   *exec.Cmd
	stdin io.Closer
	first string // line
	rest  chan string
}

// startProgram returns when the process has said something.
func startProgram(t testing.TB, env, rawURL string) *siteProcess {
	t.Helper()
	p := &siteProcess{cmd: exec.Command(os.Args[0]), rest: make(chan string, 1)}
	p.cmd.Env = append(os.Environ(), env+"="+rawURL, "GORACE=atexit_sleep_ms=0")
	p.cmd.Stderr = t.Output()
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stdin = stdin
	out, err := p.cmd.StdoutPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	p.first, err = lines.ReadString('\n')
	p.first = strings.TrimSpace(p.first)
	go func() {
		rest, _ := io.ReadAll(lines)
		p.rest <- string(rest)
	}()
	if err != nil || strings.HasPrefix(p.first, "failed") {
		p.end()
		t.Fatalf("the program says %q, %v", p.first, err)
	}
	return p
}

// end waits for the process, and returns what it said last.
func (p *siteProcess) end() (said string, err error) {
	said = <-p.rest
	err = p.cmd.Wait()
	p.stdin.Close()
	return said, err
}
