package boltstore

import (
	"bytes"
	"context"
	"math"
	"slices"
	"time"

	"github.com/larder-go/larder/internal/pause"
	"github.com/larder-go/larder/internal/record"
	"github.com/larder-go/larder/store"
)

const (
	// sweepBatch is how many entries one transaction removes: some ten milliseconds' work where they are far apart.
	sweepBatch = 1000

	// sweepChunk is how many places one read transaction looks at.
	sweepChunk = 4096
)

// Cleanup is Sweep with nothing but an idle time.
func (s *Store) Cleanup(ctx context.Context, idle time.Duration) (int, error) {
	r, err := s.sweep(ctx, "cleanup", store.SweepOptions{Idle: idle})
	return r.Removed, err
}

// Sweep is [store.Sweeper]'s.
func (s *Store) Sweep(ctx context.Context, o store.SweepOptions) (store.SweepReport, error) {
	return s.sweep(ctx, "sweep", o)
}

// sweeper is one sweep under way.
type sweeper struct {
	s      *Store
	o      store.SweepOptions
	now    time.Time // one for the whole sweep: what dies meanwhile is the next one's
	cutoff int64     // places and atimes before it must go; math.MinInt64: none
	report store.SweepReport
	untold int  // places done with since Progress was called; they become a batch over both orders
	rests  bool // a batch is full: pause before the next, if there is one
	pace   pace

	// damaged are the keys whose heads could not be read, in a dry run: the entries stay, perhaps in both orders, and nothing
	// else tells that they were met before.
	damaged map[string]bool
}

func (s *Store) sweep(ctx context.Context, op string, o store.SweepOptions) (store.SweepReport, error) {
	w := &sweeper{s: s, o: o, now: wallNow(), cutoff: math.MinInt64, pace: newPace(&s.commits.timing)}
	if cutoff := s.expiry.Cutoff(w.now, o.Idle); !cutoff.IsZero() {
		w.cutoff = record.Nanos(cutoff)
	}
	if w.o.Batch <= 0 {
		w.o.Batch = sweepBatch
	}
	err := w.walk(ctx, op, byAtime)
	if err == nil && !w.full() {
		err = w.walk(ctx, op, byDeadline)
	}
	w.told()
	w.report.Done = err == nil && !w.full()
	return w.report, err
}

func (w *sweeper) full() bool { return w.o.Limit > 0 && w.report.Removed >= w.o.Limit }

// walk goes through one order from its beginning up to what is not due.
func (w *sweeper) walk(ctx context.Context, op string, order int) error {
	from, more := []byte{0}, true
	for more {
		if err := w.s.ready(ctx, op); err != nil {
			return err
		}
		room := w.o.Batch - w.untold
		if w.o.Limit > 0 {
			room = min(room, w.o.Limit-w.report.Removed)
		}
		if w.pace.room > 0 {
			room = min(room, w.pace.room)
		}
		var due []place
		var err error
		due, from, more, err = w.find(order, from, room)
		if err != nil {
			return store.Wrap("boltstore", op, err)
		}
		if len(due) == 0 {
			continue
		}
		if err := w.rest(ctx, op); err != nil {
			return err
		}
		if w.o.DryRun {
			w.count(due)
		} else if err := w.remove(ctx, order, due); err != nil {
			return store.Wrap("boltstore", op, err)
		}
		w.pace.next(time.Now())
		if w.untold += len(due); w.untold >= w.o.Batch {
			w.told()
			w.rests = true
		}
		if w.full() {
			return nil
		}
	}
	return nil
}

// told calls Progress after a batch, also after a last one that is not full.
func (w *sweeper) told() {
	if w.untold > 0 && w.o.Progress != nil {
		w.o.Progress(w.report)
	}
	w.untold = 0
}

// rest pauses between two batches. It is called when the next is known to have something to do, so that nobody waits for
// nothing after the last; remove judges again what was used in the pause.
func (w *sweeper) rest(ctx context.Context, op string) error {
	if !w.rests {
		return nil
	}
	w.rests = false
	if err := pause.For(ctx, w.o.Pause); err != nil {
		return store.Wrap("boltstore", op, err)
	}
	return w.s.ready(ctx, op)
}

// place is a place in an order that a look says must go.
type place struct {
	k        []byte // in the order
	orphan   bool   // nothing stands there any more: the place goes alone
	damaged  bool   // its head cannot be read
	seen     bool   // the sweep has met the entry before, in the other order
	reserved bool
	atime    int64
	deadline int64
	size     int
}

