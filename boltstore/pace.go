package boltstore

import (
	"sync/atomic"
	"time"
)

// A sweep and those who write beside it share the one write lock that bbolt has, so whoever writes waits for the sweep's
// transaction under way. With a thousand entries, far apart in the file, that is a hundred milliseconds on a slow disk, against
// ten for the write itself. So a sweep that is alone takes as much as it may, and one that met a writer takes so little that it
// holds the next one up for hardly longer than any other writer would. It is slower then, by up to ten times; users come first.
const (
	paceFirst = 32                   // entries in a transaction after a writer was met
	paceLeast = 8                    // and at the least
	paceMore  = 4 * time.Millisecond // what a transaction of a sweep may take longer than one without
	paceAlone = time.Second          // without a writer, after which a sweep counts itself alone again
)

// timing is what commits tell of themselves.
type timing struct {
	writes atomic.Int64 // other than a sweep's
	usual  atomic.Int64 // ns that a transaction without a sweep takes, about
	swept  atomic.Int64 // ns that the last one with a sweep took
}

// note takes in a transaction that was committed.
func (m *timing) note(b *batch, took time.Duration) {
	others := int64(len(b.live))
	for _, w := range b.live {
		if w.patient {
			others--
		}
	}
	m.writes.Add(others)
	if others < int64(len(b.live)) {
		m.swept.Store(int64(took))
		return
	}
	usual := m.usual.Load()
	if usual == 0 {
		usual = int64(took)
	}
	m.usual.Store(usual + (int64(took)-usual)/8)
}

// pace is how many entries a sweep takes in one transaction.
type pace struct {
	*timing
	room  int // 0: as many as it likes
	seen  int64
	metAt time.Time
}

func newPace(m *timing) pace { return pace{timing: m, seen: m.writes.Load()} }

// next says how many to take now, at most, and is called after each transaction.
func (p *pace) next(now time.Time) {
	if writes := p.writes.Load(); writes != p.seen {
		p.seen, p.metAt = writes, now
	}
	switch {
	case now.Sub(p.metAt) > paceAlone:
		p.room = 0
	case p.room == 0:
		p.room = paceFirst
	case time.Duration(p.swept.Load()-p.usual.Load()) > paceMore:
		p.room = max(p.room/2, paceLeast)
	default:
		p.room += p.room/4 + 1
	}
}
