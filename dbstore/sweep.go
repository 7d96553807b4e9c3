package dbstore

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/larder-go/larder/internal/pause"
	"github.com/larder-go/larder/store"
)

const (
	// sweepBatch is how many entries one statement removes: some ten milliseconds' work.
	sweepBatch = 1000

	// sweepGrace is left to a batch that the end of the context finds under way, so that what it removes is mostly still reported.
	sweepGrace = 40 * time.Millisecond
)

// Cleanup is Sweep with nothing but an idle time.
func (s *Store) Cleanup(ctx context.Context, idle time.Duration) (int, error) {
	r, err := s.sweep(ctx, "cleanup", store.SweepOptions{Idle: idle})
	return r.Removed, err
}

// Sweep is [store.Sweeper]'s. It waits for nobody: what a transaction holds, another sweep's or a user's, is left to it. Done says
// that in the end nothing was left that was due at the beginning; beside another sweep it may be false only because that one has
// not committed. Where ctx ends in the middle of a batch that takes longer than a moment, that batch is not in the report.
func (s *Store) Sweep(ctx context.Context, o store.SweepOptions) (store.SweepReport, error) {
	return s.sweep(ctx, "sweep", o)
}

// swept is an entry that was removed, or in a dry run would have been.
type swept struct {
	atime, when time.Time // when is its time in the order that it was found in
	expires     time.Time
	size        int64
	key         string // in a dry run
}

// sweeper is one sweep under way.
type sweeper struct {
	s      *Store
	o      store.SweepOptions
	now    time.Time // the server's, one for the whole sweep: what dies meanwhile is the next one's
	cutoff time.Time // atimes before it must go; zero: none
	report store.SweepReport
	untold int  // done with since Progress was called; they become a batch over both orders
	rests  bool // a batch is full: pause before the next, if there is one
}

func (s *Store) sweep(ctx context.Context, op string, o store.SweepOptions) (store.SweepReport, error) {
	w := &sweeper{s: s, o: o}
	if w.o.Batch <= 0 {
		w.o.Batch = sweepBatch
	}
	err := s.ready(ctx, op)
	if err == nil {
		err = store.Wrap("dbstore", op, w.run(ctx))
	}
	w.told()
	if err == nil && op == "sweep" && !w.full() {
		var left bool
		left, err = w.left(ctx)
		err = store.Wrap("dbstore", op, err)
		w.report.Done = err == nil && !left
	}
	return w.report, err
}

func (w *sweeper) run(ctx context.Context) error {
	var err error
	if w.now, err = w.s.serverTime(ctx); err != nil {
		return err
	}
	if idle, ok := limit(w.s.expiry, w.o.Idle); ok {
		// A microsecond early, for what comes of the rest of idle below a microsecond.
		w.cutoff = w.now.Add(-idle).Truncate(time.Microsecond)
		if err := w.walk(ctx, byAtime); err != nil || w.full() {
			return err
		}
	}
	return w.walk(ctx, byDeadline)
}

// serverTime asks for the server's clock.
func (s *Store) serverTime(ctx context.Context) (time.Time, error) {
	c := s.newCall("")
	defer s.free(c)
	c.params = nil
	var now time.Time
	c.scan = func(_ *call, columns [][]byte) { now = parseTime(columns[0]) }
	err := s.do(ctx, &statement{index: once, reads: true, sql: "SELECT clock_timestamp()"}, c)
	return now, err
}

func (w *sweeper) full() bool { return w.o.Limit > 0 && w.report.Removed >= w.o.Limit }

// walk goes through one order from its beginning up to what is not due.
func (w *sweeper) walk(ctx context.Context, order order) error {
	var last swept // where to go on; dead entries of the index, left by batches before, are not walked again
	for {
		room := w.o.Batch - w.untold
		if w.o.Limit > 0 {
			room = min(room, w.o.Limit-w.report.Removed)
		}
		if w.rests {
			if more, err := w.more(ctx, order, last); err != nil || !more {
				return err
			}
			w.rests = false
			if err := pause.For(ctx, w.o.Pause); err != nil {
				return err
			}
		}
		n, err := w.batch(ctx, order, room, &last)
		if err != nil {
			return err
		}
		if w.untold += n; w.untold >= w.o.Batch {
			w.told()
			w.rests = w.o.Pause > 0 && !w.o.DryRun
		}
		if n < room || w.full() {
			return ctx.Err()
		}
	}
}

// more reports whether anything is left to do in an order, so that nobody waits for nothing after the last batch.
func (w *sweeper) more(ctx context.Context, order order, last swept) (bool, error) {
	c := w.s.newCall("")
	defer w.s.free(c)
	sql := w.statement(c, order, 1, last, true)
	err := w.s.do(ctx, &statement{index: once, reads: true, sql: sql}, c)
	return len(c.swept) > 0, err
}

// left reports whether something is there still that was due when the sweep began: others held it when the sweep came by, and have not
// removed it by now.
func (w *sweeper) left(ctx context.Context) (bool, error) {
	if w.o.DryRun {
		return false, nil
	}
	if !w.cutoff.IsZero() {
		if left, err := w.more(ctx, byAtime, swept{}); left || err != nil {
			return left, err
		}
	}
	return w.more(ctx, byDeadline, swept{})
}

// batch removes up to room entries, or in a dry run counts them, and returns how many.
func (w *sweeper) batch(ctx context.Context, order order, room int, last *swept) (int, error) {
	c := w.s.newCall("")
	defer w.s.free(c)
	sql := w.statement(c, order, room, *last, w.o.DryRun)
	c.grace = sweepGrace
	if err := w.s.do(ctx, &statement{index: once, reads: w.o.DryRun, sql: sql}, c); err != nil {
		return 0, err
	}
	for _, row := range c.swept {
		due := row.expires
		if row.when = due; order == byAtime {
			row.when, due = row.atime, w.s.expiry.Due(row.atime, due, w.o.Idle)
		}
		w.report.Scanned++
		w.report.Add(row.size, row.atime, due)
		if w.o.DryRun || row.when.After(last.when) { // a removal returns its rows in any order
			*last = row
		}
	}
	return len(c.swept), nil
}

func scanSwept(c *call, columns [][]byte) {
	row := swept{atime: parseTime(columns[0]), expires: parseTime(columns[1]), size: int64(binary.BigEndian.Uint32(columns[2]))}
	if len(columns) > 3 {
		row.key = string(columns[3])
	}
	c.swept = append(c.swept, row)
}

// told calls Progress after a batch, also after a last one that is not full.
func (w *sweeper) told() {
	if w.untold > 0 && w.o.Progress != nil {
		w.o.Progress(w.report)
	}
	w.untold = 0
}
