package store

import (
	"context"
	"iter"
	"sync"
	"time"
)

// relay has workers do one thing for each of many jobs and hands the results on in the order of the jobs, in constant memory: what is under
// way, or done but not handed on yet, is bounded by number and by bytes. Its goroutines are gone when run returns.
type relay[J, R any] struct {
	workers int
	work    func(context.Context, J) R // by many goroutines. When ctx ends it must return soon
	fold    func(R) (more bool)        // by the caller's goroutine, in order, for each job that was done
	hole    func()                     // by the caller's goroutine, in order, for a job that was not done since ctx has ended; nil: nothing
	wait    func() time.Duration       // how long the next job must wait; nil: none waits
	idle    func()                     // by the caller's goroutine, every relayTick or so
	size    func(J) int64              // bytes that the job may hold in memory
}

const (
	relayTick   = 100 * time.Millisecond
	relayWindow = 16       // jobs under way for each worker: so long may one take while others go on
	relayBytes  = 64 << 20 // of all that is under way; a single job may have more
)

// numbered is a job, or its result.
type numbered[T any] struct {
	n    int
	v    T
	none bool // it was not done
}

// run ends when jobs end, when fold wants no more, or with ctx. What was taken by then is done and folded, but what was not begun before the end of ctx is neither.
func (r *relay[J, R]) run(ctx context.Context, jobs iter.Seq[J]) {
	window := r.workers * relayWindow
	in := make(chan numbered[J], window) // nobody ever waits to send
	out := relayDone[R]{batch: window / 2, bell: make(chan struct{}, 1)}
	var workers sync.WaitGroup
	for range r.workers {
		workers.Go(func() {
			for j := range in {
				x := numbered[R]{n: j.n, none: ctx.Err() != nil}
				if !x.none {
					x.v = r.work(ctx, j.v)
				}
				out.put(x, len(in) <= r.workers)
			}
		})
	}
	defer workers.Wait()
	defer close(in)

	tick := time.NewTicker(relayTick)
	defer tick.Stop()
	f := relayOrder[R]{fold: r.fold, hole: r.hole, ring: make([]relayPlace[R], window)}
	var spare []numbered[R]
	take := func() {
		done := out.take(spare)
		for _, x := range done {
			f.add(x)
		}
		clear(done)
		spare = done[:0]
	}
	receive := func() {
		select {
		case <-out.bell:
			take()
		case <-tick.C:
			take()
			r.idle()
		}
	}
	for job := range jobs {
		size := r.size(job)
		for f.sent > f.next && (f.sent-f.next == window || f.bytes+size > relayBytes) {
			receive()
		}
		if f.full || !r.pause(ctx, receive) || f.full {
			break
		}
		f.send(size)
		in <- numbered[J]{n: f.sent - 1, v: job}
		select {
		case <-out.bell:
			take()
		case <-tick.C:
			take()
			r.idle()
		default:
		}
	}
	for f.next < f.sent {
		receive()
	}
}

// relayDone is where workers leave their results. They ring where many have come together or work is running out, not for each: to wake somebody up
// costs as much as a reading does.
type relayDone[R any] struct {
	mu    sync.Mutex
	done  []numbered[R]
	batch int
	bell  chan struct{} // one ring is enough
}

func (d *relayDone[R]) put(x numbered[R], ring bool) {
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
func (d *relayDone[R]) take(empty []numbered[R]) []numbered[R] {
	d.mu.Lock()
	defer d.mu.Unlock()
	done := d.done
	d.done = empty
	return done
}

// pause waits until the next job may begin, and reports false where ctx ends first.
func (r *relay[J, R]) pause(ctx context.Context, receive func()) bool {
	if r.wait == nil {
		return ctx.Err() == nil
	}
	for end := time.Now().Add(r.wait()); ctx.Err() == nil; receive() {
		left := time.Until(end)
		if left <= 0 {
			return true
		}
		if left < relayTick {
			return sleep(ctx, left) == nil
		}
	}
	return false
}

// relayOrder brings results back into order.
type relayOrder[R any] struct {
	fold       func(R) bool
	hole       func()
	ring       []relayPlace[R] // of what is under way
	bytes      int64           // the sum of its sizes
	sent, next int             // jobs sent, and the next to be folded
	full       bool            // fold wants no more
}

// relayPlace is where a result waits for its turn.
type relayPlace[R any] struct {
	result R
	there  bool
	none   bool  // it was not done
	size   int64 // of the job
}

func (f *relayOrder[R]) send(size int64) {
	f.ring[f.sent%len(f.ring)].size = size
	f.bytes += size
	f.sent++
}

func (f *relayOrder[R]) add(x numbered[R]) {
	p := &f.ring[x.n%len(f.ring)]
	p.result, p.there, p.none = x.v, true, x.none
	for f.next < f.sent {
		p := &f.ring[f.next%len(f.ring)]
		if !p.there {
			return
		}
		done := *p
		*p = relayPlace[R]{}
		f.bytes -= done.size
		f.next++
		switch {
		case !done.none:
			f.full = !f.fold(done.result) || f.full
		case f.hole != nil:
			f.hole()
		}
	}
}
