package shard_test

import (
	"slices"
	"testing"
	"time"

	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
)

// BenchmarkCountMoves counts 100,000 entries on four nodes in memory for a fifth, in turns with a bare list of them.
func BenchmarkCountMoves(b *testing.B) {
	four := []shard.Node{planNode("a"), planNode("b"), planNode("c"), planNode("d")}
	now, next := placement(b, "", four...), placement(b, "", append(four[:4:4], planNode("e"))...)
	nodes := onNodes(b, now, 100_000, "e")
	var ratios []float64
	var counting time.Duration
	for b.Loop() {
		start := time.Now()
		for _, s := range nodes {
			for _, err := range store.List(b.Context(), s, "") {
				if err != nil {
					b.Fatal(err)
				}
			}
		}
		listed := time.Since(start)
		if _, err := shard.CountMoves(b.Context(), nodes, now, next, nil); err != nil {
			b.Fatal(err)
		}
		took := time.Since(start) - listed
		counting += took
		ratios = append(ratios, float64(took)/float64(listed))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "count/list")
	b.ReportMetric(float64(counting.Nanoseconds())/float64(b.N)/100_000, "ns/entry")
}
