package store

import (
	"context"
	"errors"
	"time"
)

// Sweeper is a Store whose cleanup can be steered. Callers use [Sweep]; a job uses package cleanup.
type Sweeper interface {
	Store

	// Sweep is Cleanup with a hand on the wheel. The report is true also when an error comes with it.
	Sweep(ctx context.Context, o SweepOptions) (SweepReport, error)
}

// SweepOptions steer a sweep. The zero value removes what is absent by the store's own [Expiry].
type SweepOptions struct {
	Idle     time.Duration     // remove also what nobody has used for this long; ≤ 0: only what is absent
	Prefix   string            // only keys that begin so and go on: a view by Prefix(s, p) does not own the key p itself
	Batch    int               // entries removed under one lock or in one transaction, at most, and between two pauses; ≤ 0: the store's choice
	Limit    int               // entries removed in all, at most; ≤ 0: no limit
	Pause    time.Duration     // wait between two batches, so that others get through; not after the last
	DryRun   bool              // count, remove nothing
	Progress func(SweepReport) // called after each batch, also a last one that is not full, from the same goroutine
}

// SweepReport is what a sweep has done so far.
type SweepReport struct {
	Scanned int       // entries looked at
	Removed int       // entries removed, or with DryRun, that would have been
	Bytes   int64     // length of their values
	Oldest  time.Time // the earliest atime among them; zero: none removed
	Due     time.Time // since when the first of them should have been gone, by [Expiry.Due]: how far behind cleanup is; zero: none, or not known
	Done    bool      // nothing that should go is left; false after a Limit, a cancel or an error
}

// Add counts an entry that was removed, or with DryRun would have been: the length of its value, its atime, and since when it was due, by
// [Expiry.Due]; zero: not known. It is for authors of stores.
func (r *SweepReport) Add(size int64, atime, due time.Time) {
	r.Removed++
	r.Bytes += size
	if r.Oldest.IsZero() || atime.Before(r.Oldest) {
		r.Oldest = atime
	}
	if !due.IsZero() && (r.Due.IsZero() || due.Before(r.Due)) {
		r.Due = due
	}
}

// And adds what another sweep did before, of another store or of a part of this one. Whether it is done is r's to say.
func (r SweepReport) And(before SweepReport) SweepReport {
	earlier := func(a, b time.Time) time.Time {
		if a.IsZero() || !b.IsZero() && b.Before(a) {
			return b
		}
		return a
	}
	r.Scanned += before.Scanned
	r.Removed += before.Removed
	r.Bytes += before.Bytes
	r.Oldest = earlier(r.Oldest, before.Oldest)
	r.Due = earlier(r.Due, before.Due)
	return r
}

// Sweep sweeps s by its own Sweep, or else, where nothing but Idle is set, by Cleanup. Otherwise it returns an error
// that wraps [errors.ErrUnsupported].
func Sweep(ctx context.Context, s Store, o SweepOptions) (SweepReport, error) {
	if w, ok := s.(Sweeper); ok {
		r, err := w.Sweep(ctx, o)
		if !errors.Is(err, errors.ErrUnsupported) {
			return r, err
		}
		if !o.onlyIdle() {
			return r, err
		}
	}
	if !o.onlyIdle() {
		return SweepReport{}, unsupported("sweep", s)
	}
	removed, err := s.Cleanup(ctx, o.Idle)
	return SweepReport{Scanned: removed, Removed: removed, Done: err == nil}, err
}

func (o *SweepOptions) onlyIdle() bool {
	return o.Prefix == "" && o.Batch <= 0 && o.Limit <= 0 && o.Pause <= 0 && !o.DryRun && o.Progress == nil
}

// CanSweep reports whether s has a Sweep of its own, without asking its backend.
func CanSweep(s Store) bool {
	w, ok := s.(Sweeper)
	if !ok {
		return false
	}
	_, err := w.Sweep(canceled(), SweepOptions{Batch: 1, DryRun: true})
	return !errors.Is(err, errors.ErrUnsupported)
}
