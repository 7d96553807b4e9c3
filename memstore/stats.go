package memstore

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
)

// stats is what a server tells about itself: what it counts, and how it is set up.
type stats struct {
	addr  string
	said  map[string]string // by stats and by stats settings; no name stands in both with another meaning, evictions aside
	on    string            // the setting evictions, "on" or "off"
	asked time.Time         // in the middle between question and answer
	err   error
}

// ask asks the server at addr, on a connection of its own: the client has no command for it.
func (s *Store) ask(ctx context.Context, addr net.Addr) *stats {
	found := &stats{addr: addr.String(), said: make(map[string]string)}
	timeout := s.patience - time.Second
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	dial := s.client.DialContext
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	conn, err := dial(ctx, addr.Network(), addr.String())
	if err != nil {
		found.err = err
		return found
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()
	begin := time.Now()
	if _, err := io.WriteString(conn, "stats\r\nstats settings\r\n"); err != nil {
		found.err = err
		return found
	}
	answer := bufio.NewReader(conn)
	if found.err = read(answer, found.said); found.err != nil {
		return found
	}
	found.asked = begin.Add(time.Since(begin) / 2)
	settings := make(map[string]string)
	if found.err = read(answer, settings); found.err != nil {
		return found
	}
	found.on = settings["evictions"]
	for name, value := range settings {
		if _, counted := found.said[name]; !counted {
			found.said[name] = value
		}
	}
	return found
}

// read reads lines up to END. A server has a few hundred of them.
func read(from *bufio.Reader, into map[string]string) error {
	const most = 10_000
	for range most {
		line, err := from.ReadSlice('\n')
		if err != nil {
			return err
		}
		text := strings.TrimRight(string(line), "\r\n")
		if text == "END" {
			return nil
		}
		rest, ok := strings.CutPrefix(text, "STAT ")
		if !ok {
			return errNoStats
		}
		name, value, _ := strings.Cut(rest, " ")
		into[name] = value
	}
	return errNoStats
}

var errNoStats = fmt.Errorf("%w: the server does not answer stats as memcached does", memcache.ErrServerError)
