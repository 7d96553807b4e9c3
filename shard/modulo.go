package shard

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

// modTwemproxy is the rule of twemproxy's distribution modula.
func modTwemproxy(hash keyHash) func(nodeSet) (Placement, error) {
	return func(s nodeSet) (Placement, error) { return newModulo(s, hash, true), nil }
}

// modLibmemcached is the rule of libmemcached without any setting. It has no use for weights.
func modLibmemcached(hash keyHash) func(nodeSet) (Placement, error) {
	return func(s nodeSet) (Placement, error) { return newModulo(s, hash, false), nil }
}
