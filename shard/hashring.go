package shard

import (
	"cmp"
	"crypto/md5"
	"encoding/binary"
	"slices"
	"strconv"
)

// hashRing is the ring of the Tornado session framework, with what it meant: its points stand in order, and behind the last comes the
// first.
type hashRing struct {
	nodeSet
	points []point128
}

// point128 is a whole MD5 as a number, and the node that stands there.
type point128 struct {
	hi, lo uint64
	node   int32
}

func newPoint128(sum [md5.Size]byte, node int) point128 {
	return point128{hi: binary.BigEndian.Uint64(sum[:8]), lo: binary.BigEndian.Uint64(sum[8:]), node: int32(node)}
}

func comparePoints128(a, b point128) int {
	return cmp.Or(cmp.Compare(a.hi, b.hi), cmp.Compare(a.lo, b.lo))
}

// newHashRing gives each node 32 points in proportion to its weight.
func newHashRing(s nodeSet) (Placement, error) {
	r, total := &hashRing{nodeSet: s}, s.total()
	for i, n := range s.nodes {
		for j := range 32 * len(s.nodes) * n.Weight / total {
			r.points = append(r.points, newPoint128(md5.Sum([]byte(n.Name+"-"+strconv.Itoa(j))), i))
		}
	}
	slices.SortStableFunc(r.points, comparePoints128)
	return r, nil
}

func (r *hashRing) Place(key string) int { return r.after(newPoint128(md5Of(key), 0)) }

// after is the node of the first point behind this one.
func (r *hashRing) after(at point128) int {
	lo, hi := 0, len(r.points)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if comparePoints128(r.points[mid], at) <= 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == len(r.points) {
		lo = 0
	}
	return int(r.points[lo].node)
}
