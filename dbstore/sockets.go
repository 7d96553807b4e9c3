package dbstore

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// closeWait is how long Close waits for calls under way, and for a server that hangs. pgx alone would wait 15 seconds for that.
const closeWait = time.Second

// sockets are those that a pool of our own has open, so that Close need not wait for whoever hangs at one.
type sockets struct {
	mu     sync.Mutex
	open   map[*socket]struct{}
	closed bool
}

type socket struct {
	net.Conn
	all *sockets
}

// watch has the pool's connections be known.
func (s *sockets) watch(dial pgconn.DialFunc) pgconn.DialFunc {
	s.open = make(map[*socket]struct{})
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return s.add(conn)
	}
}

func (s *sockets) add(conn net.Conn) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		conn.Close()
		return nil, net.ErrClosed
	}
	k := &socket{conn, s}
	s.open[k] = struct{}{}
	return k, nil
}

func (k *socket) Close() error {
	k.all.mu.Lock()
	delete(k.all.open, k)
	k.all.mu.Unlock()
	return k.Conn.Close()
}

// closePool closes the pool in an orderly way, or else by force.
func (s *sockets) closePool(pool *pgxpool.Pool) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		pool.Close()
	}()
	t := time.NewTimer(closeWait)
	defer t.Stop()
	select {
	case <-done:
		return
	case <-t.C:
	}
	s.mu.Lock()
	s.closed = true
	for k := range s.open {
		k.Conn.Close()
	}
	s.mu.Unlock()
	<-done
}
