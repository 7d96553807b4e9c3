package shard

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bradfitz/gomemcache/memcache"
	"pgregory.net/rapid"

	"github.com/larder-go/larder/store"
)

// numbered are n nodes of weight 1, with these names.
func numbered(n int, format string) (nodes []Node) {
	for i := range n {
		nodes = append(nodes, Node{Name: fmt.Sprintf(format, i+1), Weight: 1})
	}
	return nodes
}

// TestPlacementErrors: what cannot be placed on is refused, and the text says what to do.
func TestPlacementErrors(t *testing.T) {
	for _, c := range []struct {
		name      string
		algorithm string
		nodes     []Node
		want      error
		text      string
	}{
		{"no nodes", "", nil, ErrNoNodes, "shard: placement: no nodes"},
		{"unknown algorithm", "jump", numbered(1, "n%d"), ErrUnknownAlgorithm, "rendezvous, ketama, ketama-weighted, hash_ring"},
		{"upper case", "Rendezvous", numbered(1, "n%d"), ErrUnknownAlgorithm, `"Rendezvous"`},
		{"no name", "", []Node{{}}, ErrInvalidNode, "empty"},
		{"twice", "", []Node{{"a", 1}, {"b", 1}, {"a", 2}}, ErrInvalidNode, `"a"`},
		{"long name", "", []Node{{strings.Repeat("n", 256), 1}}, ErrInvalidNode, "255"},
		{"control character", "", []Node{{"a\nb", 1}}, ErrInvalidNode, `"a\nb"`},
		{"another", "", []Node{{"a\u0085b", 1}}, ErrInvalidNode, "U+0085"},
		{"right to left", "", []Node{{"a\u202eb", 1}}, ErrInvalidNode, "U+202E"},
		{"no width", "", []Node{{"a\u200bb", 1}}, ErrInvalidNode, "U+200B"},
		{"not UTF-8", "", []Node{{"a\xff", 1}}, ErrInvalidNode, "UTF-8"},
		{"weight", "", []Node{{"a", 10_001}}, ErrInvalidNode, "10000"},
		{"negative weight", "", []Node{{"a", -1}}, ErrInvalidNode, "-1"},
		{"one server by two names", Ketama, []Node{{"a", 1}, {"a:11211", 1}}, ErrInvalidNode, "11211"},
		{"brackets", KetamaWeighted, []Node{{"[::1]", 1}, {"[::1]:11211", 1}}, ErrInvalidNode, "11211"},
	} {
		p, err := NewPlacement(c.algorithm, c.nodes)
		if p != nil || !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) || strings.Count(err.Error(), "shard:") != 1 {
			t.Errorf("%s: %v, %v", c.name, p, err)
		}
	}
}

// TestPlacementNodes: a placement tells its nodes as they were given, and nothing that its caller does later changes it.
func TestPlacementNodes(t *testing.T) {
	longest := strings.Repeat("n", 255)
	given := []Node{{longest, 0}, {"b c", MaxWeight}, {"é", 1}}
	for _, algorithm := range append([]string{""}, Algorithms()...) {
		p := place(t, algorithm, given...)
		want := []Node{{longest, 1}, {"b c", MaxWeight}, {"é", 1}}
		if got := p.Nodes(); !slices.Equal(got, want) {
			t.Errorf("%s: %v", algorithm, got)
		}
		if got := p.Algorithm(); got != cmp.Or(algorithm, Rendezvous) {
			t.Errorf("%q is called %q", algorithm, got)
		}
		before := p.Place("key")
		given[0].Name, p.Nodes()[1].Name = "another", "another"
		if got := p.Nodes(); !slices.Equal(got, want) || p.Place("key") != before {
			t.Errorf("%s: changed from outside: %v", algorithm, got)
		}
		given[0].Name = longest
	}
	if given[0].Weight != 0 {
		t.Error("the nodes that were given were changed")
	}
}

// TestAlgorithms: the default is the first, and the list is the caller's.
func TestAlgorithms(t *testing.T) {
	names := Algorithms()
	eight := []string{"rendezvous", "ketama", "ketama-weighted", "hash_ring", "hashring", "mod-python", "mod-gomemcache", "mod-libmemcached"}
	if !slices.Equal(names[:8], eight) {
		t.Error(names)
	}
	names[0] = "changed"
	if Algorithms()[0] != Rendezvous {
		t.Error("the list was changed")
	}
}

// TestPlacementFIPS: a program that may not use MD5 is told so by an error, not by a panic.
func TestPlacementFIPS(t *testing.T) {
	program := filepath.Join(t.TempDir(), "fips.exe")
	if out, err := exec.Command("go", "build", "-o", program, "./testdata/fips").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), "GODEBUG=fips140=only")
	out, err := cmd.CombinedOutput()
	if without := strings.Fields(string(out)); err != nil || len(without) != 7 || slices.Contains(without, Rendezvous) {
		t.Errorf("no MD5: %v, without %s", err, out)
	}
}

