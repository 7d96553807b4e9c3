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

// run ends when jobs end, when fold wants no more, or with ctx. What was taken by then is done and folded, but what was not begun before the end of ctx is neither.
func (r *relay[J, R]) run(ctx context.Context, jobs iter.Seq[J]) {
	l := relayLine{workers: r.workers, hole: r.hole, wait: r.wait, idle: r.idle}
	l.run(ctx, func(yield func(relayTask) bool) {
		for job := range jobs {
			work := func(ctx context.Context) func() bool {
				result := r.work(ctx, job)
				return func() bool { return r.fold(result) }
			}
			if !yield(relayTask{work: work, size: r.size(job)}) {
				return
			}
		}
	})
}

// relayLine is a relay that does not know the types: all of this for each of them once more would be a hundred kilobytes of a program.
type relayLine struct {
	workers int
	hole    func()
	wait    func() time.Duration
	idle    func()
}

// relayTask is a job: work returns how to fold its result, which reports whether fold wants more.
type relayTask struct {
	work func(context.Context) (fold func() bool)
	size int64
}

// relaySent is a task under way.
type relaySent struct {
	n    int
	work func(context.Context) func() bool
}

// relayResult is how to fold the result of a task.
type relayResult struct {
	n    int
	fold func() bool // nil: it was not done
}

func (r *relayLine) run(ctx context.Context, tasks iter.Seq[relayTask]) {
	window := r.workers * relayWindow
	in := make(chan relaySent, window) // nobody ever waits to send
	out := relayDone{batch: window / 2, bell: make(chan struct{}, 1)}
	var workers sync.WaitGroup
	for range r.workers {
		workers.Go(func() {
			for j := range in {
				x := relayResult{n: j.n}
				if ctx.Err() == nil {
					x.fold = j.work(ctx)
				}
				out.put(x, len(in) <= r.workers)
			}
		})
	}
	defer workers.Wait()
	defer close(in)

	tick := time.NewTicker(relayTick)
	defer tick.Stop()
	f := relayOrder{hole: r.hole, ring: make([]relayPlace, window)}
	var spare []relayResult
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
	for task := range tasks {
		for f.sent > f.next && (f.sent-f.next == window || f.bytes+task.size > relayBytes) {
			receive()
		}
		if f.full || !r.pause(ctx, receive) || f.full {
			break
		}
		f.send(task.size)
		in <- relaySent{n: f.sent - 1, work: task.work}
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

// pause waits until the next job may begin, and reports false where ctx ends first.
func (r *relayLine) pause(ctx context.Context, receive func()) bool {
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
