package store

import (
	"context"
	"errors"
	"iter"
	"time"
)

// Observe returns s such that o is told of each operation. Every ability of s is kept, and its errors are returned as they are. An operation
// that s cannot do at all, as a Swap of a store without it, is refused as ever and not told.
//
// What stands outside of what is observed: an Observe around a [Prefix] or a [Layer] sees the calls that the program makes, and one around the
// store within, those that reach the backend.
func Observe(s Store, o Observer) Store {
	if o == nil {
		return s
	}
	_, inspect := Inspect(canceled(), s)
	return &observed{
		s: s, o: o, epoch: time.Now(),
		swaps: CanSwap(s), lists: CanList(s), resumes: CanListAfter(s), sweeps: CanSweep(s),
		inspects: !errors.Is(inspect, errors.ErrUnsupported),
	}
}

var (
	_ Toucher = (*observed)(nil)
	_ Lister  = (*observed)(nil)
	_ Resumer = (*observed)(nil)
	_ Swapper = (*observed)(nil)
	_ Sweeper = (*observed)(nil)

	_ Inspector = (*observed)(nil)
	_ Expirer   = (*observed)(nil)
)

type observed struct {
	s     Store
	o     Observer
	epoch time.Time // what durations are counted from: time.Since reads one clock where time.Now reads two

	swaps, lists, resumes, sweeps, inspects bool // asked once: what s lacks is no operation
}

// now is the time since epoch.
func (w *observed) now() time.Duration { return time.Since(w.epoch) }

// begin tells of the operation, and returns its context, when it began, and what is told if it panics. Then end is to be deferred.
func (w *observed) begin(ctx context.Context, op Op) (context.Context, time.Duration, Event) {
	if told := w.o.Begin(ctx, op); told != nil {
		ctx = told
	}
	return ctx, w.now(), Event{Op: op, Outcome: OutcomeError}
}

func (w *observed) end(ctx context.Context, began time.Duration, e *Event) {
	e.Duration = w.now() - began
	w.o.End(ctx, *e)
}

// over notes that the operation has returned err.
func (e *Event) over(err error) { e.Err, e.Outcome = err, OutcomeOf(err) }

func (w *observed) Contains(ctx context.Context, key string) (bool, error) {
	ctx, began, e := w.begin(ctx, OpContains)
	defer func() { w.end(ctx, began, &e) }()
	found, err := w.s.Contains(ctx, key)
	e.over(err)
	if err == nil && !found {
		e.Outcome = OutcomeNotFound
	}
	return found, err
}

func (w *observed) Get(ctx context.Context, key string) ([]byte, error) {
	ctx, began, e := w.begin(ctx, OpGet)
	defer func() { w.end(ctx, began, &e) }()
	value, err := w.s.Get(ctx, key)
	e.over(err)
	e.Bytes = int64(len(value))
	return value, err
}

func (w *observed) Set(ctx context.Context, key string, value []byte) error {
	ctx, began, e := w.begin(ctx, OpSet)
	defer func() { w.end(ctx, began, &e) }()
	err := w.s.Set(ctx, key, value)
	e.over(err)
	e.Bytes = written(value, err)
	return err
}

// written is how much of a value was written: all of it, or, for all that is known, nothing.
func written(value []byte, err error) int64 {
	if err != nil {
		return 0
	}
	return int64(len(value))
}

func (w *observed) Delete(ctx context.Context, key string) error {
	ctx, began, e := w.begin(ctx, OpDelete)
	defer func() { w.end(ctx, began, &e) }()
	err := w.s.Delete(ctx, key)
	e.over(err)
	return err
}

func (w *observed) Cleanup(ctx context.Context, idle time.Duration) (int, error) {
	ctx, began, e := w.begin(ctx, OpCleanup)
	defer func() { w.end(ctx, began, &e) }()
	removed, err := w.s.Cleanup(ctx, idle)
	e.over(err)
	e.Entries = removed
	return removed, err
}

