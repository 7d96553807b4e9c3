package shard

import (
	"fmt"
	"testing"
)

// twemproxy 0.5.0 sorts its servers by name, shorter names first, as package fleettest sees with the proxy itself: so in whichever order they
// are given here, each key has its node.
func TestModTwemproxyOrder(t *testing.T) {
	inOrder := []Node{{"b", 2}, {"c", 1}, {"aa:11211", 1}, {"zz", 3}, {"aaa", 1}}
	for _, algorithm := range []string{ModTwemproxyFNV, ModTwemproxyCRC} {
		want := place(t, algorithm, inOrder...)
		for _, order := range [][]int{{4, 3, 2, 1, 0}, {2, 0, 4, 1, 3}} {
			var nodes []Node
			for _, i := range order {
				nodes = append(nodes, inOrder[i])
			}
			p := place(t, algorithm, nodes...)
			for i := range 500 {
				if key := fmt.Sprint(i); at(p, key) != at(want, key) {
					t.Fatalf("%s, order %v: %s on %s, not %s", algorithm, order, key, at(p, key), at(want, key))
				}
			}
		}
		// And in this order it is the list that others have.
		list := newModulo(nodeSet{nodes: inOrder}, builtHash(algorithm), true)
		for i := range 500 {
			if key := fmt.Sprint(i); want.Place(key) != list.Place(key) {
				t.Fatalf("%s: %s on %d, not %d", algorithm, key, want.Place(key), list.Place(key))
			}
		}
	}
}

func builtHash(algorithm string) keyHash {
	if algorithm == ModTwemproxyCRC {
		return crc32Of
	}
	return fnv1a64
}
