//go:build unix

package testserver

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// echo starts a server that says back what it hears.
func echo(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				io.Copy(c, c)
			}()
		}
	}()
	return l.Addr().String()
}

func TestProxy(t *testing.T) {
	p := NewProxy(t, echo(t))
	c, err := net.Dial("tcp", p.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	say := func(wait time.Duration) (string, error) {
		c.SetDeadline(time.Now().Add(wait))
		if _, err := c.Write([]byte("hello")); err != nil {
			return "", err
		}
		got := make([]byte, 5)
		_, err := io.ReadFull(c, got)
		return string(got), err
	}
	if got, err := say(time.Minute); got != "hello" || err != nil {
		t.Errorf("passing: %q, %v", got, err)
	}
	p.Slice(1)
	if got, err := say(time.Minute); got != "hello" || err != nil {
		t.Errorf("sliced: %q, %v", got, err)
	}
	p.Delay(50 * time.Millisecond)
	begin := time.Now()
	if got, err := say(time.Minute); got != "hello" || err != nil || time.Since(begin) < 50*time.Millisecond {
		t.Errorf("delayed: %q, %v after %v", got, err, time.Since(begin))
	}
	p.HalfOpen()
	if got, err := say(20 * time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("half-open: %q, %v", got, err)
	}
	p.Pass()
	got := make([]byte, 5)
	c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.ReadFull(c, got); string(got) != "hello" || err != nil {
		t.Errorf("after half-open, what was sent arrives: %q, %v", got, err)
	}
	if p.Conns() != 1 || p.Accepted() != 1 {
		t.Errorf("%d connections of %d", p.Conns(), p.Accepted())
	}
	dead := c
	p.Sever()
	if got, err := say(20 * time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("severed: %q, %v", got, err)
	}
	if c, err = net.Dial("tcp", p.Addr); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got, err := say(time.Minute); got != "hello" || err != nil {
		t.Errorf("after the others were severed: %q, %v", got, err)
	}
	dead.Close()
	p.Reset()
	if _, err := say(time.Minute); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		t.Errorf("after a reset: %v", err)
	}
	p.Refuse()
	if c, err = net.Dial("tcp", p.Addr); err == nil {
		_, err = say(time.Minute)
	}
	if err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("refusing: %v", err)
	}
}
