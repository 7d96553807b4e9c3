package outage

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// toy is a bare client of memcached with the fault that TestCrossTalk is after, if it is to have it: a connection whose answer was not
// read to its end is used again.
type toy struct {
	addr  string
	keeps bool
	idle  chan *toyConn
}

type toyConn struct {
	net.Conn
	r *bufio.Reader
}

func (s *toy) ask(ctx context.Context, question string, read func(line string, r *bufio.Reader) error) (err error) {
	var c *toyConn
	select {
	case c = <-s.idle:
	default:
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			return err
		}
		c = &toyConn{conn, bufio.NewReader(conn)}
	}
	c.SetDeadline(time.Time{})
	stop := context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })
	defer func() {
		stop()
		if err != nil && (!s.keeps || !errors.Is(err, context.Canceled)) {
			c.Close()
			return
		}
		select {
		case s.idle <- c:
		default:
			c.Close()
		}
	}()
	if _, err = io.WriteString(c, question); err == nil {
		var line string
		if line, err = c.r.ReadString('\n'); err == nil {
			err = read(line, c.r)
		}
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return err
}

func (s *toy) Get(ctx context.Context, key string) (data []byte, err error) {
	there := false
	err = s.ask(ctx, "get "+s.shorten(key)+"\r\n", func(line string, r *bufio.Reader) error {
		var name string
		var flags, size int
		if line == "END\r\n" {
			return nil
		}
		if _, err := fmt.Sscanf(line, "VALUE %s %d %d", &name, &flags, &size); err != nil {
			return err
		}
		data = make([]byte, size+len("\r\nEND\r\n"))
		_, err := io.ReadFull(r, data)
		data, there = data[:size], true
		return err
	})
	if err == nil && !there {
		err = store.ErrNotFound
	}
	return data, err
}

func (s *toy) shorten(key string) string { return strings.TrimRight(key, "+") }

func (s *toy) Contains(ctx context.Context, key string) (bool, error) {
	_, err := s.Get(ctx, key)
	if err == store.ErrNotFound {
		return false, nil
	}
	return err == nil, err
}

func (s *toy) Set(ctx context.Context, key string, value []byte) error {
	return s.ask(ctx, fmt.Sprintf("set %s 0 0 %d\r\n%s\r\n", s.shorten(key), len(value), value), func(line string, _ *bufio.Reader) error {
		if line != "STORED\r\n" {
			return fmt.Errorf("it answers %q", line)
		}
		return nil
	})
}

func (s *toy) Load(ctx context.Context, key string) (*store.Item, error) {
	data, err := s.Get(ctx, key)
	return &store.Item{Value: data}, err
}

func (s *toy) Peek(ctx context.Context, key string) (*store.Item, error) { return s.Load(ctx, key) }

func (s *toy) Swap(context.Context, string, store.Version, *store.Item) (store.Version, error) {
	return "", errors.ErrUnsupported
}
func (s *toy) Delete(context.Context, string) error                { return errors.ErrUnsupported }
func (s *toy) Cleanup(context.Context, time.Duration) (int, error) { return 0, errors.ErrUnsupported }

func (s *toy) Close() error {
	for len(s.idle) > 0 {
		(<-s.idle).Close()
	}
	return nil
}

// TestCrossTalkSelfCheck: a client that uses such connections again is seen, and a sound one is not blamed.
func TestCrossTalkSelfCheck(t *testing.T) {
	server := testserver.NewMemcached(t)
	for _, keeps := range []bool{false, true} {
		proxy := testserver.NewProxy(t, server.Addr)
		s := &toy{addr: proxy.Addr, keeps: keeps, idle: make(chan *toyConn, sockets)}
		c := &crosstalk{cancels: 25, store: s}
		c.run(t, proxy, 2000)
		s.Close()
		foreign := 0
		for _, wrong := range c.wrong {
			if strings.Contains(wrong, "a wrong value") || strings.Contains(wrong, "which is absent") {
				foreign++
			}
		}
		if !keeps && len(c.wrong) > 0 {
			t.Errorf("of the sound one: %q", c.wrong)
		}
		if keeps && foreign == 0 {
			t.Error("connections are used again with answers still on their way, and nobody saw it")
		}
	}
}
