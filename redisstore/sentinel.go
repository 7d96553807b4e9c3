package redisstore

import (
	"bytes"
	"context"
	"net"
	"sync/atomic"
	"syscall"
	"time"
)

// sentinelShare is the part of x-op-timeout that a Sentinel has for an answer. The client asks the Sentinel that it knows whenever it needs a
// connection to the master, and where that one hangs, as it does when its machine was the master's, too, it would wait for as long as
// the connection may take, and never come to the next Sentinel. So it must have given up three times within that.
const sentinelShare = 5

// dialFunc makes connections, as the client has it.
type dialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

// hurrySentinels has Sentinels answer soon.
func hurrySentinels(dial dialFunc, opTimeout time.Duration) dialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		c := &hurried{Conn: conn, limit: opTimeout / sentinelShare}
		if raw, ok := conn.(syscall.Conn); ok { // by which the client sees whether an idle connection is alive
			return struct {
				*hurried
				syscall.Conn
			}{c, raw}, nil
		}
		return c, nil
	}
}

// hurried is a connection whose reads end sooner where it leads to a Sentinel. That cannot be told by its address: Sentinels tell of others. But
// the client greets Sentinels by the third version of the protocol, and masters by the second, for which [fromURL] asks.
type hurried struct {
	net.Conn
	limit    time.Duration
	greeted  atomic.Bool
	sentinel atomic.Bool
}

// NetConn leads the client on to the socket below TLS.
func (c *hurried) NetConn() net.Conn { return c.Conn }

func (c *hurried) Write(b []byte) (int, error) {
	if !c.greeted.Swap(true) {
		_, greeting, _ := bytes.Cut(b, []byte("\r\n"))
		c.sentinel.Store(bytes.HasPrefix(greeting, []byte("$5\r\nhello\r\n$1\r\n3\r\n")))
	}
	return c.Conn.Write(b)
}

func (c *hurried) SetDeadline(t time.Time) error     { return c.Conn.SetDeadline(c.sooner(t)) }
func (c *hurried) SetReadDeadline(t time.Time) error { return c.Conn.SetReadDeadline(c.sooner(t)) }

// sooner leaves alone who waits for news without end.
func (c *hurried) sooner(t time.Time) time.Time {
	if soon := time.Now().Add(c.limit); c.sentinel.Load() && t.After(soon) {
		return soon
	}
	return t
}
