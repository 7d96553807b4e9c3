package dbstore

import (
	"context"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// closeWait is how long Close waits for calls under way, and for a server that hangs. pgx alone would wait 15 seconds for that.
const closeWait = time.Second

const (
	// hangUpWait is how long a connection that has failed, and the request to cancel what it was at, may take to end. The pool counts the
	// connection until then, and pgx alone would be at it for 15 seconds: so long no call would find a place.
	hangUpWait = 500 * time.Millisecond

	// connectGrace is left to a connection that is being made when the call which asked for it has ended: the next call takes it.
	connectGrace = 750 * time.Millisecond

	// hangingUp precedes the network of the address that a failed socket gives as its server's, by which the dialer knows a request to cancel.
	hangingUp = "hanging up: "
)

// sockets are those that a pool of our own has open, so that nobody need wait for whoever hangs at one.
type sockets struct {
	each time.Duration // for each of several hosts; 0: there is one

	mu     sync.Mutex
	open   map[*socket]struct{}
	closed bool
}

// socket is a connection that ends soon after it has failed, whatever deadlines it is given.
type socket struct {
	net.Conn
	all           *sockets
	network, addr string // as they were dialled
	host          host   // of several, once it has let us in; guarded by all.mu

	mu    sync.Mutex
	until time.Time // no deadline is later; zero: any may be
}

// watch has the connections of a pool be known.
func (s *sockets) watch(dial pgconn.DialFunc) pgconn.DialFunc {
	s.open = make(map[*socket]struct{})
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		var until time.Time
		network, cancels := strings.CutPrefix(network, hangingUp)
		if cancels {
			until = time.Now().Add(hangUpWait)
		} else if w, ok := ctx.Value(waitKey{}).(*wait); ok {
			until = w.until.Add(connectGrace)
			if next := time.Now().Add(s.each); s.each > 0 && next.After(until) {
				until = next // or who is in a hurry would never come to the second host where the first one hangs
			}
		}
		if !until.IsZero() {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, until)
			defer cancel()
		}
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		k := &socket{Conn: conn, all: s, network: network, addr: addr}
		if !until.IsZero() {
			k.bound(until)
		}
		return s.add(k)
	}
}

// connected has a connection that was made in time be as good as any.
func connected(c net.Conn) error {
	if k := socketOf(c); k != nil {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.until = time.Time{}
		return k.Conn.SetDeadline(time.Time{})
	}
	return nil
}

func (s *sockets) add(k *socket) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		k.Conn.Close()
		return nil, net.ErrClosed
	}
	s.open[k] = struct{}{}
	return k, nil
}

// bound has no deadline be later than until, from now on.
func (k *socket) bound(until time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.until.IsZero() || until.Before(k.until) {
		k.until = until
		k.Conn.SetDeadline(until)
	}
}

func (k *socket) Read(b []byte) (int, error) {
	n, err := k.Conn.Read(b)
	if err != nil {
		k.bound(time.Now().Add(hangUpWait))
	}
	return n, err
}

func (k *socket) Write(b []byte) (int, error) {
	n, err := k.Conn.Write(b)
	if err != nil {
		k.bound(time.Now().Add(hangUpWait))
	}
	return n, err
}

func (k *socket) SetDeadline(t time.Time) error      { return k.limit(t, k.Conn.SetDeadline) }
func (k *socket) SetReadDeadline(t time.Time) error  { return k.limit(t, k.Conn.SetReadDeadline) }
func (k *socket) SetWriteDeadline(t time.Time) error { return k.limit(t, k.Conn.SetWriteDeadline) }

func (k *socket) limit(t time.Time, set func(time.Time) error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.until.IsZero() && (t.IsZero() || t.After(k.until)) {
		t = k.until
	}
	return set(t)
}

// RemoteAddr is asked for by who cancels a statement: to which address the request goes.
func (k *socket) RemoteAddr() net.Addr {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.until.IsZero() {
		return k.Conn.RemoteAddr()
	}
	return failedAddr{k}
}

type failedAddr struct{ k *socket }

func (a failedAddr) Network() string { return hangingUp + a.k.network }
func (a failedAddr) String() string  { return a.k.addr }

func (k *socket) Close() error {
	k.all.mu.Lock()
	delete(k.all.open, k)
	k.all.mu.Unlock()
	k.mu.Lock()
	late := !k.until.IsZero() && !time.Now().Before(k.until)
	k.mu.Unlock()
	if tcp, ok := k.Conn.(*net.TCPConn); ok && late {
		tcp.SetLinger(0) // nobody answers: what was not delivered must not arrive later
	}
	return k.Conn.Close()
}

// settle says which of several hosts a connection leads to.
func (s *sockets) settle(k *socket, to host) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k.host = to
}

// leave closes the connections to a host.
func (s *sockets) leave(old host) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k := range s.open {
		if k.host == old {
			k.Conn.Close()
		}
	}
}

// sever closes them all, and those that are yet to come.
func (s *sockets) sever() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for k := range s.open {
		k.Conn.Close()
	}
}
