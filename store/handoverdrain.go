package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// defaultRecheck is the default of [HandoverOptions.Recheck].
const defaultRecheck = 5 * time.Second

// DrainOptions steer [HandoverStore.Drain]. nil is the zero value.
type DrainOptions struct {
	Workers  int               // entries on their way at once; 0: 8
	Rate     float64           // entries a second, at most, over all workers; 0: no limit
	Progress func(DrainReport) // called about ten times a second and at the end, never by two goroutines at once
}

// DrainReport is what a Drain has done so far.
type DrainReport struct {
	Moved   int   // entries that moved
	Bytes   int64 // of their values
	Garbage int   // entries of the old store that the new one had already, removed
	Failed  int   // entries that the new store refuses, as too large; they stay
	Corrupt int   // entries that cannot be read; they stay
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
	if o == nil {
		o = new(DrainOptions)
	}
	clerk := Handover(h.old, h.new, &HandoverOptions{Recheck: h.recheck})
	clerk.clerk = true
	d := &drain{h: clerk, o: *o}
	switch {
	case h.bad != nil:
		return DrainReport{}, h.bad
	case h.prepare:
		return DrainReport{}, errors.New("store: drain: this program is still in Prepare, where others may know the old store only; roll it out without")
	case o.Workers < 0 || o.Rate < 0:
		return DrainReport{}, errors.New("store: drain: negative Workers or a negative Rate make no sense; leave them at 0")
	case !CanList(h.old):
		return DrainReport{}, unsupported("drain", h.old)
	}
	if d.o.Workers == 0 {
		d.o.Workers = 8
	}
	err := d.run(ctx)
	if err == nil {
		h.phase.Store(int32(phaseDrained))
	}
	if o.Progress != nil {
		o.Progress(d.report)
	}
	return d.report, err
}

type drain struct {
	h *HandoverStore
	o DrainOptions

	mu        sync.Mutex
	report    DrainReport
	told      time.Time
	left      bool  // of this pass: something is there that the next has to look at
	unclaimed bool  // why the last one failed: it is the old store that is too small
	err       error // of this pass
}

// drainRounds is after how many times twice Recheck something must have stopped that comes into the old store.
const drainRounds = 5

func (d *drain) run(ctx context.Context) error {
	err := apart(ctx, d.h.old, d.h.new)
	if err == nil {
		var old, new handoverNote
		if old, new, err = d.h.notes(ctx); swapped(old, new) {
			err = errSwapped
		}
	}
	if err != nil {
		return Wrap("store", "drain", err)
	}
	if err = d.empty(ctx); err != nil {
		return err
	}
	if err = d.h.tell(ctx, closesAs); err != nil {
		return err
	}
	// Each program asks when it is used and has not for Recheck. What it had begun before ends in a moment.
	for round, last := 0, -1; last != d.report.Moved+d.report.Garbage; round++ {
		if round == drainRounds {
			return Wrap("store", "drain", errLingers)
		}
		last = d.report.Moved + d.report.Garbage
		if err = sleep(ctx, 2*d.h.recheck); err != nil {
			return Wrap("store", "drain", err)
		}
		if err = d.empty(ctx); err != nil {
			return err
		}
	}
	if err = d.h.tell(ctx, drainedAs); err != nil {
		return err
	}
	wait := 2 * d.h.recheck
	if !CanList(d.h.new) { // nobody finds the marks that the dead have left there
		wait += markLife
	}
	if err = sleep(ctx, wait); err != nil {
		return Wrap("store", "drain", err)
	}
	if err = d.marks(ctx); err != nil {
		return err
	}
	empty, err := isEmpty(ctx, d.h.old)
	switch {
	case err != nil:
		return err
	case !empty:
		return Wrap("store", "drain", errLingers)
	}
	d.report.Drained = true
	return nil
}

// stuck says why what a pass has met cannot move.
func (d *drain) stuck() error {
	var err error
	switch r := d.report; {
	case r.Failed > 0 && d.unclaimed:
		err = fmt.Errorf("%d entries did not move: %w; raise the limit of the old store by 100 bytes and drain again, or remove them", r.Failed, errUnclaimed)
	case r.Failed > 0:
		err = fmt.Errorf("%d entries did not move: %w for the new store; raise its limit and drain again, or remove them", r.Failed, ErrTooLarge)
	case r.Corrupt > 0:
		err = fmt.Errorf("%d entries did not move: %w; sweep the old store by their age, or drop it with them", r.Corrupt, ErrCorrupt)
	}
	return Wrap("store", "drain", err)
}

