package store

import (
	"context"
	"errors"
	"hash/maphash"
	"sync/atomic"
	"time"
)

// trust decides which copies a layer believes. Nothing waits here: a lock over the calls of both stores, held by reads as by writes, would hold up
// all readers of a key for as long as the slowest of them waits for a server.
//
// Instead all that matters has a tick, a number that only grows. A copy carries the one from before its entry was read. A write notes one when
// it is over, in the slot of its key, and so what was read before is known from what was read after. Keys that share a slot lose a copy to each other now
// and then, which costs a read of slow and nothing else.
type trust struct {
	id    uint64    // of this layer: its own copies it knows better than those of others
	epoch time.Time // what ticks and limits are counted from
	seed  maphash.Seed
	floor atomic.Int64 // the tick of the last sweep: it may have removed anything

	// What holds of all slots, so that most hits need not look for theirs.
	writes atomic.Int64 // that are not over
	lost   atomic.Int64 // the latest that a slot has lost

	slots [layerSlots]layerSlot
	last  atomic.Int64 // the latest tick; away from what each hit reads
}

// layerSlots makes 256 KiB for each layer.
const layerSlots = 8192

// layerSlot is what is known of the writes to the keys that share it.
type layerSlot struct {
	busy    atomic.Int32 // writes that are not over
	filling atomic.Int32 // copies on their way to fast
	wrote   atomic.Int64 // tick of the end of the last write; 0: none
	lost    atomic.Int64 // tick up to which copies of this layer's own may stand in fast that a write should have dropped
	_       int64        // a slot is within one cache line
}

func (t *trust) slot(key string) *layerSlot {
	return &t.slots[maphash.String(t.seed, key)%layerSlots]
}

// now is the time since epoch, by a clock that nobody sets.
func (t *trust) now() int64 { return int64(time.Since(t.epoch)) }

// tick returns the present time, and never the same one again.
func (t *trust) tick() int64 {
	for {
		now, last := t.now(), t.last.Load()
		now = max(now, last+1)
		if t.last.CompareAndSwap(last, now) {
			return now
		}
	}
}

// raise sets n to at least tick.
func raise(n *atomic.Int64, tick int64) {
	for {
		old := n.Load()
		if old >= tick || n.CompareAndSwap(old, tick) {
			return
		}
	}
}

// unwritten reports whether no write may have come between tick and now.
func (s *layerSlot) unwritten(tick int64) bool {
	return s.busy.Load() == 0 && tick > s.wrote.Load()
}

// lose notes that copies of this layer's own may stand that were read before tick.
func (l *layer) lose(s *layerSlot, tick int64) {
	raise(&s.lost, tick)
	raise(&l.lost, tick)
}

// quiet reports whether no write to key is under way: while one is, no copy answers, or readers could see the entry as it will be, and then as it
// was. A copy is to be read after this was asked.
func (l *layer) quiet(key string) bool {
	return l.writes.Load() == 0 || l.slot(key).busy.Load() == 0
}

// trusts reports whether c, which was read when the key was quiet, may answer for its entry.
func (l *layer) trusts(c copied, key string) bool {
	floor, now := l.floor.Load(), l.now()
	if c.id() == l.id {
		tick := c.tick()
		return now-tick < c.life() && tick > floor && (tick > l.lost.Load() || tick > l.slot(key).lost.Load())
	}
	// The copy is another layer's, which knows nothing of writes here: it may have read the entry before the last one and filled after it. It
	// lives for MaxAge, which may begin as much later as its clock is ahead of ours; a clock that is further ahead is not believed.
	age, maxAge := int64(nanosOf(time.Now())-c.fetched()), int64(l.maxAge)
	past := func(tick int64) bool { return tick == 0 || now-tick > 2*maxAge }
	return age < min(c.life(), maxAge) && -age < maxAge && past(floor) && past(l.slot(key).wrote.Load())
}

const (
	// fastRest is how long fast is left alone after it did not answer.
	fastRest = time.Second

	// fastPatience is how long the one who asks again waits for an answer.
	fastPatience = 100 * time.Millisecond
)

// asking is a call of fast.
type asking struct {
	ctx    context.Context
	cancel context.CancelFunc // nil: none

	// Where the caller leaves fast less than fastPatience: so much, and since when.
	hurried     bool
	left, began int64
}

// asking returns a call of fast by a caller with ctx.
func (l *layer) asking(ctx context.Context) asking {
	a := asking{ctx: ctx}
	if deadline, ok := ctx.Deadline(); ok {
		if left := time.Until(deadline); left < fastPatience {
			a.hurried, a.left, a.began = true, int64(left), l.now()
		}
	}
	return a
}

// ask reports whether fast may be asked, with the call that it returns. If so, asked is to be called with what came of it. A fast store
// that hangs thus costs the patience of one caller each second.
func (l *layer) ask(ctx context.Context) (a asking, ok bool) {
	rest := l.rest.Load()
	if rest == 0 {
		return l.asking(ctx), true
	}
	now := l.now()
	if now < rest || ctx.Err() != nil || !l.rest.CompareAndSwap(rest, now+int64(fastRest)) {
		return a, false
	}
	a = l.asking(ctx)
	a.ctx, a.cancel = context.WithTimeout(ctx, fastPatience)
	return a, true
}

// asked notes what fast has answered. That a caller in a hurry had no answer says little: only when such callers have waited for fastPatience in
// all, and nobody had an answer between, fast is left alone.
func (l *layer) asked(a asking, err error) {
	waited, inVain := int64(0), false
	if a.hurried && err != nil {
		waited = l.now() - a.began
		inVain = a.ctx.Err() != nil || waited >= a.left
	}
	if a.cancel != nil {
		a.cancel()
	}
	switch {
	case errors.Is(err, ErrUnavailable):
		if inVain && l.waited.Add(waited) < int64(fastPatience) {
			return
		}
		l.waited.Store(0)
		l.rest.Store(l.now() + int64(fastRest))
	case errors.Is(err, context.Canceled): // the caller's, and says nothing about fast
	default:
		if l.waited.Load() != 0 {
			l.waited.Store(0)
		}
		if l.rest.Load() != 0 {
			l.rest.Store(0)
		}
	}
}
