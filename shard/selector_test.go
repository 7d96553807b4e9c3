package shard

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bradfitz/gomemcache/memcache"
)

var _ memcache.ServerSelector = (*Selector)(nil)

func mustPlace(t testing.TB, algorithm string, nodes ...Node) Placement {
	t.Helper()
	p, err := NewPlacement(algorithm, nodes)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func mustSelect(t testing.TB, p Placement, addrs map[string]string) *Selector {
	t.Helper()
	s, err := NewSelector(p, addrs)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSelectorAddrs(t *testing.T) {
	for text, want := range map[string]string{
		"h":                      "tcp h:11211",
		"h:1":                    "tcp h:1",
		"10.0.0.1":               "tcp 10.0.0.1:11211",
		"[::1]":                  "tcp [::1]:11211",
		"[fe80::1%eth0]:2":       "tcp [fe80::1%eth0]:2",
		"/run/memcached.sock":    "unix /run/memcached.sock",
		"./mc.sock":              "unix ./mc.sock",
		"cache.example.com:5000": "tcp cache.example.com:5000",
	} {
		for _, s := range []*Selector{
			mustSelect(t, mustPlace(t, "", Node{Name: text}), nil),
			mustSelect(t, mustPlace(t, "", Node{Name: "a name"}), map[string]string{"a name": text}),
		} {
			addr, err := s.PickServer("key")
			if err != nil || addr.Network()+" "+addr.String() != want {
				t.Errorf("%q: %v, %v; want %s", text, addr, err, want)
			}
		}
	}
}

func TestSelectorInvalid(t *testing.T) {
	p := mustPlace(t, "", Node{Name: "a"}, Node{Name: "b"})
	ring, err := NewRing("", Node{Name: "a"})
	if err != nil {
		t.Fatal(err)
	}
	onRing, err := NewRingSelector(ring, nil)
	if err != nil {
		t.Fatal(err)
	}
	for text, says := range map[string]string{
		":11211":                     "no host",
		"h:":                         "1 to 65535",
		"h:0":                        "1 to 65535",
		"h:65536":                    "1 to 65535",
		"::1":                        "in brackets",
		"[::1":                       "no host",
		"[::1]x:2":                   "no host",
		"[10.0.0.1]:2":               "no host",
		"a b":                        "space",
		"h\n":                        "space",
		"u:secret@h":                 "in brackets|1 to 65535|no host",
		"memcached://u:secret@h:1/x": "is a URL",
	} {
		_, err1 := NewSelector(p, map[string]string{"a": text})
		_, err2 := NewRingSelector(ring, map[string]string{"later": text})
		for _, err := range []error{err1, err2, mustSelect(t, p, nil).SetAddr("a", text), onRing.SetAddr("later", text)} {
			told := slices.ContainsFunc(strings.Split(says, "|"), func(s string) bool { return strings.Contains(fmt.Sprint(err), s) })
			if !errors.Is(err, ErrInvalidNode) || !told || strings.Contains(err.Error(), "secret") || strings.Count(err.Error(), "shard: ") != 1 {
				t.Errorf("%q: %v; want ErrInvalidNode and %q", text, err, says)
			}
		}
	}
	if _, err := NewSelector(p, map[string]string{"c": "h"}); !errors.Is(err, ErrInvalidNode) {
		t.Errorf("an address for nobody: %v", err)
	}
	if err := mustSelect(t, p, nil).SetAddr("c", "h"); !errors.Is(err, ErrInvalidNode) {
		t.Errorf("an address for nobody, later: %v", err)
	}
	if _, err := NewSelector(mustPlace(t, "", Node{Name: "a name"}), nil); !errors.Is(err, ErrInvalidNode) {
		t.Errorf("a name that is no address: %v", err)
	}

	// A ring takes any name. Keys of one that is no address are an error, the others' are not.
	if err := ring.Add(Node{Name: "a name"}); err != nil {
		t.Fatal(err)
	}
	good := 0
	for i := range 100 {
		if addr, err := onRing.PickServer(fmt.Sprint(i)); err == nil && addr.String() == "a:11211" {
			good++
		} else if !errors.Is(err, ErrInvalidNode) {
			t.Fatal(addr, err)
		}
	}
	if good == 0 || good == 100 {
		t.Errorf("%d of 100 keys are picked", good)
	}
	var each []string
	err = onRing.Each(func(a net.Addr) error { each = append(each, a.String()); return nil })
	if !errors.Is(err, ErrInvalidNode) || !slices.Equal(each, []string{"a:11211"}) {
		t.Errorf("Each: %q, %v", each, err)
	}
	if err := onRing.SetAddr("a name", "b"); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if _, err := onRing.PickServer(fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"a", "a name"} {
		if err := ring.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := onRing.PickServer("key"); !errors.Is(err, ErrNoNodes) {
		t.Errorf("of an empty ring: %v", err)
	}
	if err := onRing.Each(func(net.Addr) error { return errors.New("called") }); err != nil {
		t.Errorf("Each of an empty ring: %v", err)
	}
}

// A selector picks what its placement says, by every algorithm, with addresses or without, and takes no memory for it.
func TestSelectorIsPlacement(t *testing.T) {
	nodes := []Node{{Name: "a"}, {Name: "b", Weight: 3}, {Name: "c", Weight: 2}}
	addrs := map[string]string{"b": "somewhere:1", "c": "/run/c.sock"}
	want := []string{"a:11211", "somewhere:1", "/run/c.sock"}
	for _, algorithm := range Algorithms() {
		p := mustPlace(t, algorithm, nodes...)
		s := mustSelect(t, p, addrs)
		ring, err := NewRing(algorithm, nodes...)
		if err != nil {
			t.Fatal(err)
		}
		onRing, err := NewRingSelector(ring, addrs)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 500 {
			key := fmt.Sprint("key-", i)
			for _, s := range []*Selector{s, onRing} {
				if addr, err := s.PickServer(key); err != nil || addr.String() != want[p.Place(key)] {
					t.Fatalf("%s: %v, %v; want %s", algorithm, addr, err, want[p.Place(key)])
				}
			}
		}
		for _, s := range []*Selector{s, onRing} {
			if n := testing.AllocsPerRun(100, func() { s.PickServer("a key") }); n > 0 {
				t.Errorf("%s: picking a server allocates %v times", algorithm, n)
			}
			var each []string
			if err := s.Each(func(a net.Addr) error { each = append(each, a.String()); return nil }); err != nil || !slices.Equal(each, want) {
				t.Errorf("Each: %q, %v", each, err)
			}
		}
	}

	// One server under two names is one server to Each, whose error ends it.
	s := mustSelect(t, mustPlace(t, "", nodes...), map[string]string{"b": "a", "c": "a:11211"})
	calls, stop := 0, errors.New("stop")
	if err := s.Each(func(net.Addr) error { calls++; return stop }); err != stop || calls != 1 {
		t.Errorf("Each: %v after %d calls", err, calls)
	}
	calls = 0
	if err := s.Each(func(net.Addr) error { calls++; return nil }); err != nil || calls != 1 {
		t.Errorf("Each: %v after %d calls", err, calls)
	}
}

// Nodes come and go, and change addresses and weights, while keys are picked: each answer is a server that was there.
func TestSelectorChanges(t *testing.T) {
	t.Parallel()
	ring, err := NewRing("", Node{Name: "stays"})
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewRingSelector(ring, map[string]string{"node-0": "first:1"})
	if err != nil {
		t.Fatal(err)
	}
	var done atomic.Bool
	var picks sync.WaitGroup
	for seed := range 4 {
		picks.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(seed)))
			for !done.Load() {
				addr, err := s.PickServer(fmt.Sprint(r.Uint64()))
				if err != nil {
					t.Error(err)
					return
				}
				if host, _, _ := strings.Cut(addr.String(), ":"); host != "stays" && host != "first" && host != "moved" && !strings.HasPrefix(host, "node-") {
					t.Errorf("nobody is called %s", addr)
					return
				}
				if err := s.Each(func(net.Addr) error { return nil }); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	r := rand.New(rand.NewPCG(2, 3))
	there := make(map[string]bool)
	for range 2000 {
		name := fmt.Sprint("node-", r.IntN(8))
		switch {
		case !there[name]:
			err = ring.Add(Node{Name: name, Weight: 1 + r.IntN(5)})
		case r.IntN(3) == 0:
			err = ring.SetWeight(name, 1+r.IntN(5))
		case r.IntN(2) == 0:
			err = s.SetAddr(name, fmt.Sprint("moved:", 1+r.IntN(9)))
		default:
			err = ring.Remove(name)
			there[name] = false
			if err == nil {
				continue
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		there[name] = true
	}
	done.Store(true)
	picks.Wait()

	// What is picked now is what the ring says now.
	placement := ring.Placement()
	want, visited := make(map[string]bool), make(map[string]bool)
	for i := range 10_000 {
		addr, err := s.PickServer(fmt.Sprint(i))
		if err != nil {
			t.Fatal(err)
		}
		name := placement.Nodes()[placement.Place(fmt.Sprint(i))].Name
		if host, port, _ := net.SplitHostPort(addr.String()); host != name && host != "moved" && host != "first" || name == "stays" && port != "11211" {
			t.Fatalf("%s is at %s", name, addr)
		}
		want[addr.String()] = true
	}
	if err := s.Each(func(a net.Addr) error { visited[a.String()] = true; return nil }); err != nil || !maps.Equal(visited, want) {
		t.Errorf("Each visits %v of %v: %v", visited, want, err)
	}
}

// The dialer is given the name, each time: who knows what it means now is asked again.
func TestSelectorResolvesAgain(t *testing.T) {
	s := mustSelect(t, mustPlace(t, "", Node{Name: "cache-a"}), nil)
	var asked []string
	client := memcache.NewFromSelector(s)
	client.DialContext = func(_ context.Context, network, address string) (net.Conn, error) {
		asked = append(asked, network+" "+address)
		return nil, errors.New("nobody lives there")
	}
	client.Get("key")
	client.Get("key")
	if err := s.SetAddr("cache-a", "other:1"); err != nil {
		t.Fatal(err)
	}
	client.Get("key")
	if err := s.SetAddr("cache-a", ""); err != nil {
		t.Fatal(err)
	}
	client.Get("key")
	if want := []string{"tcp cache-a:11211", "tcp cache-a:11211", "tcp other:1", "tcp cache-a:11211"}; !slices.Equal(asked, want) {
		t.Errorf("connections to %q; want %q", asked, want)
	}
}

// Picking a server costs what placing the key does, and nothing besides that one would notice before a round trip to the server.
func BenchmarkPickServer(b *testing.B) {
	list := new(memcache.ServerList)
	var nodes []Node
	var addrs []string
	for i := range 10 {
		addrs = append(addrs, fmt.Sprintf("127.0.0.1:%d", 11211+i))
		nodes = append(nodes, Node{Name: addrs[i]})
	}
	if err := list.SetServers(addrs...); err != nil {
		b.Fatal(err)
	}
	selectors := map[string]memcache.ServerSelector{"gomemcache": list}
	for _, algorithm := range []string{Rendezvous, Ketama, KetamaWeighted, ModGomemcache} {
		selectors[algorithm] = mustSelect(b, mustPlace(b, algorithm, nodes...), nil)
	}
	for _, name := range slices.Sorted(maps.Keys(selectors)) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				selectors[name].PickServer("session:0123456789abcdef0123456789abcdef")
			}
		})
	}
}
