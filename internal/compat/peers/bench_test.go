package peers

import (
	"runtime"
	"slices"
	"testing"
	"time"
)

const (
	benchRounds   = 9   // interleaved: what the machine does meanwhile hits all
	benchBatches  = 5   // of a round, whose median counts
	benchRequests = 300 // of a batch, so many that each pays for its garbage
)

// BenchmarkPeers reports for each what a request costs above the bare handler and the store's own calls: nanoseconds (median of the rounds)
// and allocations; and what part of scs's cost ours is, the median of the rounds' ratios. total-allocs are those above the bare handler alone.
func BenchmarkPeers(b *testing.B) {
	for _, do := range works {
		b.Run(do.String(), func(b *testing.B) { compare(b, do) })
	}
}

type subject struct {
	*contender
	request, raw func()
	added        []float64 // nanoseconds of each round
	allocs, all  float64
}

func compare(b *testing.B, do work) {
	subjects := make([]*subject, len(contenders))
	for i, make := range contenders {
		c := open(b, make)
		request := c.requests(c.handler(do, &fields{}))
		c.watch(true)
		request()
		c.watch(false)
		ctx := b.Context()
		subjects[i] = &subject{contender: c, request: func() { request() }, raw: func() {
			if do == nothing {
				return
			}
			if err := c.raw(ctx); err != nil {
				b.Error(err)
			}
		}}
	}
	plain := subjects[0].requests(bare())
	request := func() { plain() }
	for b.Loop() {
		for range benchRounds {
			floor := timed(request)
			for _, s := range subjects {
				s.added = append(s.added, timed(s.request)-timed(s.raw)-floor)
			}
		}
	}
	floor := allocations(request)
	for _, s := range subjects {
		s.all = allocations(s.request) - floor
		s.allocs = s.all - allocations(s.raw)
	}
	report(b, subjects)
}

func report(b *testing.B, subjects []*subject) {
	ours, scs := subjects[0], subjects[1]
	ratios := make([]float64, len(ours.added))
	for i := range ratios {
		ratios[i] = ours.added[i] / scs.added[i]
	}
	b.ReportMetric(median(ratios), "ours/scs")
	for _, s := range subjects {
		b.ReportMetric(median(s.added), s.name+"-ns")
		b.ReportMetric(s.allocs, s.name+"-allocs")
		b.ReportMetric(s.all, s.name+"-total-allocs")
	}
	b.ReportMetric(0, "ns/op")
}

// timed is what one call of f takes in nanoseconds, the median of batches.
func timed(f func()) float64 {
	batches := make([]float64, benchBatches)
	for i := range batches {
		start := time.Now()
		for range benchRequests {
			f()
		}
		batches[i] = float64(time.Since(start).Nanoseconds()) / benchRequests
	}
	return median(batches)
}

// allocations of one call of f.
func allocations(f func()) float64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range benchRequests {
		f()
	}
	runtime.ReadMemStats(&after)
	return float64((after.Mallocs - before.Mallocs) / benchRequests)
}

func median(x []float64) float64 {
	x = slices.Clone(x)
	slices.Sort(x)
	return x[len(x)/2]
}