// TestPlaceAllocates nothing: it is part of every operation.
func TestPlaceAllocates(t *testing.T) {
	nodes := numbered(10, "10.0.0.%d:11212")
	heavy := slices.Clone(nodes)
	heavy[3].Weight = 7
	for _, algorithm := range Algorithms() {
		for _, p := range []Placement{place(t, algorithm, nodes...), place(t, algorithm, heavy...)} {
			for _, size := range []int{0, 1, 40, 64, 65, 250, store.MaxKeyLen} {
				key := strings.Repeat("k", size)
				if n := testing.AllocsPerRun(100, func() { p.Place(key) }); n != 0 {
					t.Errorf("%s allocates %v times for a key of %d bytes", algorithm, n, size)
				}
			}
		}
	}
}

// TestGomemcache: mod-gomemcache is what gomemcache's own selector does, for long keys too, of which it hashes 256 bytes.
func TestGomemcache(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 1))
	for n := 1; n <= 12; n++ {
		nodes, listed := numbered(n, "127.0.0.1:%d"), []string(nil)
		for i := range nodes {
			if n > 6 {
				nodes[i].Weight = 1 + rng.IntN(4) // "more weight if it's listed multiple times"
			}
			for range nodes[i].Weight {
				listed = append(listed, nodes[i].Name)
			}
		}
		var theirs memcache.ServerList
		if err := theirs.SetServers(listed...); err != nil {
			t.Fatal(err)
		}
		ours := place(t, ModGomemcache, nodes...)
		for i := range 2000 {
			key := strings.Repeat(strconv.FormatUint(rng.Uint64(), 36), 1+i%60)
			addr, err := theirs.PickServer(key)
			if err != nil {
				t.Fatal(err)
			}
			if got := at(ours, key); got != addr.String() {
				t.Fatalf("%d nodes: key %q lives on %s, gomemcache takes it to %s", n, key, got, addr)
			}
		}
	}
}

// anyNodes draws sets of nodes.
func anyNodes(min int) *rapid.Generator[[]Node] {
	node := rapid.Custom(func(t *rapid.T) Node {
		return Node{
			Name:   rapid.StringMatching(`[a-z0-9.]{1,12}(:[0-9]{1,5})?`).Draw(t, "name"),
			Weight: rapid.OneOf(rapid.Just(1), rapid.IntRange(1, 10), rapid.IntRange(1, MaxWeight)).Draw(t, "weight"),
		}
	})
	return rapid.SliceOfNDistinct(node, min, 20, func(n Node) string { return hostName(n.Name) })
}

// TestPlacementProperties: every algorithm places every key on one of the nodes, and does so again.
func TestPlacementProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := anyNodes(1).Draw(t, "nodes")
		key := rapid.String().Draw(t, "key")
		for _, algorithm := range Algorithms() {
			one, err := NewPlacement(algorithm, nodes)
			if err != nil {
				t.Fatal(err)
			}
			other, err := NewPlacement(algorithm, nodes)
			if err != nil {
				t.Fatal(err)
			}
			if i := one.Place(key); i < 0 || i >= len(nodes) || i != other.Place(key) || i != one.Place(key) {
				t.Fatalf("%s: node %d of %d", algorithm, i, len(nodes))
			}
		}
	})
}

// FuzzPlace: no key and no set of names brings an algorithm to its knees, and rendezvous does not care in which order nodes are given.
func FuzzPlace(f *testing.F) {
	f.Add("key", "a,b,c", uint16(1))
	f.Add("", "[::1]:11211,[::1]:11212", uint16(10_000))
	f.Add("a:1-0", "a:1,b:1", uint16(7))
	f.Fuzz(func(t *testing.T, key, list string, weight uint16) {
		var nodes []Node
		for i, name := range strings.Split(list, ",") {
			nodes = append(nodes, Node{name, int(weight) * (i % 3)})
		}
		for _, algorithm := range Algorithms() {
			p, err := NewPlacement(algorithm, nodes)
			if err != nil {
				if !errors.Is(err, ErrInvalidNode) {
					t.Fatal(err)
				}
				continue
			}
			if i := p.Place(key); i < 0 || i >= len(nodes) {
				t.Fatalf("%s: node %d of %d", algorithm, i, len(nodes))
			}
			if algorithm == Rendezvous {
				turned := slices.Clone(nodes)
				slices.Reverse(turned)
				if one, other := at(p, key), at(place(t, algorithm, turned...), key); one != other {
					t.Fatalf("%q, in another order %q", one, other)
				}
			}
		}
	})
}
