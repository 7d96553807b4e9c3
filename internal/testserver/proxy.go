package testserver

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Proxy stands between a client and a server and lets a test have the network fail. It forwards bytes until it is told otherwise; a
// change holds for the connections that are open, and for new ones.
type Proxy struct {
	Addr string // host:port, where clients connect

	network, upstream string
	listener          net.Listener
	work              sync.WaitGroup
	accepted          atomic.Int64

	mu    sync.Mutex
	mode  mode
	delay time.Duration
	slice int
	moved chan struct{} // closed, and made anew, when the mode changes
	conns map[net.Conn]struct{}
	round int // connections of an earlier one are severed
	ended bool
}

type mode int

const (
	passing mode = iota
	halfOpen
	refusing
)

// NewProxy starts a proxy in front of the server at addr, a host:port or the path of a unix socket. It ends with t.
func NewProxy(t testing.TB, addr string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	network := "tcp"
	if addr[0] == '/' {
		network = "unix"
	}
	p := &Proxy{Addr: l.Addr().String(), network: network, upstream: addr, listener: l,
		moved: make(chan struct{}), conns: make(map[net.Conn]struct{})}
	p.work.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// Pass forwards everything, at once.
func (p *Proxy) Pass() { p.set(passing, 0, 0) }

// Delay forwards what the server says only after d.
func (p *Proxy) Delay(d time.Duration) { p.set(passing, d, 0) }

// Slice forwards what the server says in pieces of n bytes.
func (p *Proxy) Slice(n int) { p.set(passing, 0, n) }

// HalfOpen takes connections and bytes and answers nothing, like a host that has lost its network: there is no reset either.
func (p *Proxy) HalfOpen() { p.set(halfOpen, 0, 0) }

// Sever passes what new connections carry. Those that are open stay open and dead for ever, as behind a router that has forgotten them.
func (p *Proxy) Sever() {
	p.mu.Lock()
	p.round++
	p.mu.Unlock()
	p.Pass()
}

// Reset breaks the connections that are open by a TCP reset. New ones are served.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns { // all of them first: who notices that one end is gone closes the other
		abrupt(c)
	}
	for c := range p.conns {
		c.Close()
	}
}

// Refuse breaks the connections that are open, and every new one, by a TCP reset.
func (p *Proxy) Refuse() {
	p.set(refusing, 0, 0)
	p.Reset()
}

// Conns is how many connections of clients are joined with the server. One that was accepted a moment ago may not be counted yet, one that was
// closed may still be, until both its ends have noticed.
func (p *Proxy) Conns() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns) / 2
}

// Accepted is how many connections clients have opened so far.
func (p *Proxy) Accepted() int { return int(p.accepted.Load()) }

func (p *Proxy) set(m mode, delay time.Duration, slice int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mode, p.delay, p.slice = m, delay, slice
	close(p.moved)
	p.moved = make(chan struct{})
}

func (p *Proxy) now() (m mode, delay time.Duration, slice int, moved <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mode, p.delay, p.slice, p.moved
}

func (p *Proxy) lap() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.round
}

func reset(c net.Conn) {
	abrupt(c)
	c.Close()
}

// abrupt has the next Close be a reset.
func abrupt(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.accepted.Add(1)
		if m, _, _, _ := p.now(); m == refusing {
			reset(client)
			continue
		}
		p.work.Go(func() { p.serve(client, p.lap()) })
	}
}

// serve joins the client with the server. A half-open one is joined too: bytes that it sent may still arrive later.
func (p *Proxy) serve(client net.Conn, round int) {
	server, err := net.DialTimeout(p.network, p.upstream, startTime) // a busy machine may let even loopback wait
	if err != nil {
		reset(client)
		return
	}
	p.add(client, server)
	var both sync.WaitGroup
	both.Go(func() { p.forward(server, client, round, false) })
	both.Go(func() { p.forward(client, server, round, true) })
	both.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, client)
	delete(p.conns, server)
}

func (p *Proxy) add(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.conns[c] = struct{}{}
		if p.ended {
			c.Close()
		}
	}
}

// forward copies until one side ends, and then ends both.
func (p *Proxy) forward(to, from net.Conn, round int, answers bool) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if !p.pass(to, buffer[:n], round, answers) || err != nil {
			return
		}
	}
}

func (p *Proxy) pass(to net.Conn, data []byte, round int, answers bool) bool {
	for len(data) > 0 {
		if round < p.lap() {
			return true // it is lost
		}
		m, delay, slice, moved := p.now()
		if m == halfOpen {
			<-moved
			continue
		}
		if m == refusing {
			return false
		}
		if answers && delay > 0 {
			select {
			case <-moved:
				continue
			case <-time.After(delay):
			}
		}
		n := len(data)
		if answers && slice > 0 {
			n = min(n, slice)
		}
		if _, err := to.Write(data[:n]); err != nil {
			return false
		}
		data = data[n:]
	}
	return true
}

func (p *Proxy) close() {
	p.listener.Close()
	p.mu.Lock()
	p.ended = true
	for c := range p.conns {
		c.Close()
	}
	p.mu.Unlock()
	p.set(refusing, 0, 0)
	p.work.Wait()
}
