package shard

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

const memcachedPort = "11211"

// serverAddr is the address of a server as a dialer takes it: a host and a port, not resolved, or the path of a unix socket.
type serverAddr struct {
	network, address string
	err              error // why it is none; nil: it is one
}

func (a *serverAddr) Network() string { return a.network }
func (a *serverAddr) String() string  { return a.address }

// newServerAddr reads the address of a node; "" means that its name is one. Errors show names, no addresses: what was pasted for an address by
// mistake may hold a password.
func newServerAddr(name, text string) (*serverAddr, error) {
	hint := ""
	if text == "" {
		text, hint = name, "; give it one"
	}
	network, address, err := readAddr(text)
	if err != nil {
		return nil, fmt.Errorf("%w: the address of %q %w%s", ErrInvalidNode, name, err, hint)
	}
	return &serverAddr{network: network, address: address}, nil
}

var (
	errAddrURL   = errors.New("is a URL, not host:port")
	errAddrHost  = errors.New("has no host that could be one")
	errAddrPort  = errors.New("has a port that is not from 1 to 65535")
	errAddrIPv6  = errors.New("has too many colons; write an IPv6 address in brackets, as in [::1]:11211")
	errAddrPlain = errors.New("holds a space or a control character")
)

func readAddr(text string) (network, address string, err error) {
	for _, r := range text {
		if r <= ' ' || r == 0x7f {
			return "", "", errAddrPlain
		}
	}
	if strings.Contains(text, "://") {
		return "", "", errAddrURL
	}
	if strings.Contains(text, "/") {
		return "unix", text, nil
	}
	host, port := text, memcachedPort
	if i := strings.LastIndexByte(text, ':'); i >= 0 && !strings.HasSuffix(text, "]") {
		host, port = text[:i], text[i+1:]
	}
	if inside, ok := strings.CutPrefix(host, "["); ok {
		host = strings.TrimSuffix(inside, "]")
		if addr, err := netip.ParseAddr(host); err != nil || !addr.Is6() || host == inside {
			return "", "", errAddrHost
		}
	} else if strings.Contains(host, ":") {
		return "", "", errAddrIPv6
	}
	if host == "" || strings.ContainsAny(host, "[]@") {
		return "", "", errAddrHost
	}
	if number, err := strconv.ParseUint(port, 10, 16); err != nil || number == 0 {
		return "", "", errAddrPort
	}
	return "tcp", net.JoinHostPort(host, port), nil
}
