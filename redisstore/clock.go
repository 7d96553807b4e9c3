package redisstore

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	clockAge    = time.Minute // after which an estimate is made anew
	clockDrift  = 2000        // two clocks drift apart by less than one part in so many
	clockWidth  = 1000        // µs: an estimate that is less precise may be bettered by asking again
	clockEnough = 3           // answers after which it is as precise as it gets: the network takes that long
)

// clock is an estimate of a server's clock: two bounds between which it stands. It goes by this machine's monotonic clock, so neither the
// time that this machine believes in nor a correction of it counts.
type clock struct {
	sample atomic.Pointer[sample]
}

// sample is what is known: at the moment at, the server's clock stood between low and high, in µs.
type sample struct {
	at        time.Time
	low, high int64
	answers   int
}

// bounds returns between what the server's clock stands at now. Not known: ok is false.
func (c *clock) bounds(now time.Time) (low, high int64, ok bool) {
	p := c.sample.Load()
	if p == nil {
		return 0, 0, false
	}
	age := now.Sub(p.at)
	if age > clockAge {
		return 0, 0, false
	}
	low, high = p.later(age)
	return low, high, true
}

func (p *sample) later(age time.Duration) (low, high int64) {
	passed := age.Microseconds()
	drift := max(passed, -passed)/clockDrift + 1
	return p.low + passed - drift, p.high + passed + drift
}

// learn takes in that the server's clock stood at micros somewhere between sent and got.
func (c *clock) learn(sent, got time.Time, micros int64) {
	fresh := &sample{at: got, low: micros, high: micros + got.Sub(sent).Microseconds() + 1, answers: 1}
	if old := c.sample.Load(); old != nil && got.Sub(old.at) <= clockAge {
		low, high := old.later(got.Sub(old.at))
		if low <= fresh.high && high >= fresh.low { // both are right; otherwise the server's clock was set, or it is another server's
			fresh.low, fresh.high = max(low, fresh.low), min(high, fresh.high)
			fresh.answers += old.answers
		}
	}
	c.sample.Store(fresh)
}

// precise tells whether it is of no use to ask again.
func (c *clock) precise() bool {
	p := c.sample.Load()
	return p != nil && (p.high-p.low <= clockWidth || p.answers >= clockEnough)
}

func (c *clock) forget() { c.sample.Store(nil) }

// nodeClocks are the clocks of a Cluster's servers.
type nodeClocks struct {
	client *redis.ClusterClient
	loaded atomic.Bool // the client knows the slots, and from now on renews what it knows in the background
	clocks sync.Map    // of *clock by *redis.Client
}

// of returns the clock of the server that holds key.
func (n *nodeClocks) of(ctx context.Context, key string) *clock {
	find := func() (*redis.Client, error) { return n.client.MasterForKey(ctx, key) }
	var node *redis.Client
	var err error
	if n.loaded.Load() {
		node, err = find()
	} else if node, err = within(ctx, find); err == nil { // the first call asks a server for the slots
		n.loaded.Store(true)
	}
	if err != nil {
		return &clock{} // whoever needs the time hears of it in a moment
	}
	if c, ok := n.clocks.Load(node); ok {
		return c.(*clock)
	}
	c, _ := n.clocks.LoadOrStore(node, &clock{})
	return c.(*clock)
}

// forget drops the servers too, which may be gone for good.
func (n *nodeClocks) forget() { n.clocks.Clear() }

// connects forgets the clock of a server that is being connected to: it may have been restarted, or another may have its address now, and the client
// finds without an error that the connections it had are closed. It only gets to see the dials, commands go past it.
type connects struct{ forget func() }

func (c connects) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := next(ctx, network, addr)
		c.forget()
		return conn, err
	}
}

func (connects) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (connects) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// watchConnects is for clients that nobody else uses.
func (l *link) watchConnects() {
	if l.single != nil {
		l.client.AddHook(connects{l.single.forget})
		return
	}
	l.nodes.client.OnNewNode(func(node *redis.Client) {
		node.AddHook(connects{func() { l.nodes.clocks.Delete(node) }})
	})
}

// clockFor returns the clock of the server that holds key.
func (l *link) clockFor(ctx context.Context, key string) *clock {
	if l.single != nil {
		return l.single
	}
	return l.nodes.of(ctx, key)
}

// serverTime returns the bounds of the clock of the server that holds key, and asks the server if they are not known.
func (l *link) serverTime(ctx context.Context, key string) (low, high int64, err error) {
	for range clockEnough {
		c := l.clockFor(ctx, key)
		if low, high, ok := c.bounds(l.now()); ok && c.precise() {
			return low, high, nil
		}
		a, err := l.run(ctx, timeScript, true, key)
		if err != nil {
			return 0, 0, err
		}
		low, high = a.now, a.now
	}
	if b, h, ok := l.clockFor(ctx, key).bounds(l.now()); ok { // otherwise it was forgotten again by somebody who met an error
		low, high = b, h
	}
	return low, high, nil
}
