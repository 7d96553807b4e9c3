package shard

import (
	"cmp"
	"crypto/md5"
	"encoding/binary"
	"slices"
	"strconv"
)

// point is a place on a ring of 32 bits, and the node that stands there.
type point struct {
	hash uint32
	node int32
}

// points is a ring: points in order of their hashes, each hash once.
type points []point

// newPoints puts points in order. Where several have the same hash, keep says whether the last of them stays, as in a dictionary that is
// filled with one after the other, or the first, as in a search through all of them.
func newPoints(all []point, last bool) points {
	if last {
		slices.Reverse(all)
	}
	slices.SortStableFunc(all, func(a, b point) int { return cmp.Compare(a.hash, b.hash) })
	return slices.Clip(slices.CompactFunc(all, func(a, b point) bool { return a.hash == b.hash }))
}

// atOrAfter is the node of the first point that is not before hash; behind the last point the ring begins again.
func (p points) atOrAfter(hash uint32) int {
	lo, hi := 0, len(p)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if p[mid].hash < hash {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == len(p) {
		lo = 0
	}
	return int(p[lo].node)
}

// after is the node of the first point behind hash: a key whose hash is a point's belongs to the next one.
func (p points) after(hash uint32) int {
	return p.atOrAfter(hash + 1) // the greatest hash wraps to 0, and so does the ring
}

// md5Points appends points for a node: the first words of each of so many MD5s of "name-0", "name-1", ...
func md5Points(all []point, node int, name string, sums, words int) []point {
	for i := range sums {
		sum := md5.Sum(strconv.AppendInt([]byte(name+"-"), int64(i), 10))
		for j := range words {
			all = append(all, point{binary.LittleEndian.Uint32(sum[4*j:]), int32(node)})
		}
	}
	return all
}
