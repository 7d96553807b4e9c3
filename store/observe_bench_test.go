package store

import (
	"context"
	"slices"
	"testing"
	"time"
)

type deaf struct{}

func (deaf) Begin(ctx context.Context, _ Op) context.Context { return ctx }
func (deaf) End(context.Context, Event)                      {}

// nothing is a store that does nothing at all.
type nothing struct{}

func (nothing) Contains(context.Context, string) (bool, error)                { return true, nil }
func (nothing) Get(context.Context, string) ([]byte, error)                   { return nil, nil }
func (nothing) Set(context.Context, string, []byte) error                     { return nil }
func (nothing) Delete(context.Context, string) error                          { return nil }
func (nothing) Cleanup(context.Context, time.Duration) (int, error)           { return 0, nil }
func (nothing) Load(context.Context, string) (*Item, error)                   { return nil, nil }
func (nothing) Peek(context.Context, string) (*Item, error)                   { return nil, nil }
func (nothing) Swap(context.Context, string, Version, *Item) (Version, error) { return "", nil }

// observedCalls are the operations that programs make all the time.
func observedCalls(ctx context.Context, value []byte) map[string]func(Store) {
	return map[string]func(Store){
		"get":      func(s Store) { s.Get(ctx, "k") },
		"set":      func(s Store) { s.Set(ctx, "k", value) },
		"load":     func(s Store) { Load(ctx, s, "k") },
		"contains": func(s Store) { s.Contains(ctx, "k") },
	}
}

// TestObserveAllocatesNothing: over a store that allocates nothing, and besides what a Map does.
func TestObserveAllocatesNothing(t *testing.T) {
	m := NewMap(nil)
	m.Set(t.Context(), "k", benchValue)
	for op, call := range observedCalls(t.Context(), benchValue) {
		for name, s := range map[string]Store{"nothing": nothing{}, "map": m} {
			o := Observe(s, deaf{})
			bare, ours := testing.AllocsPerRun(1000, func() { call(s) }), testing.AllocsPerRun(1000, func() { call(o) })
			if ours > bare {
				t.Errorf("%s of %s: %v allocations, %v without an Observer", op, name, ours, bare)
			}
		}
	}
}

// BenchmarkObserve reports what an Observer that does nothing adds to an operation, as the median of rounds in turns with the bare store.
func BenchmarkObserve(b *testing.B) {
	const n = 2000 // in a round: so short that few rounds are interrupted
	ctx := context.Background()
	m := NewMap(&MapOptions{Expiry: Expiry{Timeout: time.Hour}})
	m.Set(ctx, "k", benchValue)
	for name, s := range map[string]Store{"nothing": nothing{}, "map": m} {
		o := Observe(s, deaf{})
		for op, call := range observedCalls(ctx, benchValue) {
			b.Run(name+"/"+op, func(b *testing.B) {
				var over, ratios []float64
				measure := func(s Store) float64 {
					start := time.Now()
					for range n {
						call(s)
					}
					return float64(time.Since(start).Nanoseconds()) / n
				}
				for b.Loop() {
					for range 1001 {
						bare := measure(s)
						ours := measure(o)
						over, ratios = append(over, ours-bare), append(ratios, ours/bare)
					}
				}
				slices.Sort(over)
				slices.Sort(ratios)
				b.ReportMetric(over[len(over)/2], "ns-more")
				b.ReportMetric(ratios[len(ratios)/2], "x-bare")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
