package shard

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// TestPointLookup: around every point, on it and at both ends, the ring finds what a search through all points finds.
func TestPointLookup(t *testing.T) {
	all := []point{{0, 0}, {5, 1}, {6, 2}, {1 << 31, 3}, {math.MaxUint32, 4}}
	for from := range all {
		for to := from + 1; to <= len(all); to++ {
			ring := points(all[from:to])
			for _, p := range all {
				for _, hash := range []uint32{p.hash - 1, p.hash, p.hash + 1} {
					first := func(ok func(point) bool) int { return int(ring[max(0, slices.IndexFunc(ring, ok))].node) }
					if got, want := ring.atOrAfter(hash), first(func(p point) bool { return p.hash >= hash }); got != want {
						t.Errorf("%v: at or after %d: node %d, not %d", ring, hash, got, want)
					}
					if got, want := ring.after(hash), first(func(p point) bool { return p.hash > hash }); got != want {
						t.Errorf("%v: after %d: node %d, not %d", ring, hash, got, want)
					}
				}
			}
		}
	}
}

// TestPointsThatMeet: two nodes with one point. A C client finds the first of its list, a Python client has overwritten the first by the last.
func TestPointsThatMeet(t *testing.T) {
	all := []point{{7, 0}, {3, 0}, {7, 1}, {9, 1}, {7, 2}}
	if got := newPoints(slices.Clone(all), false); !slices.Equal(got, points{{3, 0}, {7, 0}, {9, 1}}) {
		t.Error(got)
	}
	if got := newPoints(slices.Clone(all), true); !slices.Equal(got, points{{3, 0}, {7, 2}, {9, 1}}) {
		t.Error(got)
	}
}

// TestKeyOnPoint: a key that reads like a point hashes to that very point, wherever keys and points have one hash. libmemcached gives it to the point's
// own node, which libmemcached.json has too; both Python rings and the original give it to the next point.
func TestKeyOnPoint(t *testing.T) {
	nodes := numbered(5, "10.0.0.%d:6379")
	for _, algorithm := range []string{Ketama, KetamaMD5, KetamaWeighted, PythonHashRing, KetamaUhashring} {
		r := place(t, algorithm, nodes...).(*ring32)
		next := 0
		for _, n := range nodes {
			for _, suffix := range []string{"-0", "-1", "-17", "-39"} {
				key := n.Name + suffix
				i := slices.IndexFunc(r.points, func(p point) bool { return p.hash == r.hash(key) })
				if i < 0 {
					t.Fatalf("%s: key %q is on no point", algorithm, key)
				}
				want := i
				if r.behind {
					want = (i + 1) % len(r.points)
				}
				if got := r.Place(key); got != int(r.points[want].node) {
					t.Errorf("%s: key %q lives on %d, not on %d", algorithm, key, got, r.points[want].node)
				}
				if r.points[want].node != r.points[i].node {
					next++
				}
			}
		}
		if r.behind != (next > 0) {
			t.Errorf("%s: %d keys on a point live on another node than the point's", algorithm, next)
		}
	}
	r := place(t, HashRing, nodes...).(*hashRing)
	for i, p := range r.points {
		if got, want := r.after(p), int(r.points[(i+1)%len(r.points)].node); got != want {
			t.Errorf("hashring: on point %d: node %d, not %d", i, got, want)
		}
		if p.lo--; r.after(p) != int(r.points[i].node) {
			t.Errorf("hashring: just before point %d: node %d", i, r.after(p))
		}
	}
	if key := "10.0.0.1:6379-0"; !slices.ContainsFunc(r.points, func(p point128) bool { return comparePoints128(p, newPoint128(md5Of(key), 0)) == 0 }) {
		t.Errorf("hashring: key %q is on no point", key)
	}
}

// TestHostNames: what the C programs hash of a server's name.
func TestHostNames(t *testing.T) {
	for name, want := range map[string]string{
		"cache":               "cache",
		"cache:11211":         "cache",
		"cache:11212":         "cache:11212",
		"cache:112110":        "cache:112110",
		"10.0.0.1:11211":      "10.0.0.1",
		"[::1]":               "::1",
		"[::1]:11211":         "::1",
		"[::1]:11212":         "::1:11212",
		"::1":                 "::1",
		"::1:11211":           "::1:11211",
		"/run/memcached.sock": "/run/memcached.sock",
	} {
		if got := hostName(name); got != want {
			t.Errorf("%s is hashed as %s, not %s", name, got, want)
		}
	}
}

// TestKetamaRounding: in single precision 25 equal nodes have 39 sums each, not 40, in libmemcached and twemproxy; uhashring counts in whole numbers.
func TestKetamaRounding(t *testing.T) {
	for n, want := range map[int]int{1: 40, 10: 40, 24: 40, 25: 39, 47: 39, 50: 39, 100: 39} {
		if got := ketamaSums(1, n, n); got != want {
			t.Errorf("%d nodes: %d sums, not %d", n, got, want)
		}
		nodes := numbered(n, "n%d")
		if got := len(place(t, KetamaUhashring, nodes...).(*ring32).points); got > 160*n || got < 160*n-2 {
			t.Errorf("uhashring: %d nodes have %d points", n, got)
		}
	}
}

// TestModPython: python-memcached has no use for a hash of 0 and takes 1 for it, which makes a difference to one key in 32768.
func TestModPython(t *testing.T) {
	p, found := place(t, ModPython, numbered(3, "n%d")...), 0
	for i := range 200_000 {
		if key := fmt.Sprint("k", i); crc32Of(key)>>16&0x7fff == 0 {
			if found++; p.Place(key) != 1 {
				t.Errorf("key %q lives on %d", key, p.Place(key))
			}
		}
	}
	if found == 0 {
		t.Error("no key has this hash")
	}
}

// TestHashes has each hash on known texts.
func TestHashes(t *testing.T) {
	for _, c := range []struct {
		name string
		hash keyHash
		key  string
		want uint32
	}{
		{"md5", md5Word, "", 0xd98c1dd4}, // of d41d8cd98f00b204e9800998ecf8427e
		{"crc32", crc32Of, "123456789", 0xcbf43926},
		{"one at a time", oneAtATime, "a", 0xca2e9442},
		{"one at a time", oneAtATime, "The quick brown fox jumps over the lazy dog", 0x519e91f5},
		{"one at a time, signed", oneAtATime, "caf\xc3\xa9", 0xd99c709e}, // libhashkit's own answer
	} {
		if got := c.hash(c.key); got != c.want {
			t.Errorf("%s of %q is %#x, not %#x", c.name, c.key, got, c.want)
		}
	}
}