func (w *observed) Touch(ctx context.Context, key string) error {
	ctx, began, e := w.begin(ctx, OpTouch)
	defer func() { w.end(ctx, began, &e) }()
	err := Touch(ctx, w.s, key)
	e.over(err)
	return err
}

func (w *observed) Load(ctx context.Context, key string) (*Item, error) {
	return w.load(ctx, OpLoad, key, Load)
}

func (w *observed) Peek(ctx context.Context, key string) (*Item, error) {
	return w.load(ctx, OpPeek, key, Peek)
}

func (w *observed) load(ctx context.Context, op Op, key string, load func(context.Context, Store, string) (*Item, error)) (*Item, error) {
	if !w.swaps {
		return load(ctx, w.s, key)
	}
	ctx, began, e := w.begin(ctx, op)
	defer func() { w.end(ctx, began, &e) }()
	item, err := load(ctx, w.s, key)
	e.over(err)
	if item != nil {
		e.Bytes = int64(len(item.Value))
	}
	return item, err
}

func (w *observed) Swap(ctx context.Context, key string, old Version, item *Item) (Version, error) {
	if !w.swaps || question(ctx) {
		return Swap(ctx, w.s, key, old, item)
	}
	ctx, began, e := w.begin(ctx, OpSwap)
	defer func() { w.end(ctx, began, &e) }()
	version, err := Swap(ctx, w.s, key, old, item)
	e.over(err)
	if item != nil {
		e.Bytes = written(item.Value, err)
	}
	return version, err
}

// List is one operation from its first entry to its last, or to where the caller leaves the loop.
func (w *observed) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	if !w.lists || question(ctx) {
		return List(ctx, w.s, prefix)
	}
	return w.list(ctx, func(ctx context.Context) iter.Seq2[Info, error] { return List(ctx, w.s, prefix) })
}

// ListAfter is told as a list.
func (w *observed) ListAfter(ctx context.Context, prefix, after string) iter.Seq2[Info, error] {
	if !w.resumes || question(ctx) {
		return ListAfter(ctx, w.s, prefix, after)
	}
	return w.list(ctx, func(ctx context.Context) iter.Seq2[Info, error] { return ListAfter(ctx, w.s, prefix, after) })
}

func (w *observed) list(ctx context.Context, list func(context.Context) iter.Seq2[Info, error]) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		ctx, began, e := w.begin(ctx, OpList)
		caller := time.Duration(0)
		defer func() { w.end(ctx, began+caller, &e) }()
		for info, err := range list(ctx) {
			if err == nil {
				e.Entries++
			} else if e.Err == nil || errors.Is(e.Err, ErrCorrupt) { // the list goes on after a corrupt entry, and ends with any other error
				e.Err = err
			}
			e.over(e.Err) // a panic of the loop body is none of the store
			before := w.now()
			more := yield(info, err)
			caller += w.now() - before
			if !more {
				return
			}
			e.Outcome = OutcomeError
		}
		e.over(e.Err)
	}
}

// Sweep is told also of a store without Sweep where its Cleanup does the work.
func (w *observed) Sweep(ctx context.Context, o SweepOptions) (SweepReport, error) {
	if !w.sweeps && !o.onlyIdle() || question(ctx) {
		return Sweep(ctx, w.s, o)
	}
	ctx, began, e := w.begin(ctx, OpSweep)
	defer func() { w.end(ctx, began, &e) }()
	r, err := Sweep(ctx, w.s, o)
	e.over(err)
	if !o.DryRun {
		e.Entries, e.Bytes = r.Removed, r.Bytes
	}
	return r, err
}

func (w *observed) Inspect(ctx context.Context) ([]Fact, error) {
	if !w.inspects || question(ctx) {
		return Inspect(ctx, w.s)
	}
	ctx, began, e := w.begin(ctx, OpInspect)
	defer func() { w.end(ctx, began, &e) }()
	facts, err := Inspect(ctx, w.s)
	e.over(err)
	return facts, err
}

// Expiry asks no backend and is no operation.
func (w *observed) Expiry() (Expiry, error) { return ExpiryOf(w.s) }
