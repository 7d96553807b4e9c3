package memstore

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
)

// A Selector whose addresses change does not fill the memory, and one that is still named or asked keeps its bound on connections.
func TestServersForgotten(t *testing.T) {
	client := memcache.NewFromSelector(hosts{&host{"tcp", "127.0.0.1:1"}})
	moving := &movingSelector{}
	s, err := New(client, &Options{Selector: moving})
	if err != nil {
		t.Fatal(err)
	}
	moving.move("busy", "stays")
	busy, _ := s.pick("key")
	if err := busy.acquire(context.Background(), time.Second); err != nil {
		t.Fatal(err)
	}
	moving.move("stays")
	stays, _ := s.pick("key")
	for i := range 10 * minServers {
		moving.move(fmt.Sprint("moved-", i), "stays")
		if _, err := s.pick("key"); err != nil {
			t.Fatal(err)
		}
		if n := len(s.servers); n > minServers {
			t.Fatalf("after %d addresses %d servers are remembered", i+1, n)
		}
	}
	for name, was := range map[string]*server{"busy": busy, "stays": stays} {
		moving.move(name)
		if now, err := s.pick("key"); now != was || err != nil {
			t.Errorf("%q is forgotten", name)
		}
	}

	// As many as are named are remembered, however many.
	var many []string
	for i := range 5 * minServers {
		many = append(many, fmt.Sprint("many-", i))
	}
	found := make(map[string]*server)
	for range 2 {
		for i, name := range many {
			moving.move(append([]string{name}, many...)...)
			now, _ := s.pick("key")
			if was := found[name]; was != nil && was != now {
				t.Fatalf("server %d of those that are named is forgotten", i)
			}
			found[name] = now
		}
	}
}

// Who waits for a connection to a server that his key is not on any more waits no longer there: each has a bound of its own.
func TestServerChangesMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		moving := &movingSelector{}
		s, err := New(memcache.NewFromSelector(moving), &Options{Selector: moving, MaxConns: 1})
		if err != nil {
			t.Fatal(err)
		}
		ctx := context.Background()
		moving.move("first")
		first, err := s.take(ctx, "key")
		if err != nil {
			t.Fatal(err)
		}
		taken := make(chan *server)
		go func() {
			v, err := s.take(ctx, "key")
			if err != nil {
				t.Error(err)
			}
			taken <- v
		}()
		synctest.Wait()
		moving.move("second")
		<-first.slots
		if v := <-taken; v == first || len(v.slots) != 1 || len(first.slots) != 0 {
			t.Errorf("it has a connection to the first: %t; the first has %d, its own %d", v == first, len(first.slots), len(v.slots))
		}
	})
}

// movingSelector places every key on the first of its servers.
type movingSelector struct {
	mu  sync.Mutex
	now hosts
}

func (m *movingSelector) move(names ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = nil
	for _, name := range names {
		m.now = append(m.now, &host{"tcp", name})
	}
}

func (m *movingSelector) PickServer(string) (net.Addr, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now[0], nil
}

func (m *movingSelector) Each(do func(net.Addr) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now.Each(do)
}
