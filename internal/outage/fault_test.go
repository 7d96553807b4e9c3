package outage

import (
	"testing"
	"time"

	"github.com/larder-go/larder/internal/testserver"
)

// fault is one way in which a server goes away and comes back.
type fault struct {
	name  string
	begin func(t testing.TB, s *testserver.Server, p *testserver.Proxy)
	again func(p *testserver.Proxy) // ten times a second while it lasts; nil: once was enough
	end   func(t testing.TB, s *testserver.Server, p *testserver.Proxy)

	total    bool // nothing that begins in it can succeed
	hangs    bool // it takes connections and does not answer
	refuses  bool // it takes no connections
	restarts bool // the server's memory is gone
	idle     bool // nobody uses the store while it lasts: what is left are connections that look sound
}

func pass(_ testing.TB, _ *testserver.Server, p *testserver.Proxy) { p.Pass() }

func start(t testing.TB, s *testserver.Server, _ *testserver.Proxy) { s.Start(t) }

func faults() []fault {
	return []fault{{
		name: "paused", total: true, hangs: true,
		begin: func(t testing.TB, s *testserver.Server, _ *testserver.Proxy) { s.Pause(t) },
		end:   func(t testing.TB, s *testserver.Server, _ *testserver.Proxy) { s.Resume(t) },
	}, {
		name: "killed", total: true, refuses: true, restarts: true, end: start,
		begin: func(t testing.TB, s *testserver.Server, _ *testserver.Proxy) { s.Kill(t) },
	}, {
		name: "stopped", total: true, refuses: true, restarts: true, end: start,
		begin: func(t testing.TB, s *testserver.Server, _ *testserver.Proxy) { s.Stop(t) },
	}, {
		name: "restarted-while-idle", restarts: true, idle: true, end: start,
		begin: func(t testing.TB, s *testserver.Server, _ *testserver.Proxy) { s.Stop(t) },
	}, {
		name: "late", total: true, hangs: true, end: pass,
		begin: func(_ testing.TB, _ *testserver.Server, p *testserver.Proxy) { p.Delay(2 * time.Second) },
	}, {
		name: "reset", end: pass,
		begin: func(_ testing.TB, _ *testserver.Server, p *testserver.Proxy) { p.Reset() },
		again: (*testserver.Proxy).Reset,
	}, {
		name: "reset-while-idle", idle: true, end: pass,
		begin: func(_ testing.TB, _ *testserver.Server, p *testserver.Proxy) { p.Reset() },
	}, {
		name: "refusing", total: true, refuses: true, end: pass,
		begin: func(_ testing.TB, _ *testserver.Server, p *testserver.Proxy) { p.Refuse() },
	}, {
		name: "half-open", total: true, hangs: true, end: pass,
		begin: func(_ testing.TB, _ *testserver.Server, p *testserver.Proxy) { p.HalfOpen() },
	}, {
		name: "half-open, old connections stay dead", total: true, hangs: true,
		begin: func(_ testing.TB, _ *testserver.Server, p *testserver.Proxy) { p.HalfOpen() },
		end:   func(_ testing.TB, _ *testserver.Server, p *testserver.Proxy) { p.Sever() },
	}}
}

// marks are the moments of a fault.
type marks struct {
	eve      time.Duration // until here all must be well
	begun    time.Duration // it holds
	ending   time.Duration // it is being mended
	returned time.Duration // the server answers
	stopped  time.Duration
}

const (
	before    = 300 * time.Millisecond
	tolerance = 5 * time.Second // then a goroutine without success has given up hope
)

// run has the load meet the fault and returns when. lasting is how long the outage is, after how long it goes on when the server is back.
func (l *load) run(f fault, lasting, after time.Duration, begin, again, end func()) (m marks) {
	clock := l.clock
	l.start()
	wait(before)
	m.eve = clock.now()
	if f.idle {
		l.stop()
		lasting = min(lasting, before)
	} else {
		l.deadline.Store(int64(impatient))
		wait(impatient / 2) // operations with the long deadline are over
	}
	begin()
	m.begun = clock.now()
	for until := m.begun + lasting; clock.now() < until; {
		if again == nil {
			wait(lasting)
			break
		}
		wait(100 * time.Millisecond)
		again()
	}
	m.ending = clock.now()
	end()
	m.returned = clock.now()
	l.deadline.Store(int64(patient))
	if f.idle {
		l.start()
	}
	l.goOn(m.returned, after)
	l.stop()
	m.stopped = clock.now()
	return m
}

// goOn lets the load work, and until every goroutine has had a success.
func (l *load) goOn(returned, after time.Duration) {
	wait(after)
	for l.clock.now() < returned+after+tolerance && l.slowest() < returned {
		wait(grace)
	}
}

// slowest is when that goroutine had its last success who has waited for one for longest.
func (l *load) slowest() time.Duration {
	slowest := l.clock.now()
	for _, w := range l.workers {
		slowest = min(slowest, time.Duration(w.success.Load()))
	}
	return slowest
}

// wait lets the load work for a while: there is no condition to wait for, a fault simply lasts.
func wait(d time.Duration) { <-time.After(d) }
