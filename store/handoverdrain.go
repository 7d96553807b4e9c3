package store

import (
	"context"
	"errors"
	"time"
)

// defaultRecheck is the default of [HandoverOptions.Recheck].
const defaultRecheck = 5 * time.Second

// DrainOptions steer [HandoverStore.Drain]. nil is the zero value.
type DrainOptions struct {
	Workers  int               // entries on their way at once; 0: 8
	Rate     float64           // entries a second, at most, over all workers; 0: no limit
	Progress func(DrainReport) // called about ten times a second and at the end, never by two goroutines at once

	// Stuck is called for each entry that cannot move, as it is too large, in each pass that finds it; never by two goroutines at once.
	Stuck func(h *HandoverStore, key string, err error)
}

// DrainReport is what a Drain has done so far.
type DrainReport struct {
	Moved   int   // entries that moved
	Bytes   int64 // of their values
	Garbage int   // entries of the old store that the new one had already, removed
	Failed  int   // entries that the new store refuses, as too large; they stay
	Corrupt int   // entries that cannot be read; they stay
	Checked int   // entries that the last look has found in their places, where the new store can List
	Drained bool  // the old store holds no entry any more, and every program knows
}

// Drain moves what the old store still holds, in as many passes as it takes, and tells every program, through a reserved key of
// the new store, that nobody writes to the old one any more. When nothing has come there for twice Recheck, it tells them that the old one is empty: they leave it alone
// from then on. It returns when each of them has had the time to notice. Then
// report.Drained is true, the error is nil, and the programs may be rolled out with the new store alone. Where something comes time and again, some
// program was forgotten in the first two steps, and Drain says so.
//
// It is not a use of the entries: their atimes go along. It may be run by several programs at once, be killed, and be run again. The
// old store must be able to List. What cannot move is counted, the rest moves, and the error says what to do; it wraps
// [ErrTooLarge] or [ErrCorrupt] then, and programs go on with both stores. In Prepare it is refused, and so it is where the stores' notes say that
// they are the new and the old one of another handover; after that is drained, the first step begins one that moves back.
func (h *HandoverStore) Drain(ctx context.Context, o *DrainOptions) (DrainReport, error) {
	sides := []DrainSide{{Store: h.old, Leaves: true, Of: func(string) (*HandoverStore, bool) { return h, true }}}
	if CanList(h.new) {
		sides = append(sides, DrainSide{Store: h.new, Of: func(string) (*HandoverStore, bool) { return h, false }})
	}
	d, err := newDrain([]*HandoverStore{h}, sides, o)
	if err != nil {
		return DrainReport{}, err
	}
	err = apart(ctx, h.old, h.new)
	if err == nil {
		var old, new handoverNote
		if old, new, err = h.notes(ctx); swapped(old, new) {
			err = errSwapped
		}
	}
	if err != nil {
		return DrainReport{}, Wrap("store", "drain", err)
	}
	return d.end(d.run(ctx))
}

// DrainSide is a store in [DrainAll].
type DrainSide struct {
	Store  Store
	Leaves bool // it is the old store of some handover

	// Of says which handover a key belongs to for which this store is the old one or the new one; nil: to none. It is asked with "" for a record
	// too damaged to tell its key: that counts where the answer is an old store's, because nothing shall be left there.
	Of func(key string) (h *HandoverStore, old bool)
}

// DrainAll is Drain for several handovers in which the same stores take part, each of which is listed once where Drain would do so for each
// handover. sides are all old stores and those new ones that can List. That they are different stores is for the caller to make sure of.
func DrainAll(ctx context.Context, handovers []*HandoverStore, sides []DrainSide, o *DrainOptions) (DrainReport, error) {
	d, err := newDrain(handovers, sides, o)
	if err != nil {
		return DrainReport{}, err
	}
	return d.end(d.run(ctx))
}

func newDrain(handovers []*HandoverStore, sides []DrainSide, o *DrainOptions) (*drain, error) {
	d := &drain{sides: sides, clerks: make(map[*HandoverStore]*HandoverStore, len(handovers))}
	if o != nil {
		d.o = *o
	}
	for _, h := range handovers {
		switch {
		case h.bad != nil:
			return nil, h.bad
		case h.prepare:
			return nil, errors.New("store: drain: this program is still in Prepare, where others may know the old store only; roll it out without")
		case !CanList(h.old):
			return nil, unsupported("drain", h.old)
		}
		d.clerks[h] = Handover(h.old, h.new, &HandoverOptions{Recheck: h.recheck, Quiet: true})
		d.recheck = max(d.recheck, h.recheck)
		d.marksEnd = d.marksEnd || !CanList(h.new)
	}
	if d.o.Workers < 0 || d.o.Rate < 0 {
		return nil, errors.New("store: drain: negative Workers or a negative Rate make no sense; leave them at 0")
	}
	if d.o.Workers == 0 {
		d.o.Workers = 8
	}
	return d, nil
}

// drainRounds is after how many times twice Recheck something must have stopped that comes into the old store.
const drainRounds = 5

func (d *drain) run(ctx context.Context) error {
	if err := d.empty(ctx); err != nil {
		return err
	}
	if err := d.tell(ctx, closesAs); err != nil {
		return err
	}
	// Each program asks when it is used and has not for Recheck. What it had begun before ends in a moment.
	for round, last := 0, -1; last != d.report.Moved+d.report.Garbage; round++ {
		if round == drainRounds {
			return Wrap("store", "drain", ErrLingers)
		}
		last = d.report.Moved + d.report.Garbage
		if err := sleep(ctx, 2*d.recheck); err != nil {
			return Wrap("store", "drain", err)
		}
		if err := d.empty(ctx); err != nil {
			return err
		}
	}
	if err := d.tell(ctx, drainedAs); err != nil {
		return err
	}
	var wait time.Duration
	if d.news() {
		wait = 2 * d.recheck
	}
	if d.marksEnd { // nobody finds the marks that the dead have left there
		wait += markLife
	}
	if err := sleep(ctx, wait); err != nil {
		return Wrap("store", "drain", err)
	}
	if err := d.check(ctx); err != nil {
		return err
	}
	d.report.Drained = true
	return nil
}

// news reports whether some programs are to be told anything.
func (d *drain) news() bool {
	for h := range d.clerks {
		if !h.quiet {
			return true
		}
	}
	return false
}

// tell puts the news into each of the new stores.
func (d *drain) tell(ctx context.Context, kind string) error {
	for h, clerk := range d.clerks {
		if h.quiet {
			continue
		}
		if err := clerk.tell(ctx, kind); err != nil {
			return err
		}
	}
	return nil
}

// end tells those who asked for it, and the programs within this process.
func (d *drain) end(err error) (DrainReport, error) {
	if err == nil {
		for h := range d.clerks {
			if !h.quiet {
				h.phase.Store(int32(phaseDrained))
			}
		}
	}
	if d.o.Progress != nil {
		d.o.Progress(d.report)
	}
	return d.report, err
}

// empty makes passes until one finds nothing to do that it could.
func (d *drain) empty(ctx context.Context) error {
	for wait := minBackoff; ; wait = min(2*wait, maxBackoff) {
		d.left = false
		d.report.Failed, d.report.Corrupt = 0, 0
		if err := d.pass(ctx, d.move, false); err != nil {
			return err
		}
		if !d.left {
			return d.stuck()
		}
		if err := sleep(ctx, wait); err != nil {
			return Wrap("store", "drain", err)
		}
	}
}
