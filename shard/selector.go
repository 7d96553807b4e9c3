package shard

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"

	"github.com/larder-go/larder/store"
)

// Selector tells a memcached client which server a key is on. It is a ServerSelector of github.com/bradfitz/gomemcache by its shape:
//
//	client := memcache.NewFromSelector(selector)
//
// A placement is made of names. A name that is given no address is one itself; [Selector.SetAddr] gives it another while keys are picked. A
// server that is down keeps its keys: they are picked for it all the same, so that nobody else answers for them, and none is old when it is back.
//
// Host names are handed to the client as they are, and it resolves them at each connection that it opens. Connections that are open already stay
// with the address that they were made to, whatever a name means by now: gomemcache lets go of those that rest when its Close is called, after
// which the client goes on with new ones, and a request under way ends where it began.
type Selector struct {
	ring *Ring // nil: the placement stays

	mu    sync.Mutex        // held by changes, not by who picks
	given map[string]string // addresses, by name
	now   atomic.Pointer[servers]
}

// servers are a placement's, at one moment.
type servers struct {
	placement Placement
	ring      *ringState // that it was made for; nil: none
	addrs     []*serverAddr
}

// NewSelector picks servers by a placement. addrs are the addresses of those nodes whose name is not their address; it is copied. An address is
// "host", "host:port" with memcached's port 11211 where none is given, an IPv6 address in brackets, or the path of a unix socket, which has a slash.
// What is none, or is of no node, is [ErrInvalidNode].
func NewSelector(p Placement, addrs map[string]string) (*Selector, error) {
	s := &Selector{given: make(map[string]string)}
	now := &servers{placement: p}
	for _, n := range p.Nodes() {
		addr, err := newServerAddr(n.Name, addrs[n.Name])
		if err != nil {
			return nil, store.Wrap("shard", "selector", err)
		}
		now.addrs = append(now.addrs, addr)
	}
	for name, addr := range addrs {
		if now.find(name) < 0 {
			return nil, store.Wrap("shard", "selector", unknownNode(name))
		}
		s.given[name] = addr
	}
	s.now.Store(now)
	return s, nil
}

// NewRingSelector picks servers by a ring, and follows it: a node that is added takes its keys with the next that is picked. Addresses are
// NewSelector's, but for nodes that are not there yet as well: give a node its address, by addrs or SetAddr, and then add it.
func NewRingSelector(r *Ring, addrs map[string]string) (*Selector, error) {
	s := &Selector{ring: r, given: make(map[string]string)}
	for name, addr := range addrs {
		if _, err := newServerAddr(name, addr); err != nil {
			return nil, store.Wrap("shard", "selector", err)
		}
		s.given[name] = addr
	}
	for _, addr := range s.follow().addrs {
		if addr.err != nil {
			return nil, store.Wrap("shard", "selector", addr.err)
		}
	}
	return s, nil
}

// SetAddr gives the server of this name another address, or with "" its name for one. Keys are picked for the new one from the moment that it
// returns; what becomes of connections to the old one stands at [Selector].
func (s *Selector) SetAddr(name, addr string) error {
	changed, err := newServerAddr(name, addr)
	if err != nil {
		return store.Wrap("shard", "set address", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now.Load()
	i := now.find(name)
	if i < 0 && s.ring == nil {
		return store.Wrap("shard", "set address", unknownNode(name))
	}
	s.given[name] = addr
	if i >= 0 {
		next := *now
		next.addrs = append([]*serverAddr(nil), now.addrs...)
		next.addrs[i] = changed
		s.now.Store(&next)
	}
	return nil
}

// PickServer returns the address of the server that a key is on. Over a ring without nodes, it is [ErrNoNodes].
func (s *Selector) PickServer(key string) (net.Addr, error) {
	now := s.current()
	i := now.placement.Place(key)
	if i < 0 || i >= len(now.addrs) {
		return nil, store.Wrap("shard", "pick server", ErrNoNodes)
	}
	if addr := now.addrs[i]; addr.err == nil {
		return addr, nil
	}
	return nil, store.Wrap("shard", "pick server", now.addrs[i].err)
}

// Each calls do with each address once, in the order of the nodes, until it returns an error, and returns that.
func (s *Selector) Each(do func(net.Addr) error) error {
	var bad error
	seen := make(map[serverAddr]bool)
	for _, addr := range s.current().addrs {
		switch {
		case addr.err != nil:
			bad = store.Wrap("shard", "each server", addr.err)
			continue
		case seen[*addr]:
			continue
		}
		seen[*addr] = true
		if err := do(addr); err != nil {
			return err
		}
	}
	return bad
}

// current are the servers of this moment.
func (s *Selector) current() *servers {
	now := s.now.Load()
	if s.ring == nil || now.ring == s.ring.now.Load() {
		return now
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.follow()
}

// follow makes the servers of the ring as it is now. Who calls holds mu.
func (s *Selector) follow() *servers {
	state := s.ring.now.Load()
	now := &servers{placement: nowhere{}, ring: state}
	if state.placement != nil {
		now.placement = state.placement
	}
	for _, n := range state.nodes {
		addr, err := newServerAddr(n.Name, s.given[n.Name])
		if err != nil { // it was added without an address that its name is not
			addr = &serverAddr{err: err}
		}
		now.addrs = append(now.addrs, addr)
	}
	s.now.Store(now)
	return now
}

// find is the index of the node of this name; -1: there is none.
func (s *servers) find(name string) int {
	for i, n := range s.placement.Nodes() {
		if n.Name == name {
			return i
		}
	}
	return -1
}

func unknownNode(name string) error {
	return fmt.Errorf("%w: an address is given for %q, which is none of the nodes", ErrInvalidNode, name)
}
