package memstore

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
)

// request is a command of memcached's.
type request int

const (
	reqGet request = iota
	reqGetAndTouch
	reqSet
	reqReplace
	reqAdd
	reqCompareAndSwap
	reqDelete
)

// server is what is known of one server.
type server struct {
	slots    chan struct{} // one in it for each request under way: none has more than one connection
	hopeless atomic.Bool   // it breaks new connections, too
}

func newServer(conns int) *server { return &server{slots: make(chan struct{}, conns)} }

// call is one request to the client, which knows nothing of contexts. Where the caller's can end, the call runs in a goroutine of its own and the
// caller may leave. The call goes on then, for no longer than the client's Timeout allows: it holds its slot, so sockets stay bounded,
// and if it writes, it is adrift.
type call struct {
	store   *Store
	request request
	server  *server
	item    memcache.Item
	found   *memcache.Item
	err     error

	state atomic.Int32  // running, ended or adrift
	done  chan struct{} // of one: it has ended, and the caller has waited
	over  chan struct{} // closed when it has ended although the caller had left; nil before
}

const (
	stateRunning = iota
	stateEnded
	stateLeft
)

// send makes a request and returns the client's own errors, or ctx's. A request that was not begun when ctx ends never will be.
func (s *Store) send(ctx context.Context, request request, item memcache.Item) (*memcache.Item, error) {
	if request >= reqSet {
		if err := s.adrift.wait(ctx, item.Key); err != nil {
			return nil, err
		}
	}
	server, err := s.take(ctx, item.Key)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil { // it ended while this waited, or before: the second request of a Swap begins here
		<-server.slots
		return nil, err
	}
	c := s.calls.Get().(*call)
	c.request, c.server, c.item = request, server, item
	c.state.Store(stateRunning)
	if ctx.Done() == nil {
		c.run()
	} else {
		go c.serve()
		select {
		case <-c.done:
		case <-ctx.Done():
			if s.adrift.leave(c) {
				return nil, ctx.Err() // c is the goroutine's now
			}
			<-c.done
		}
	}
	found, err := c.found, c.err
	c.item, c.found, c.err = memcache.Item{}, nil, nil
	s.calls.Put(c)
	return found, err
}

// run makes the request, and again where it was not sent because its connection was dead.
func (c *call) run() {
	client := c.store.client
	for attempt := 1; ; attempt++ {
		age := c.store.idlers.age()
		c.ask(client)
		if c.err == nil || !errors.Is(c.err, errStale) || attempt == attempts || c.state.Load() == stateLeft {
			break
		}
		c.store.idlers.drop(client, age) // the other idle ones are dead, too
	}
	if (c.err == nil || isAnswer(c.err)) && c.server.hopeless.Load() {
		c.server.hopeless.Store(false)
	}
	<-c.server.slots
	if c.store.owned && c.store.closed.Load() {
		client.Close() // the connection that this call has just put back
	}
}

func (c *call) ask(client *memcache.Client) {
	switch c.request {
	case reqGet:
		c.found, c.err = client.Get(c.item.Key)
	case reqGetAndTouch:
		c.found, c.err = client.GetAndTouch(c.item.Key, c.item.Expiration)
	case reqSet:
		c.err = client.Set(&c.item)
	case reqReplace:
		c.err = client.Replace(&c.item)
	case reqAdd:
		c.err = client.Add(&c.item)
	case reqCompareAndSwap:
		c.err = client.CompareAndSwap(&c.item)
	case reqDelete:
		c.err = client.Delete(c.item.Key)
	}
}

func (c *call) serve() {
	c.run()
	if c.state.CompareAndSwap(stateRunning, stateEnded) {
		c.done <- struct{}{}
		return
	}
	c.store.adrift.land(c)
}

// take waits for a connection to the server of a name. A selector may name another meanwhile, and the client would ask that one: it has a bound of
// its own.
func (s *Store) take(ctx context.Context, name string) (*server, error) {
	for {
		v, err := s.pick(name)
		if err != nil {
			return nil, err
		}
		select {
		case v.slots <- struct{}{}:
			return v, nil
		default:
		}
		if err := v.acquire(ctx, s.patience); err != nil {
			return nil, err
		}
		if now, err := s.pick(name); err == nil && now == v {
			return v, nil
		}
		<-v.slots
	}
}

// pick finds the server of a name, as the client will.
func (s *Store) pick(name string) (*server, error) {
	if s.selector == nil {
		return s.all, nil
	}
	addr, err := s.selector.PickServer(name)
	if err != nil {
		return nil, unplaced{err}
	}
	text := addr.String()
	s.mu.RLock()
	found := s.servers[text]
	s.mu.RUnlock()
	if found != nil {
		return found, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.servers[text] == nil {
		if len(s.servers) >= s.forgetAt {
			s.forget()
		}
		s.servers[text] = newServer(s.maxConns)
	}
	return s.servers[text], nil
}

// minServers is how many servers are remembered before the first look for those that are no longer named.
const minServers = 64

// forget drops the servers that the selector no longer names, or one whose addresses change would fill the memory. Those with requests under way
// stay until the next time. s.mu is held.
func (s *Store) forget() {
	named := make(map[string]bool)
	s.selector.Each(func(addr net.Addr) error {
		named[addr.String()] = true
		return nil
	})
	for text, server := range s.servers {
		if !named[text] && len(server.slots) == 0 {
			delete(s.servers, text)
		}
	}
	s.forgetAt = max(minServers, 2*len(s.servers)) // so that looking costs little for each that is added
}

// acquire waits until the server may have another connection, or ctx ends, or patience does: who set no deadline shall not stand in a queue
// that does not move.
func (v *server) acquire(ctx context.Context, patience time.Duration) error {
	select {
	case v.slots <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case v.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return errBusy
	}
}

// adrift are the writes whose callers have left while they were under way. They may still land, so the next write under the same name waits for
// them: what a caller deletes after he cancelled his Set stays deleted.
type adrift struct {
	count atomic.Int32
	mu    sync.Mutex
	calls map[*call]struct{}
}

// leave lets the caller go, unless c has ended.
func (a *adrift) leave(c *call) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !c.state.CompareAndSwap(stateRunning, stateLeft) {
		return false
	}
	if c.request >= reqSet {
		c.over = make(chan struct{})
		a.calls[c] = struct{}{}
		a.count.Add(1)
	}
	return true
}

// land is told of a call that has ended and whose caller has left.
func (a *adrift) land(c *call) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c.over != nil {
		delete(a.calls, c)
		a.count.Add(-1)
		close(c.over)
	}
}

// wait waits until no write under name is adrift.
func (a *adrift) wait(ctx context.Context, name string) error {
	for a.count.Load() > 0 {
		over := a.find(name)
		if over == nil {
			return nil
		}
		select {
		case <-over:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (a *adrift) find(name string) <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	for c := range a.calls {
		if c.item.Key == name {
			return c.over
		}
	}
	return nil
}
