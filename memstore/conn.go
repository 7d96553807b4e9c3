package memstore

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"
)

// conn is a connection that is looked at before it is used again after a pause. When a server restarts, it leaves a dead connection in the place of
// each idle one. What is sent there is lost without a trace, so a write could not be made again; a look tells before anything is sent.
type conn struct {
	net.Conn
	raw  syscall.RawConn
	last time.Time // of the last answer; zero: none since the last look
}

// pause is after what time a connection is looked at, which costs a system call. A server that went away within it is not back yet.
const pause = 50 * time.Millisecond

// errStale says that nothing was sent: the connection was dead.
var errStale = errors.New("the connection has ended")

// dial is the DialContext of clients that OpenURL makes.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	var raw syscall.RawConn
	if s, ok := c.(syscall.Conn); ok {
		if raw, err = s.SyscallConn(); err != nil {
			c.Close()
			return nil, err
		}
	}
	return &conn{Conn: c, raw: raw}, nil
}

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.last = time.Now()
	return n, err
}

func (c *conn) Write(b []byte) (int, error) {
	if !c.last.IsZero() {
		if time.Since(c.last) > pause && c.raw != nil && isStale(c.raw) {
			return 0, errStale
		}
		c.last = time.Time{}
	}
	return c.Conn.Write(b)
}
