package shard

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// benchKeys are as long as Larder's session ids: 43 characters.
func benchKeys() []string {
	keys := sha1Keys(1024)
	for i := range keys {
		keys[i] += "abc"
	}
	return keys
}

// weighing gives nodes weights from 1 to 10.
func weighing(nodes []Node) []Node {
	nodes = slices.Clone(nodes)
	for i := range nodes {
		nodes[i].Weight = 1 + i%10
	}
	return nodes
}

// BenchmarkPlace is every algorithm among 10 nodes.
func BenchmarkPlace(b *testing.B) {
	keys, nodes := benchKeys(), numbered(10, "10.0.0.%d:6379")
	for _, algorithm := range Algorithms() {
		for _, set := range []struct {
			name  string
			nodes []Node
		}{{"equal", nodes}, {"weighted", weighing(nodes)}} {
			b.Run(algorithm+"/"+set.name, func(b *testing.B) {
				p := place(b, algorithm, set.nodes...)
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					p.Place(keys[i%len(keys)])
					i++
				}
			})
		}
	}
}

// BenchmarkPlaceAmongMany is rendezvous among 1,000 nodes against hashing the key once per node, as rendezvous would be done plainly: in rounds that take turns, so that what the machine
// does meanwhile hits both.
func BenchmarkPlaceAmongMany(b *testing.B) {
	const rounds, perRound = 9, 200
	keys, nodes := benchKeys(), numbered(1000, "10.0.0.%d:6379")
	var sink uint64
	for _, set := range []struct {
		name  string
		nodes []Node
	}{{"equal", nodes}, {"weighted", weighing(nodes)}} {
		b.Run(set.name, func(b *testing.B) {
			p := place(b, Rendezvous, set.nodes...)
			var ratios, ours, theirs []float64
			for b.Loop() {
				for range rounds {
					start := time.Now()
					for i := range perRound {
						for range nodes {
							sink += hash64(keys[i])
						}
					}
					hashing := time.Since(start)
					start = time.Now()
					for i := range perRound {
						sink += uint64(p.Place(keys[i]))
					}
					placing := time.Since(start)
					ratios = append(ratios, float64(placing)/float64(hashing))
					ours = append(ours, float64(placing)/perRound)
					theirs = append(theirs, float64(hashing)/perRound)
				}
			}
			for name, values := range map[string][]float64{"ratio": ratios, "ns/place": ours, "ns/1000-hashes": theirs} {
				slices.Sort(values)
				b.ReportMetric(values[len(values)/2], name)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
	if sink == 0 {
		b.Fatal("nothing was hashed")
	}
}

// BenchmarkNewPlacement is what a change of the set costs.
func BenchmarkNewPlacement(b *testing.B) {
	for _, n := range []int{10, 1000} {
		nodes := numbered(n, "10.0.0.%d:6379")
		for _, algorithm := range Algorithms()[:8] {
			b.Run(fmt.Sprint(algorithm, "/", n), func(b *testing.B) {
				for b.Loop() {
					place(b, algorithm, nodes...)
				}
			})
		}
	}
}

// BenchmarkRingPick is a lookup on a ring from many goroutines.
func BenchmarkRingPick(b *testing.B) {
	r, keys := ring(b, "", numbered(10, "10.0.0.%d:6379")...), benchKeys()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, err := r.Pick(keys[i%len(keys)]); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
