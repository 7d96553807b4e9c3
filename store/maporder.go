package store

import (
	"container/heap"
	"time"
)

// Each shard of a [Map] keeps its entries in two orders, so that a sweep finds what is due without looking at what is not.
const (
	byAtime    = iota // every entry that a sweep may take for being idle: all but the reserved ones
	byDeadline        // every entry that has a deadline
)

// mapOrder is a heap of entries, the earliest on top. A list in order of use would be cheaper still, but Swap may give
// an entry an atime in the past (a copy between stores does), which a list would have to look for.
type mapOrder struct {
	by      int
	entries []*mapEntry
}

func (o *mapOrder) Len() int { return len(o.entries) }
func (o *mapOrder) Less(i, j int) bool {
	return o.entries[i].when[o.by].Before(o.entries[j].when[o.by])
}

func (o *mapOrder) Swap(i, j int) {
	o.entries[i], o.entries[j] = o.entries[j], o.entries[i]
	o.entries[i].pos[o.by], o.entries[j].pos[o.by] = i, j
}

func (o *mapOrder) Push(x any) {
	e := x.(*mapEntry)
	e.pos[o.by] = len(o.entries)
	o.entries = append(o.entries, e)
}

func (o *mapOrder) Pop() any {
	last := len(o.entries) - 1
	e := o.entries[last]
	o.entries[last] = nil
	o.entries = o.entries[:last]
	return e
}

// set gives e another time.
func (o *mapOrder) set(e *mapEntry, t time.Time) {
	e.when[o.by] = t
	heap.Fix(o, e.pos[o.by])
}

// before calls visit with the entries whose time is before t, and looks at few others: below an entry of a heap that is not
// before t, none is.
func (o *mapOrder) before(t time.Time, visit func(*mapEntry)) { o.walk(0, t, visit) }

func (o *mapOrder) walk(i int, t time.Time, visit func(*mapEntry)) {
	if i < len(o.entries) && o.entries[i].when[o.by].Before(t) {
		visit(o.entries[i])
		o.walk(2*i+1, t, visit)
		o.walk(2*i+2, t, visit)
	}
}

// insert puts e in the shard. The caller holds s.mu, and nothing stands under e's key.
func (s *mapShard) insert(e *mapEntry) {
	s.entries[e.key] = e
	if !Reserved(e.key) {
		heap.Push(&s.orders[byAtime], e)
	}
	if !e.when[byDeadline].IsZero() {
		heap.Push(&s.orders[byDeadline], e)
	}
}

// remove takes e out of the shard. The caller holds s.mu.
func (s *mapShard) remove(e *mapEntry) {
	delete(s.entries, e.key)
	if !Reserved(e.key) {
		heap.Remove(&s.orders[byAtime], e.pos[byAtime])
	}
	if !e.when[byDeadline].IsZero() {
		heap.Remove(&s.orders[byDeadline], e.pos[byDeadline])
	}
}
