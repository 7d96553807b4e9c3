package dbstore

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// hostTimeout is how long each of several hosts may take to let us in, unless the URL says connect_timeout: one that hangs must not keep us from
// the next for long.
const hostTimeout = 2 * time.Second

// host is one that a URL names.
type host struct {
	name string
	port uint16
}

// hosts are several, of which one can be written. pgx asks them in the order of the URL each time. That is well where the first one that is
// not the primary answers at once; where its machine is dead, every new connection would wait for it. So the one that was the primary last is
// asked first. And once another one can be written, all connections leave the old one: what they would still read or write there is not what others
// see.
type hosts struct {
	all  []pgconn.FallbackConfig // a host may stand here twice, with TLS and without
	last atomic.Pointer[host]
}

// newHosts returns nil where config names only one host, or any of them will do: then their order is as somebody wants it.
func newHosts(config *pgconn.Config) *hosts {
	h := &hosts{all: []pgconn.FallbackConfig{{Host: config.Host, Port: config.Port, TLSConfig: config.TLSConfig}}}
	for _, f := range config.Fallbacks {
		h.all = append(h.all, *f)
	}
	if !several(config) || config.ValidateConnect == nil {
		return nil
	}
	return h
}

// several tells whether config names more than one host.
func several(config *pgconn.Config) bool {
	return slices.ContainsFunc(config.Fallbacks, func(f *pgconn.FallbackConfig) bool { return f.Host != config.Host || f.Port != config.Port })
}

// errMoved is for a connection to a host that was left while it was made: one that hung, and has woken up as the primary that it was.
var errMoved = errors.New("another host has become the primary meanwhile")

// attempts is how often a connection is begun anew because others have found another primary meanwhile.
const attempts = 3

// connect makes a connection to the primary.
func (h *hosts) connect(ctx context.Context, config *pgconn.Config) (pg *pgconn.PgConn, err error) {
	for range attempts {
		if pg, err = h.attempt(ctx, config.Copy()); err != errMoved {
			return pg, err
		}
	}
	return nil, err
}

func (h *hosts) attempt(ctx context.Context, config *pgconn.Config) (*pgconn.PgConn, error) {
	last := h.last.Load()
	ordered := slices.Clone(h.all)
	if last != nil {
		slices.SortStableFunc(ordered, func(a, b pgconn.FallbackConfig) int { return last.rank(a) - last.rank(b) })
	}
	config.Host, config.Port, config.TLSConfig = ordered[0].Host, ordered[0].Port, ordered[0].TLSConfig
	config.Fallbacks = nil
	for i := range ordered[1:] {
		config.Fallbacks = append(config.Fallbacks, &ordered[i+1])
	}
	of := map[string]host{} // by the address that is dialled
	for _, f := range ordered {
		_, addr := pgconn.NetworkAddress(f.Host, f.Port)
		of[addr] = host{f.Host, f.Port}
	}
	lookup := config.LookupFunc
	config.LookupFunc = func(ctx context.Context, name string) ([]string, error) {
		addrs, err := lookup(ctx, name)
		for _, addr := range addrs {
			for _, f := range ordered {
				if f.Host == name {
					of[net.JoinHostPort(addr, strconv.Itoa(int(f.Port)))] = host{f.Host, f.Port}
				}
			}
		}
		return addrs, err
	}
	pg, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	k := socketOf(pg.Conn())
	if k == nil {
		return pg, nil
	}
	is, ok := of[k.addr]
	if ok && !h.settle(k, last, is) {
		hangUp(pg)
		return nil, errMoved
	}
	return pg, nil
}

// settle says that the socket leads to the primary, as it was found by who began when last was it. It is not where others have found another since.
func (h *hosts) settle(k *socket, last *host, is host) bool {
	k.all.settle(k, is) // first, or it might be overlooked by who leaves its host in this moment
	if last == nil || *last != is {
		if h.last.CompareAndSwap(last, &is) {
			if last != nil {
				k.all.leave(*last)
			}
			return true
		}
	}
	return *h.last.Load() == is
}

// rank is 0 for the host, and 1 for others.
func (h *host) rank(f pgconn.FallbackConfig) int {
	if f.Host == h.name && f.Port == h.port {
		return 0
	}
	return 1
}

// socketOf returns the socket that a connection stands on; nil: none of ours.
func socketOf(c net.Conn) *socket {
	if secured, ok := c.(*tls.Conn); ok {
		c = secured.NetConn()
	}
	k, _ := c.(*socket)
	return k
}
