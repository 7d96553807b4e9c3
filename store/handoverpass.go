package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// drain is a [HandoverStore.Drain] under way.
type drain struct {
	sides    []DrainSide
	clerks   map[*HandoverStore]*HandoverStore // the same two stores each, for this drain alone
	recheck  time.Duration                     // the longest of theirs
	marksEnd bool                              // by their deadlines alone, in a new store that does not list
	o        DrainOptions

	mu        sync.Mutex
	report    DrainReport
	told      time.Time
	next      time.Time // when the next entry may go, under Rate
	left      bool      // of this pass: something is there that the next has to look at
	unclaimed bool      // why the last one failed: it is the old store that is too small
	err       error     // of this pass
}

// listing is an entry as a side lists it.
type listing struct {
	h    *HandoverStore // nil: it does not move
	old  bool
	info Info
}

// pass takes every entry of the old stores once, or of every side.
func (d *drain) pass(parent context.Context, one func(context.Context, listing) error, all bool) error {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	entries := make(chan listing, d.o.Workers)
	var workers sync.WaitGroup
	for range d.o.Workers {
		workers.Go(func() {
			for l := range entries {
				if err := one(ctx, l); err != nil {
					d.fail(err)
					cancel()
				}
			}
		})
	}
	var lists sync.WaitGroup
	turns := make(chan struct{}, d.o.Workers)
	for _, side := range d.sides {
		if !side.Leaves && !all {
			continue
		}
		lists.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			if err := d.list(ctx, side, entries); err != nil { // the workers go on after an error, each call failing at once
				d.fail(err)
				cancel()
			}
		})
	}
	lists.Wait()
	close(entries)
	workers.Wait()
	return d.err
}

func (d *drain) list(ctx context.Context, side DrainSide, to chan<- listing) error {
	for info, err := range List(ctx, side.Store, "") {
		if err != nil && !errors.Is(err, ErrCorrupt) {
			return err
		}
		h, old := side.Of(info.Key)
		switch {
		case err == nil:
			to <- listing{h, old, info}
		case h != nil && old:
			d.count(func(r *DrainReport) { r.Corrupt++ })
		}
	}
	return nil
}

// fail keeps the first error of a pass: those of a context that it ended come after.
func (d *drain) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err == nil {
		d.err = err
	}
}

// move moves what stands in an old store, when its turn has come.
func (d *drain) move(ctx context.Context, l listing) error {
	if l.h == nil || !l.old {
		return nil
	}
	if d.o.Rate > 0 {
		if err := sleep(ctx, d.turn()); err != nil {
			return Wrap("store", "drain", err)
		}
	}
	return d.one(ctx, d.clerks[l.h], l)
}

// turn is how long the next entry has to wait, so that no more than Rate go in a second.
func (d *drain) turn() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	if now := time.Now(); d.next.Before(now) {
		d.next = now
	}
	due := d.next
	d.next = d.next.Add(time.Duration(float64(time.Second) / d.o.Rate))
	return time.Until(due)
}

// one moves an entry, or removes it as garbage.
func (d *drain) one(ctx context.Context, h *HandoverStore, l listing) error {
	key := l.info.Key
	old, oldErr := h.lookOld(ctx, key, Peek)
	if oldErr == nil && old != nil {
		// As nearly always: nothing is in the way. Where something is, the mark is not made, and all is as it was.
		switch done, err := d.moveOne(ctx, h, l, newState{}, old); {
		case done:
			return nil
		case err != nil && !errors.Is(err, ErrCorrupt):
			return err
		}
		old, oldErr = h.lookOld(ctx, key, Peek)
	}
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
	done, err := d.moveOne(ctx, h, l, now, old)
	if !done {
		d.again()
	}
	return err
}

// moveOne is done where the entry has moved, or cannot.
func (d *drain) moveOne(ctx context.Context, h *HandoverStore, l listing, now newState, old *oldState) (done bool, err error) {
	_, done, err = h.move(ctx, l.info.Key, now, old, false)
	switch {
	case errors.Is(err, ErrTooLarge):
		d.count(func(r *DrainReport) {
			r.Failed++
			d.unclaimed = errors.Is(err, errUnclaimed)
			if d.o.Stuck != nil {
				d.o.Stuck(l.h, l.info.Key, err)
			}
		})
		return true, nil
	case done:
		d.count(func(r *DrainReport) { r.Moved++; r.Bytes += int64(len(old.Value)) })
	}
	return done, err
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

// check is the last look, when every program knows that the old stores are empty: they are, and the marks are taken away that movers have left who died.
func (d *drain) check(ctx context.Context) error {
	return d.pass(ctx, func(ctx context.Context, l listing) error {
		switch {
		case l.h != nil && l.old:
			return Wrap("store", "drain", ErrLingers)
		case l.h != nil && l.h.mayBeMark(l.info):
			now, err := l.h.look(ctx, l.info.Key)
			if err == nil && now.mark != nil {
				_, err = l.h.take(ctx, l.info.Key, now.mark.Version)
			}
			if err != nil && !errors.Is(err, ErrCorrupt) {
				return err
			}
			if now.entry == nil {
				return nil
			}
		}
		d.count(func(r *DrainReport) { r.Checked++ })
		return nil
	}, true)
}
