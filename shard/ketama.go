package shard

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ring32 places keys on a ring of 32 bits.
type ring32 struct {
	nodeSet
	points points
	hash   keyHash
	behind bool // a key that hashes to a point itself belongs to the next
}

func (r *ring32) Place(key string) int {
	if r.behind {
		return r.points.after(r.hash(key))
	}
	return r.points.atOrAfter(r.hash(key))
}

// ketama is libmemcached's consistent hashing: 100 points per node, points and keys by the same hash. As soon as any node has a weight
// above 1, libmemcached turns to the rule of ketamaWeighted, but goes on hashing keys as it did; so does this.
func ketama(hash keyHash) func(nodeSet) (Placement, error) {
	return func(s nodeSet) (Placement, error) {
		if s.weighted() {
			return withMD5(ketamaWeighted(hash))(s)
		}
		names, err := s.hostNames()
		if err != nil {
			return nil, err
		}
		var all []point
		for i, name := range names {
			for j := range 100 {
				all = append(all, point{hash(name + "-" + strconv.Itoa(j)), int32(i)})
			}
		}
		return &ring32{nodeSet: s, points: newPoints(all, false), hash: hash}, nil
	}
}

// ketamaWeighted is the rule of libmemcached's weighted ketama, and of twemproxy's.
func ketamaWeighted(hash keyHash) func(nodeSet) (Placement, error) {
	return func(s nodeSet) (Placement, error) {
		names, err := s.hostNames()
		if err != nil {
			return nil, err
		}
		var all []point
		for i, name := range names {
			all = md5Points(all, i, name, ketamaSums(s.nodes[i].Weight, s.total(), len(names)), 4)
		}
		return &ring32{nodeSet: s, points: newPoints(all, false), hash: hash}, nil
	}
}

// ketamaSums is how many MD5s a node gets, 40 on average. The C programs count in single precision, and their rounding decides about whole
// points: every step is rounded as theirs are.
func ketamaSums(weight, total, nodes int) int {
	share := float32(float32(weight) / float32(total))
	sums := float32(float32(share*160) / 4)
	sums = float32(sums * float32(nodes))
	return int(math.Floor(float64(float32(float64(sums) + 1e-10))))
}

// hostNames are the names as libmemcached and twemproxy hash them: without memcached's own port, and without the brackets of an IPv6
// address.
func (s nodeSet) hostNames() ([]string, error) {
	names, seen := make([]string, len(s.nodes)), make(map[string]string, len(s.nodes))
	for i, n := range s.nodes {
		names[i] = hostName(n.Name)
		if other, twice := seen[names[i]]; twice {
			return nil, fmt.Errorf("%w: %q and %q are one name to %s, which leaves port 11211 away", ErrInvalidNode, other, n.Name, s.algorithm)
		}
		seen[names[i]] = n.Name
	}
	return names, nil
}

func hostName(name string) string {
	host, port, ok := strings.Cut(name, ":")
	if strings.HasPrefix(name, "[") {
		host, port, ok = strings.Cut(name[1:], "]:")
		host = strings.TrimSuffix(host, "]")
	}
	switch {
	case strings.Contains(port, ":"): // an IPv6 address without brackets: where its port begins is not to be seen
		return name
	case ok && port != "11211":
		return host + ":" + port
	}
	return host
}

// newPythonHashRing is the rule of Python's hash_ring: 40 MD5s per node, in proportion to its weight, of which three words are points.
func newPythonHashRing(s nodeSet) (Placement, error) { return pythonRing(s, 3), nil }

// newUhashring is that of uhashring's ketama: all four words. The C programs differ from it by how they round the number of MD5s, as they do for
// 25 equal nodes, by a key that falls exactly on a point, and by memcached's own port.
func newUhashring(s nodeSet) (Placement, error) { return pythonRing(s, 4), nil }

func pythonRing(s nodeSet, words int) *ring32 {
	var all []point
	total := s.total()
	for i, n := range s.nodes {
		all = md5Points(all, i, n.Name, 40*len(s.nodes)*n.Weight/total, words)
	}
	return &ring32{nodeSet: s, points: newPoints(all, true), hash: md5Word, behind: true}
}
