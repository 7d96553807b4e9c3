package memstore

import (
	"fmt"
	"hash/crc32"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/larder-go/larder/store"
)

const defaultPort = "11211"

// hosts is a memcache.ServerSelector that places keys as the client's own ServerList does. That one resolves names once; these are resolved
// at each new connection, so a server that has moved to another address is found again.
type hosts []net.Addr

// host is a host:port, or the path of a unix socket.
type host struct{ network, address string }

func (h *host) Network() string { return h.network }
func (h *host) String() string  { return h.address }

func (h hosts) PickServer(key string) (net.Addr, error) {
	if len(h) == 1 {
		return h[0], nil
	}
	return h[crc32.ChecksumIEEE([]byte(key))%uint32(len(h))], nil
}

func (h hosts) Each(do func(net.Addr) error) error {
	for _, addr := range h {
		if err := do(addr); err != nil {
			return err
		}
	}
	return nil
}

// parseHosts reads the servers out of a URL.
func parseHosts(u *url.URL, p *store.Params) (hosts, error) {
	if u.Scheme == "memcached+unix" {
		return hosts{&host{"unix", p.Path()}}, nil
	}
	const example = "write memcached://host1,host2:11211"
	switch {
	case u.User != nil:
		return nil, fmt.Errorf("%w: it has a user, and memcached as this client speaks to it knows none; leave that out, "+
			"and bind the server to a private network", store.ErrInvalidURL)
	case u.Host == "" || u.Opaque != "":
		return nil, fmt.Errorf("%w: it names no server; %s, or memcached+unix:///path for a socket", store.ErrInvalidURL, example)
	case u.Path != "" && u.Path != "/" || u.Fragment != "":
		return nil, fmt.Errorf("%w: memcached has no databases or paths; %s, and see x-prefix", store.ErrInvalidURL, example)
	}
	var found hosts
	for one := range strings.SplitSeq(u.Host, ",") {
		part := url.URL{Host: one}
		name, port := part.Hostname(), part.Port()
		if port == "" {
			port = defaultPort
		}
		number, err := strconv.ParseUint(port, 10, 16)
		switch {
		case one == "" || strings.HasPrefix(one, ":") && strings.Count(one, ":") == 1:
			return nil, fmt.Errorf("%w: one of its servers has no name; %s", store.ErrInvalidURL, example)
		case !isHost(one, name):
			return nil, fmt.Errorf("%w: one of its servers is neither a name nor an address; write an IPv6 address in brackets, "+
				"as in memcached://[::1]:11211", store.ErrInvalidURL)
		case err != nil || number == 0:
			return nil, fmt.Errorf("%w: a port of one of its servers is not from 1 to 65535; %s", store.ErrInvalidURL, example)
		}
		found = append(found, &host{"tcp", net.JoinHostPort(name, port)})
	}
	return found, nil
}

// isHost tells whether name, which was written as text with a port or without, can be a host: what has colons is an IPv6 address, and was in
// brackets, for without them nobody knows where it ends and the port begins.
func isHost(text, name string) bool {
	if strings.HasPrefix(text, "[") {
		addr, err := netip.ParseAddr(name)
		return err == nil && addr.Is6()
	}
	return name != "" && isPlain(name) && !strings.ContainsAny(name, "[]") && strings.Count(text, ":") <= 1
}
