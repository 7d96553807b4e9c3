package shard

import (
	"cmp"
	"strings"
)

// modulo places a key by the remainder of its hash. Where weights count, a node stands in the list as often as its weight says.
type modulo struct {
	nodeSet
	hash keyHash
	ends []uint32 // of each node's stretch of the list; nil: each stands in it once
	len  uint32   // of the list
}

func (m *modulo) Place(key string) int {
	at := m.hash(key) % m.len
	if m.ends == nil {
		return int(at)
	}
	lo, hi := 0, len(m.ends)
	for lo < hi { // the first stretch that ends behind it
		mid := int(uint(lo+hi) >> 1)
		if m.ends[mid] <= at {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

func newModulo(s nodeSet, hash keyHash, weights bool) *modulo {
	m := &modulo{nodeSet: s, hash: hash, len: uint32(len(s.nodes))}
	if !weights || !s.weighted() {
		return m
	}
	m.len = 0
	for _, n := range s.nodes {
		m.len += uint32(n.Weight)
		m.ends = append(m.ends, m.len)
	}
	return m
}

// newModPython is the rule of python-memcached.
func newModPython(s nodeSet) (Placement, error) {
	return newModulo(s, func(key string) uint32 { return max(1, crc32Of(key)>>16&0x7fff) }, true), nil
}

// newModGomemcache is the rule of gomemcache's ServerList. It hashes at most 256 bytes of a key.
func newModGomemcache(s nodeSet) (Placement, error) {
	return newModulo(s, func(key string) uint32 { return crc32Of(key[:min(len(key), 256)]) }, true), nil
}

// modTwemproxy is the rule of twemproxy's distribution modula. It puts its servers in order, whatever the order that its file has: shorter names
// first, and names of one length as their bytes compare.
func modTwemproxy(hash keyHash) func(nodeSet) (Placement, error) {
	return func(s nodeSet) (Placement, error) {
		names, err := s.hostNames()
		if err != nil {
			return nil, err
		}
		order := sortedBy(len(names), func(a, b int) int {
			return cmp.Or(cmp.Compare(len(names[a]), len(names[b])), strings.Compare(names[a], names[b]))
		})
		inOrder := nodeSet{algorithm: s.algorithm}
		for _, i := range order {
			inOrder.nodes = append(inOrder.nodes, s.nodes[i])
		}
		return &sorted{nodeSet: s, list: newModulo(inOrder, hash, true), order: order}, nil
	}
}

// sorted places keys on a list of its nodes in another order.
type sorted struct {
	nodeSet
	list  *modulo
	order []int // the index of each in nodeSet
}

func (s *sorted) Place(key string) int { return s.order[s.list.Place(key)] }

// modLibmemcached is the rule of libmemcached without any setting. It has no use for weights.
func modLibmemcached(hash keyHash) func(nodeSet) (Placement, error) {
	return func(s nodeSet) (Placement, error) { return newModulo(s, hash, false), nil }
}
