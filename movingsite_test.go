package larder_test

import (
	"context"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// movingSite is the processes of a site, and the clients that go to any of them.
type movingSite struct {
	mu        sync.RWMutex
	programs  []*siteProcess
	requests  atomic.Int64
	cutOff    atomic.Int64 // requests to a program that was ending or had ended
	outages   atomic.Value // the last answer of a program that could not reach its store
	transport http.RoundTripper
}

// visitor is a client: one browser, one session.
type visitor struct {
	site      *movingSite
	token     string
	counted   int // acknowledged
	perhaps   int // of which it is not known
	loggedOut bool
	wrong     []string
}

// ask goes to one of the programs. answered is false where it is not known what has happened.
func (v *visitor) ask(ctx context.Context, path string) (status int, body string, answered bool) {
	v.site.mu.RLock()
	addr := v.site.programs[mrand.IntN(len(v.site.programs))].first
	v.site.mu.RUnlock()
	r, err := http.NewRequestWithContext(ctx, "POST", "http://"+addr+path, nil)
	if err != nil {
		panic(err)
	}
	if v.token != "" {
		r.Header.Set("Session-Token", v.token)
	}
	v.site.requests.Add(1)
	answer, err := v.site.transport.RoundTrip(r)
	if err == nil {
		defer answer.Body.Close()
		var text []byte
		text, err = io.ReadAll(answer.Body)
		body = string(text)
	}
	if err != nil || answer.StatusCode >= 500 {
		v.site.cutOff.Add(1)
		if err == nil {
			v.site.outages.Store(body)
		}
		return 0, "", false
	}
	if token := answer.Header.Get("Session-Token"); token != "" {
		v.token = token
	}
	return answer.StatusCode, body, true
}

// act does one thing that a client does.
func (v *visitor) act(ctx context.Context, path string) {
	if v.token == "" {
		path = "/login"
	}
	status, body, answered := v.ask(ctx, path)
	switch {
	case !answered && path == "/count":
		v.perhaps++
	case !answered && path == "/logout":
		v.act(ctx, path) // until it is known; a client who is told 401 was logged out by what he was not told
	case !answered:
	case path == "/logout" && status != http.StatusServiceUnavailable:
		v.loggedOut = true
	case v.loggedOut && status != http.StatusUnauthorized:
		v.wrong = append(v.wrong, fmt.Sprintf("%s after its logout: %d", path, status))
	case v.loggedOut:
	case status != http.StatusOK:
		v.wrong = append(v.wrong, fmt.Sprintf("%s: %d %s", path, status, body))
	case path == "/count":
		v.counted++
		fallthrough
	case path == "/read":
		if n, err := strconv.Atoi(body); err != nil || n < v.counted || n > v.counted+v.perhaps {
			v.wrong = append(v.wrong, fmt.Sprintf("%s says %q after %d, and perhaps %d more", path, body, v.counted, v.perhaps))
		}
	}
}

// roll replaces the programs one by one.
func (s *movingSite) roll(t testing.TB, rawURL string, rng *mrand.Rand) {
	for n, p := range s.programs {
		kill := rng.IntN(2) == 0
		sig := os.Signal(syscall.SIGTERM)
		if kill {
			sig = os.Kill
		}
		if err := p.cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		if said, err := p.end(); !kill && err != nil {
			t.Errorf("a program ended with %v: %s", err, said)
		}
		p = startProgram(t, programEnv, rawURL)
		s.mu.Lock()
		s.programs[n] = p
		s.mu.Unlock()
		s.wait(100)
	}
}

// wait waits for so many requests.
func (s *movingSite) wait(requests int64) {
	for until := s.requests.Load() + requests; s.requests.Load() < until; {
		time.Sleep(time.Millisecond)
	}
}

// siteMove is a site that moves, in its steps, each by the URL of its store alone.
type siteMove struct {
	now, next string // before the first step and in the last one
	both      string // in the second step; with prepare=true, in the first
	programs  int
	clients   int
	seed      uint64
}

// run moves a running site under load. Its processes are restarted one by one, some are killed, and so is what drains, twice. Nobody is
// logged out, nobody comes back who has logged out, and no count is lost.
func (m siteMove) run(t *testing.T) {
	rng := mrand.New(mrand.NewPCG(m.seed, 1))
	s := &movingSite{transport: &http.Transport{MaxIdleConnsPerHost: m.clients}}
	defer func() {
		for _, p := range s.programs {
			p.cmd.Process.Kill()
			p.end()
		}
	}()
	for range m.programs {
		s.programs = append(s.programs, startProgram(t, programEnv, m.now))
	}
	all := make([]*visitor, m.clients)
	for n := range all {
		all[n] = &visitor{site: s}
		all[n].act(t.Context(), "/login")
	}
	busy, stop := context.WithCancel(context.Background())
	var load sync.WaitGroup
	defer load.Wait()
	defer stop()
	for n, v := range all {
		if n%4 == 0 {
			continue // nobody reads these until the end
		}
		load.Go(func() {
			leaves := 0
			if n%5 == 0 {
				leaves = 5 + n
			}
			for i := 1; busy.Err() == nil; i++ {
				switch {
				case i == leaves:
					v.act(context.Background(), "/logout")
				case i%3 == 0:
					v.act(context.Background(), "/count")
				default:
					v.act(context.Background(), "/read")
				}
				time.Sleep(time.Duration(mrand.IntN(20)) * time.Millisecond) // somebody reads the page
			}
		})
	}
	s.wait(int64(m.clients))

	s.roll(t, m.both+"&prepare=true", rng)
	s.roll(t, m.both, rng)
	if rng.IntN(2) == 0 { // a way back
		s.roll(t, m.both+"&prepare=true", rng)
		s.roll(t, m.both, rng)
	}
	for range 2 {
		p := startProgram(t, drainEnv, m.both)
		s.wait(1 + rng.Int64N(40))
		p.cmd.Process.Kill()
		p.end()
	}
	if said, err := startProgram(t, drainEnv, m.both).end(); err != nil {
		t.Fatalf("the drain: %v, %s", err, said)
	}
	s.roll(t, m.next, rng)
	s.wait(int64(m.clients))
	stop()
	load.Wait()

	in, out, counted, perhaps := 0, 0, 0, 0
	for n, v := range all {
		v.act(t.Context(), "/read")
		for _, wrong := range v.wrong {
			t.Errorf("seed %d, client %d: %s", m.seed, n, wrong)
		}
		if v.loggedOut {
			out++
		} else {
			in++
		}
		counted, perhaps = counted+v.counted, perhaps+v.perhaps
	}
	t.Logf("%d requests, of which %d were cut off; %d clients logged in, %d logged out; %d counted, perhaps %d more", s.requests.Load(), s.cutOff.Load(), in, out, counted, perhaps)
	if text := s.outages.Load(); text != nil {
		t.Errorf("a program could not reach its store: %v", text)
	}
}