// empty makes passes until one finds nothing to do that it could.
func (d *drain) empty(ctx context.Context) error {
	for wait := minBackoff; ; wait = min(2*wait, maxBackoff) {
		d.left = false
		d.report.Failed, d.report.Corrupt = 0, 0
		if err := d.pass(ctx); err != nil {
			return err
		}
		if err := d.marks(ctx); err != nil {
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

// pass takes every entry of the old store once.
func (d *drain) pass(parent context.Context) error {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	keys := make(chan string)
	var workers sync.WaitGroup
	for range d.o.Workers {
		workers.Go(func() {
			for key := range keys {
				if err := d.one(ctx, key); err != nil {
					d.fail(err)
					cancel()
				}
			}
		})
	}
	start, n := time.Now(), 0
	for info, err := range List(ctx, d.h.old, "") {
		if errors.Is(err, ErrCorrupt) {
			d.count(func(r *DrainReport) { r.Corrupt++ })
			continue
		}
		if err != nil {
			d.fail(err)
			break
		}
		if d.o.Rate > 0 {
			due := start.Add(time.Duration(float64(n) / d.o.Rate * float64(time.Second)))
			if err := sleep(ctx, time.Until(due)); err != nil {
				d.fail(Wrap("store", "drain", err))
				break
			}
			n++
		}
		keys <- info.Key // the workers go on after an error, each call failing at once
	}
	close(keys)
	workers.Wait()
	return d.err
}

// fail keeps the first error of a pass: those of a context that it ended come after.
func (d *drain) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err == nil {
		d.err = err
	}
}

// one moves an entry, or removes it as garbage.
func (d *drain) one(ctx context.Context, key string) error {
	h := d.h
	old, oldErr := h.lookOld(ctx, key, Peek)
	now, err := h.look(ctx, key)
	hidden := errors.Is(err, ErrCorrupt) || err == nil && now.entry != nil
	switch {
	case errors.Is(err, errRole):
		return err
	case errors.Is(oldErr, errRole):
		return oldErr
	case err != nil && !hidden:
		return err
	case hidden && errors.Is(oldErr, ErrCorrupt):
		oldErr = h.old.Delete(ctx, key)
		d.count(func(r *DrainReport) { r.Garbage++ })
		return oldErr
	case errors.Is(oldErr, ErrCorrupt):
		d.count(func(r *DrainReport) { r.Corrupt++ })
		return nil
	case oldErr != nil || old == nil:
		return oldErr
	case hidden:
		if _, err = Swap(ctx, h.old, key, old.Version, nil); err == nil {
			d.count(func(r *DrainReport) { r.Garbage++ })
		} else {
			d.again()
		}
		return unlessConflict(err)
	}
	_, done, err := h.move(ctx, key, now, old, false)
	switch {
	case errors.Is(err, ErrTooLarge):
		d.count(func(r *DrainReport) { r.Failed++; d.unclaimed = errors.Is(err, errUnclaimed) })
		return nil
	case !done:
		d.again()
		return err
	}
	d.count(func(r *DrainReport) { r.Moved++; r.Bytes += int64(len(old.Value)) })
	return err
}

func (d *drain) again() {
	d.mu.Lock()
	d.left = true
	d.mu.Unlock()
}

func (d *drain) count(add func(*DrainReport)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	add(&d.report)
	if d.o.Progress != nil && time.Since(d.told) > 100*time.Millisecond {
		d.told = time.Now()
		d.o.Progress(d.report)
	}
}

// marks takes away those that a mover has left who died. A new store that does not list forgets them by their deadline.
func (d *drain) marks(ctx context.Context) error {
	if !CanList(d.h.new) {
		return nil
	}
	for info, err := range List(ctx, d.h.new, "") {
		switch {
		case errors.Is(err, ErrCorrupt):
			continue
		case err != nil:
			return err
		case !d.h.mayBeMark(info):
			continue
		}
		now, err := d.h.look(ctx, info.Key)
		if err == nil && now.mark != nil {
			_, err = d.h.take(ctx, info.Key, now.mark.Version)
		}
		if err != nil && !errors.Is(err, ErrCorrupt) {
			return err
		}
	}
	return nil
}