// find looks for up to room places that must go, in a read transaction: whatever must be read from the disk is read
// while writers go on. It returns where to look on.
func (w *sweeper) find(order int, from []byte, room int) (due []place, next []byte, more bool, err error) {
	tx, err := w.s.db.Begin(false)
	if err != nil {
		return nil, nil, false, cause(err)
	}
	defer tx.Rollback()
	entries, places := tx.Bucket(w.s.names[records]), tx.Bucket(w.s.names[order])
	if entries == nil || places == nil {
		return nil, nil, false, errNoBucket
	}
	c := places.Cursor()
	looked := 0
	for k, _ := c.Seek(from); k != nil; k, _ = c.Next() {
		nanos, key, ok := splitOrderKey(k)
		if !ok || !w.reached(order, nanos) {
			return due, nil, false, nil
		}
		if looked == sweepChunk || len(due) == room {
			return due, bytes.Clone(k), true, nil
		}
		looked++
		mine := bytes.HasPrefix(key, []byte(w.o.Prefix)) && len(key) > len(w.o.Prefix)
		if !mine && (order == byAtime || w.cutoff == math.MinInt64) {
			w.report.Scanned++ // its place is all there is to look at
			continue
		}
		p, goes := w.judge(order, nanos, key, entries.Get(key), w.o.DryRun || !mine)
		if p.damaged && w.o.DryRun {
			p.seen = w.damaged[string(key)]
			goes = !p.seen
			if w.damaged == nil {
				w.damaged = map[string]bool{}
			}
			w.damaged[string(key)] = true
		}
		if !p.orphan && !p.seen {
			w.report.Scanned++
		}
		if mine && (goes || p.orphan && !w.o.DryRun) {
			p.k = bytes.Clone(k)
			due = append(due, p)
		}
	}
	return due, nil, false, nil
}

// reached reports whether the sweep has to do with what stands at nanos in the order.
func (w *sweeper) reached(order int, nanos int64) bool {
	if order == byAtime {
		return nanos < w.cutoff
	}
	return nanos <= record.Nanos(w.now) // now ≥ Expires
}

// judge says what becomes of the place of key at nanos; stored stands under the key. stays tells that this sweep removes no such
// entry: it does not go in the first order and is met again in the second.
func (w *sweeper) judge(order int, nanos int64, key, stored []byte, stays bool) (p place, goes bool) {
	if stored == nil {
		return place{orphan: true}, false
	}
	h, err := parseHead(stored)
	if err != nil {
		// Its place is all that is known of its age. Whether some record nobody can read was used is a question nobody asks.
		return place{atime: nanos, damaged: true}, true
	}
	p = place{atime: h.atime, deadline: h.deadline, size: valueSize(stored), reserved: reserved(key)}
	switch {
	case p.reserved: // and idle for as long as it likes
		p.orphan = order == byAtime || h.deadline != nanos
		return p, !p.orphan
	case order == byAtime:
		p.orphan = h.place != nanos
		return p, !p.orphan && h.atime < w.cutoff
	case h.deadline != nanos:
		p.orphan = true
		return p, false
	}
	// What is due in both orders is taken in the first, and must not be counted again where it stays. Otherwise what is due by
	// its atime and stands here all the same has come since.
	again := stays && h.atime < w.cutoff
	p.seen = again || h.place < w.cutoff && h.atime >= w.cutoff
	return p, !again
}

// valueSize is the length of the value by the record's own header, 0 where that cannot be read.
func valueSize(stored []byte) int {
	h := stored[headSize:]
	size, err := record.Length(h)
	if err != nil || size != len(h) {
		return 0
	}
	return size - record.Overhead - (int(h[6])<<8 | int(h[7]))
}

// remove judges once more, in the transaction that removes. It goes by key, so that bbolt takes each page in hand once.
// What was removed is counted also when ctx ends during the commit; walk sees then that it has ended.
func (w *sweeper) remove(ctx context.Context, order int, due []place) error {
	byKey := make([]*place, len(due)) // the sorting of pointers is one function for all types
	for i := range due {
		byKey[i] = &due[i]
	}
	slices.SortFunc(byKey, func(a, b *place) int { return bytes.Compare(a.k[orderTime:], b.k[orderTime:]) })
	var gone []place
	err := w.s.commits.doToEnd(ctx, 0, func(t *txn) error {
		gone = gone[:0] // it may be a second attempt
		for _, d := range byKey {
			nanos, key, _ := splitOrderKey(d.k)
			stored := t.get(key)
			p, goes := w.judge(order, nanos, key, stored, false)
			if p.orphan || p.damaged {
				t.delete(order, d.k)
			}
			if goes {
				t.remove(key, stored) // with its places, unless it is damaged
				gone = append(gone, p)
			}
		}
		return nil
	})
	if err == nil {
		w.count(gone)
	}
	return err
}

// count adds what was removed, or what would have been, to the report.
func (w *sweeper) count(gone []place) {
	for _, p := range gone {
		if p.orphan {
			continue
		}
		atime, due := record.Time(p.atime), record.Time(p.deadline)
		if !p.reserved {
			due = w.s.expiry.Due(atime, due, w.o.Idle)
		}
		w.report.Add(int64(p.size), atime, due)
	}
}
