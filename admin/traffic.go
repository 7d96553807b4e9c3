package admin

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/larder-go/larder/store"
)

// kinds are the operations that are counted apart, in the order in which the page shows them. What a later release of package store adds counts
// as the last.
func kind(op store.Op) int {
	switch op {
	case store.OpGet:
		return 0
	case store.OpSet:
		return 1
	case store.OpDelete:
		return 2
	case store.OpContains:
		return 3
	case store.OpTouch:
		return 4
	case store.OpLoad:
		return 5
	case store.OpPeek:
		return 6
	case store.OpSwap:
		return 7
	case store.OpList:
		return 8
	case store.OpSweep:
		return 9
	case store.OpCleanup:
		return 10
	case store.OpInspect:
		return 11
	}
	return kinds - 1
}

const kinds = 13

func kindName(i int) string {
	return [kinds]string{"get", "set", "delete", "contains", "touch", "load", "peek", "swap", "list", "sweep", "cleanup", "inspect", "other"}[i]
}

// The seconds that are shown, and those of them that a rate is the mean of.
const (
	seriesSeconds = 60
	rateSeconds   = 10
	ring          = seriesSeconds + 4 // the running second, and some for whoever reads
)

// traffic counts the operations of each of the last seconds.
type traffic struct {
	began   time.Time // of second 0; its monotonic clock counts
	seen    atomic.Bool
	totals  [kinds]atomic.Int64
	errors  atomic.Int64
	seconds [ring]second
}

type second struct {
	mu     sync.Mutex // held by whoever begins the second anew
	n      atomic.Int64
	counts [kinds]atomic.Int64
	errors atomic.Int64
}

// Begin is for [store.Observe].
func (h *Handler) Begin(ctx context.Context, _ store.Op) context.Context { return ctx }

// End is for [store.Observe]: it counts.
func (h *Handler) End(_ context.Context, e store.Event) {
	failed := e.Outcome == store.OutcomeUnavailable || e.Outcome == store.OutcomeCorrupt || e.Outcome == store.OutcomeError
	h.traffic.count(kind(e.Op), failed)
}

var _ store.Observer = (*Handler)(nil)

func (t *traffic) count(kind int, failed bool) {
	if !t.seen.Load() {
		t.seen.Store(true)
	}
	now := t.now()
	s := &t.seconds[now%ring]
	if s.n.Load() != now {
		s.begin(now)
	}
	s.counts[kind].Add(1)
	t.totals[kind].Add(1)
	if failed {
		s.errors.Add(1)
		t.errors.Add(1)
	}
}

// now is the second that runs, from 1: 0 is that of a place in the ring that was never used.
func (t *traffic) now() int64 { return int64(time.Since(t.began)/time.Second) + 1 }

// begin makes the place of a second that has long passed that of second n. Whoever counts waits for it, so that nothing is lost.
func (s *second) begin(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n.Load() >= n {
		return
	}
	for i := range s.counts {
		s.counts[i].Store(0)
	}
	s.errors.Store(0)
	s.n.Store(n)
}

// Operations is what the program did with the store, as far as it was observed.
type operations struct {
	PerSecond map[string]float64 `json:"per_second"` // by kind: mean of the last ten seconds
	Totals    map[string]int64   `json:"totals"`     // by kind: since the program began
	Errors    int64              `json:"errors"`     // of these totals, those of the store itself: an outage, a corrupt record
	Failing   float64            `json:"failing"`    // errors per second: mean of the last ten seconds
	Series    []int64            `json:"series"`     // all operations of each of the last sixty seconds, the latest last
}

// read returns nil where nobody observes.
func (t *traffic) read() *operations {
	if !t.seen.Load() {
		return nil
	}
	o := &operations{PerSecond: map[string]float64{}, Totals: map[string]int64{}, Errors: t.errors.Load(), Series: make([]int64, seriesSeconds)}
	now := t.now()
	var recent [kinds]int64
	var failed int64
	for i := range o.Series {
		n := now - int64(seriesSeconds-i)
		s := &t.seconds[(n%ring+ring)%ring]
		if n < 1 || s.n.Load() != n {
			continue
		}
		for k := range s.counts {
			c := s.counts[k].Load()
			o.Series[i] += c
			if i >= seriesSeconds-rateSeconds {
				recent[k] += c
			}
		}
		if i >= seriesSeconds-rateSeconds {
			failed += s.errors.Load()
		}
	}
	over := float64(min(rateSeconds, max(now-1, 1))) // a program that has just begun
	for k := range recent {
		if total := t.totals[k].Load(); total > 0 {
			o.Totals[kindName(k)] = total
			o.PerSecond[kindName(k)] = float64(recent[k]) / over
		}
	}
	o.Failing = float64(failed) / over
	return o
}
