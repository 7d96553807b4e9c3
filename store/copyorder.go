package store

import "sync"

// relayDone is where workers leave their results. They ring where many have come together or work is running out, not for each: to wake somebody up
// costs as much as a reading does.
type relayDone struct {
	mu    sync.Mutex
	done  []relayResult
	batch int
	bell  chan struct{} // one ring is enough
}

func (d *relayDone) put(x relayResult, ring bool) {
	d.mu.Lock()
	d.done = append(d.done, x)
	ring = ring || len(d.done) >= d.batch
	d.mu.Unlock()
	if ring {
		select {
		case d.bell <- struct{}{}:
		default:
		}
	}
}

// take returns what there is, and leaves an empty slice in its place.
func (d *relayDone) take(empty []relayResult) []relayResult {
	d.mu.Lock()
	defer d.mu.Unlock()
	done := d.done
	d.done = empty
	return done
}

// relayOrder brings results back into order.
type relayOrder struct {
	hole       func()
	ring       []relayPlace // of what is under way
	bytes      int64        // the sum of its sizes
	sent, next int          // jobs sent, and the next to be folded
	full       bool         // fold wants no more
}

// relayPlace is where a result waits for its turn.
type relayPlace struct {
	fold  func() bool // of the result; nil: it was not done
	there bool
	size  int64 // of the job
}

func (f *relayOrder) send(size int64) {
	f.ring[f.sent%len(f.ring)].size = size
	f.bytes += size
	f.sent++
}

func (f *relayOrder) add(x relayResult) {
	p := &f.ring[x.n%len(f.ring)]
	p.fold, p.there = x.fold, true
	for f.next < f.sent {
		p := &f.ring[f.next%len(f.ring)]
		if !p.there {
			return
		}
		done := *p
		*p = relayPlace{}
		f.bytes -= done.size
		f.next++
		switch {
		case done.fold != nil:
			f.full = !done.fold() || f.full
		case f.hole != nil:
			f.hole()
		}
	}
}
