package outage

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// backend is one store and its server.
type backend struct {
	name    string
	open    store.Opener
	url     func(addr string, conns int, own time.Duration) string // of the server at addr; with so many connections, and a time-out
	server  func(t testing.TB) *testserver.Server                  // starts one
	cancels int                                                    // reads of 100 that are cancelled in the test of cross-talk
	durable bool                                                   // what it acknowledged survives a kill
	givesUp func(own time.Duration) time.Duration                  // after how long an operation without deadline returns at the latest
	memory  bool                                                   // where the server refuses, it is asked again only every second
	forgets bool                                                   // a restart of the server loses everything
	works   []string                                               // packages whose goroutines are the store's
}

const (
	sockets = 8           // that each store may open
	own     = time.Second // the stores' own time-out

	patientOwn = 10 * time.Second // where none is to pass
)

func soaking() bool { return os.Getenv("LARDER_SOAK") != "" }

// each runs do for every backend at the same time: they wait more than they work. (t.Parallel would run one per processor.)
func each(t *testing.T, do func(t *testing.T, b backend)) {
	var all sync.WaitGroup
	defer all.Wait()
	for _, b := range backends() {
		all.Go(func() { t.Run(b.name, func(t *testing.T) { do(t, b) }) })
	}
}

// TestOutages is the table {backend} × {fault}.
func TestOutages(t *testing.T) {
	lasting, after := 1500*time.Millisecond, 1200*time.Millisecond
	if soaking() {
		lasting, after = 10*time.Second, 5*time.Second
	}
	each(t, func(t *testing.T, b backend) {
		server := b.server(t)
		for i, f := range faults() {
			t.Run(f.name, func(t *testing.T) { cell(t, b, server, f, uint64(i), lasting, after) })
		}
	})
}

func cell(t *testing.T, b backend, server *testserver.Server, f fault, seed uint64, lasting, after time.Duration) {
	proxy := testserver.NewProxy(t, server.Addr)
	s := b.dial(t, proxy.Addr, sockets, own)
	closed := false
	defer func() {
		if !closed {
			s.Close()
		}
	}()
	clock := startControl()
	defer clock.stop()
	l := newLoad(s, f.name, b.givesUp(own), clock, seed)
	l.memory, l.settles = b.memory, b.settles()
	if err := l.seed(t.Context()); err != nil {
		t.Fatal(err)
	}
	accepted := 0
	again := func() { f.again(proxy) }
	if f.again == nil {
		again = nil
	}
	idle := b.goroutines()
	m := l.run(f, lasting, after, func() {
		f.begin(t, server, proxy)
		accepted = proxy.Accepted()
	}, again, func() {
		accepted = proxy.Accepted() - accepted
		if f.restarts && b.forgets {
			l.gone.Store(true)
		}
		f.end(t, server, proxy)
	})
	v := l.judge(f, m)
	t.Logf("%v; %d connections opened in the fault, of %d; machine late by %v at worst", v, accepted, proxy.Accepted(), round(clock.worst()))
	for _, wrong := range v.wrong {
		t.Error(wrong)
	}
	// Where the server hangs, connections are not thrown away and made anew by each caller who gives up. Where it breaks them, each
	// operation may have made one, and another on its second attempt.
	most := sockets + 2*v.inFault
	if f.hangs {
		most = sockets + int(2*sockets*(m.ending-m.begun)/time.Second)
	}
	if accepted > most {
		t.Errorf("%d connections were opened in the fault, of at most %d", accepted, most)
	}
	eventually(t, own, "sockets within the store's bound", func() (string, bool) {
		return fmt.Sprintf("%d sockets", proxy.Conns()), proxy.Conns() <= sockets
	})
	eventually(t, own, "goroutines as they were before the fault", func() (string, bool) {
		now := b.goroutines()
		return fmt.Sprintf("%d goroutines, there were %d:\n%s", len(now), len(idle), strings.Join(now, "\n\n")), len(now) <= len(idle)
	})
	closed = true
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	eventually(t, own, "no socket after Close", func() (string, bool) {
		return fmt.Sprintf("%d sockets", proxy.Conns()), proxy.Conns() == 0
	})
	eventually(t, own, "no goroutine after Close", func() (string, bool) {
		now := b.goroutines()
		return fmt.Sprintf("%d goroutines:\n%s", len(now), strings.Join(now, "\n\n")), len(now) == 0
	})
}

// settles is how long after the server's return everything works. A client that asks only every second has to ask, too.
func (b backend) settles() time.Duration {
	if b.memory {
		return recovery + 4*grace
	}
	return recovery
}

// dial opens the store whose server is at addr.
func (b backend) dial(t testing.TB, addr string, conns int, own time.Duration) store.Closer {
	t.Helper()
	u, err := url.Parse(b.url(addr, conns, own))
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.open(context.Background(), u)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// goroutines are the stacks of those that work for the backend. The loads' own are not among them once they are stopped.
func (b backend) goroutines() (found []string) {
	buffer := make([]byte, 1<<20)
	for {
		n := runtime.Stack(buffer, true)
		if n < len(buffer) {
			buffer = buffer[:n]
			break
		}
		buffer = make([]byte, 2*len(buffer))
	}
	for stack := range strings.SplitSeq(string(buffer), "\n\n") {
		for _, work := range b.works {
			if strings.Contains(stack, work) {
				found = append(found, stack)
				break
			}
		}
	}
	return found
}

// eventually waits until is says so. What a store leaves behind may end as late as its own time-out, and a little.
func eventually(t testing.TB, limit time.Duration, what string, is func() (string, bool)) {
	t.Helper()
	for giveUp := time.Now().Add(limit + recovery); ; wait(5 * time.Millisecond) {
		state, ok := is()
		if ok {
			return
		}
		if time.Now().After(giveUp) {
			t.Errorf("not %s: %s", what, state)
			return
		}
	}
}
