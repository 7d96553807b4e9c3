package fleettest

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
	"go.uber.org/goleak"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/shard"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testserver.With(m)) }

// fleet is a set of servers that run, with their weights.
type fleet struct {
	name    string
	servers []*testserver.Server
	nodes   []shard.Node // each is called by its address unless a test says otherwise
}

func newFleet(t testing.TB, name string, weights ...int) *fleet {
	t.Helper()
	f := &fleet{name: name}
	for _, w := range weights {
		s := testserver.NewMemcached(t)
		f.servers = append(f.servers, s)
		f.nodes = append(f.nodes, shard.Node{Name: s.Addr, Weight: w})
	}
	stopTogether(t, f)
	return f
}

// stopTogether stops the servers at the end, all at once: memcached takes a second for it.
func stopTogether(t testing.TB, f *fleet) {
	t.Cleanup(func() {
		var stops sync.WaitGroup
		for _, s := range f.servers {
			stops.Go(func() { s.Stop(t) })
		}
		stops.Wait()
	})
}

// addrs are the addresses of the nodes.
func (f *fleet) addrs() map[string]string {
	addrs := make(map[string]string)
	for i, n := range f.nodes {
		addrs[n.Name] = f.servers[i].Addr
	}
	return addrs
}

// url is the fleet as package larder opens it.
func (f *fleet) url(placement string) string {
	var hosts, params []string
	for i, n := range f.nodes {
		hosts = append(hosts, f.servers[i].Addr)
		params = append(params, fmt.Sprintf("&weight=%s:%d", f.servers[i].Addr, n.Weight))
		if n.Name != f.servers[i].Addr {
			params = append(params, fmt.Sprintf("&name=%s=%s", n.Name, f.servers[i].Addr))
		}
	}
	return "memcached://" + strings.Join(hosts, ",") + "?x-op-timeout=20s&placement=" + placement + strings.Join(params, "")
}

func (f *fleet) selector(t testing.TB, placement string) *shard.Selector {
	t.Helper()
	p, err := shard.NewPlacement(placement, f.nodes)
	if err != nil {
		t.Fatal(err)
	}
	s, err := shard.NewSelector(p, f.addrs())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// client is gomemcache with nothing but the selector between.
func client(t testing.TB, s memcache.ServerSelector) *memcache.Client {
	t.Helper()
	c := memcache.NewFromSelector(s)
	c.Timeout = 20 * time.Second // a machine may be busy
	t.Cleanup(func() { c.Close() })
	return c
}

// one is a client of one server.
func one(t testing.TB, addr string) *memcache.Client {
	t.Helper()
	list := new(memcache.ServerList)
	if err := list.SetServers(addr); err != nil {
		t.Fatal(err)
	}
	return client(t, list)
}

// keys are n keys as programs have them, of many lengths, with every character that memcached takes.
func keys(prefix string, n int) []string {
	long := strings.Repeat("0123456789", 25)
	var plain []byte
	for c := byte('!'); c <= '~'; c++ {
		if c != '/' { // the tools take the names of files for keys
			plain = append(plain, c)
		}
	}
	var found []string
	for i := range n {
		key := fmt.Sprintf("%s:%d", prefix, i)
		switch i % 5 {
		case 1:
			key += "@" + string(plain[:i%len(plain)])
		case 2:
			key = (key + "#" + long)[:min(250, len(key)+1+i)]
		case 3:
			key += "@" + string(plain[i%len(plain):])
		case 4:
			key += "é日"
		}
		found = append(found, key)
	}
	return found
}

// pairs gives each key a value of its own.
func pairs(keys []string, by string) map[string]string {
	found := make(map[string]string)
	for _, key := range keys {
		found[key] = fmt.Sprintf("%s, by %s", key, by)
	}
	return found
}

func set(t testing.TB, c *memcache.Client, pairs map[string]string) {
	t.Helper()
	for key, value := range pairs {
		if err := c.Set(&memcache.Item{Key: key, Value: []byte(value)}); err != nil {
			t.Fatalf("%s: %v", key, err)
		}
	}
}

func get(t testing.TB, c *memcache.Client, keys []string) map[string]string {
	t.Helper()
	found := make(map[string]string)
	for _, key := range keys {
		switch item, err := c.Get(key); {
		case err == nil:
			found[key] = string(item.Value)
		case err != memcache.ErrCacheMiss:
			t.Fatalf("%s: %v", key, err)
		}
	}
	return found
}

// same wants every pair.
func same(t testing.TB, what string, got, want map[string]string) {
	t.Helper()
	wrong := 0
	for key, value := range want {
		if got[key] != value {
			if wrong++; wrong <= 3 {
				t.Errorf("%s: under %q %q; want %q", what, key, got[key], value)
			}
		}
	}
	if wrong > 0 {
		t.Errorf("%s: %d of %d keys are wrong", what, wrong, len(want))
	}
}
