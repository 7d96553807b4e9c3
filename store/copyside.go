package store

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// patience is how long an outage is waited out.
type patience time.Duration

const (
	defaultPatience = patience(30 * time.Second)
	minOutageWait   = 50 * time.Millisecond
	maxOutageWait   = 2 * time.Second
)

// do calls fn until it returns something else than an outage, ctx ends, or patience does.
func (p patience) do(ctx context.Context, fn func() error) error {
	var since time.Time
	for wait := minOutageWait; ; wait = min(2*wait, maxOutageWait) {
		err := fn()
		if err == nil || !errors.Is(err, ErrUnavailable) || !p.wait(ctx, &since, wait) {
			return err
		}
	}
}

// wait is the pause after a failed try. It reports whether another one is worthwhile. since is when the outage was met first.
func (p patience) wait(ctx context.Context, since *time.Time, wait time.Duration) bool {
	now := time.Now()
	if since.IsZero() {
		*since = now
	}
	return p > 0 && now.Sub(*since) < time.Duration(p) && sleep(ctx, wait/2+rand.N(wait/2)) == nil
}

// source is what is copied from.
type source struct {
	s        Store
	peeks    bool
	resumes  bool // it is listed by ListAfter
	restarts bool // a list that cannot be taken up again is begun anew after an outage
	patience patience
}

func newSource(s Store, p patience) *source { return &source{s: s, peeks: CanSwap(s), patience: p} }

// listed is an entry that a source lists, or an error: ErrCorrupt, or the last of the list.
type listed struct {
	info  Info
	err   error
	again bool // none of these: all comes again from the beginning
}

func (l listed) size() int64 { return l.info.Size }

// list lists what is behind after. Where the source resumes, an outage is waited out and the list taken up again; where it restarts, begun anew.
// Patience begins anew only with what is further than any list before: one that always breaks at the same place comes to an end.
func (src *source) list(ctx context.Context, prefix, after string) iter.Seq[listed] {
	return func(yield func(listed) bool) {
		var since time.Time
		furthest := 0
		for wait := minOutageWait; ; wait = min(2*wait, maxOutageWait) {
			n := 0
			list := List(ctx, src.s, prefix)
			if src.resumes {
				list = ListAfter(ctx, src.s, prefix, after)
			}
			var failed error
			for info, err := range list {
				if err != nil && !errors.Is(err, ErrCorrupt) {
					failed = err
					break
				}
				if !yield(listed{info: info, err: err}) {
					return
				}
				if n++; err == nil && (src.resumes || n > furthest) {
					after, since, wait, furthest = info.Key, time.Time{}, minOutageWait, n
				}
			}
			if failed == nil {
				return
			}
			if !src.resumes && !src.restarts || !errors.Is(failed, ErrUnavailable) || !src.patience.wait(ctx, &since, wait) {
				yield(listed{err: failed})
				return
			}
			if !src.resumes && n > 0 && !yield(listed{again: true}) {
				return
			}
		}
	}
}

// read returns the entry that info tells of.
func (src *source) read(ctx context.Context, info Info) (item *Item, err error) {
	err = src.patience.do(ctx, func() (err error) {
		if src.peeks {
			item, err = Peek(ctx, src.s, info.Key)
			return err
		}
		value, err := src.s.Get(ctx, info.Key)
		item = &Item{Value: value, Atime: info.Atime, Expires: info.Expires}
		return err
	})
	return item, err
}

// target is what is copied to.
type target struct {
	s         Store
	swaps     bool
	expiry    Expiry // as it tells; zero: it does not
	overwrite Overwrite
	patience  patience
	ask       atomic.Bool // what came last was there already: so may be what comes next
}

func newTarget(s Store, o *CopyOptions, p patience) *target {
	t := &target{s: s, swaps: CanSwap(s), overwrite: o.Overwrite, patience: p}
	t.expiry, _ = ExpiryOf(s)
	return t
}

// outcome is what became of an entry.
type outcome int

const (
	isCopied outcome = iota
	isKept
	isGone
	isCorrupt
	isFailed
	isStopped // the copy must end, or was called off

	isRestarted outcome = -1 // the list has begun anew
)

// copyResult is what became of one entry.
type copyResult struct {
	key     string
	outcome outcome
	bytes   int64
	sum     copySum // of the item, for PutItems with a checkpoint
	err     error
}

// has reports that there is nothing to do for key: the target has it. It asks only where that is likely, so that to go through again what was copied
// before costs neither a reading nor a writing, and a first copy no question. What it cannot tell, put will.
func (t *target) has(ctx context.Context, key string) bool {
	if t.overwrite != OverwriteNever || !t.ask.Load() {
		return false
	}
	has, err := t.s.Contains(ctx, key)
	if err == nil && !has {
		t.ask.Store(false)
	}
	return has && err == nil
}

// tooOld reports that the target would take the item for absent.
func (t *target) tooOld(item *Item) bool {
	return !item.Atime.IsZero() && t.expiry.Absent(time.Now(), item.Atime, item.Expires) ||
		!item.Expires.IsZero() && !time.Now().Before(item.Expires)
}

// put writes one entry.
func (t *target) put(ctx context.Context, key string, item *Item) copyResult {
	if t.tooOld(item) {
		return copyResult{key: key, outcome: isGone}
	}
	kept := false
	err := t.patience.do(ctx, func() (err error) {
		kept, err = t.write(ctx, key, item)
		return err
	})
	switch {
	case err == nil && kept:
		return copyResult{key: key, outcome: isKept}
	case err == nil:
		return copyResult{key: key, outcome: isCopied, bytes: int64(len(item.Value))}
	case isOwn(err):
		return copyResult{key: key, outcome: isFailed, err: err}
	}
	return copyResult{key: key, outcome: isStopped, err: err}
}

// isOwn tells an error of one entry from one that all others would meet too.
func isOwn(err error) bool {
	for _, own := range []error{ErrTooLarge, ErrInvalidKey, ErrCorrupt, ErrConflict, ErrDeadlineLost} {
		if errors.Is(err, own) {
			return true
		}
	}
	return false
}

// olderTries bounds how often OverwriteOlder looks again at an entry that somebody writes all the time, without a later atime.
const olderTries = 10

// write writes the entry, or reports that the one that is there is kept.
func (t *target) write(ctx context.Context, key string, item *Item) (kept bool, err error) {
	switch {
	case !t.swaps:
		return t.set(ctx, key, item)
	case t.overwrite == OverwriteAlways:
		_, err = Swap(ctx, t.s, key, AnyVersion, item)
		return false, err
	case t.overwrite == OverwriteNever:
		_, err = Swap(ctx, t.s, key, "", item)
		if errors.Is(err, ErrConflict) {
			t.ask.Store(true)
			return true, nil
		}
		return false, err
	}
	for range olderTries {
		old := Version("")
		there, err := Peek(ctx, t.s, key)
		switch {
		case err == nil && !older(there, item):
			return true, nil
		case err == nil:
			old = there.Version
		case err != ErrNotFound:
			return false, err
		}
		if _, err = Swap(ctx, t.s, key, old, item); !errors.Is(err, ErrConflict) {
			return false, err
		}
	}
	return false, Wrap("store", "copy", ErrConflict)
}

// older reports that there was used before item was, so far as is known.
func older(there, item *Item) bool {
	return !there.Atime.IsZero() && !item.Atime.IsZero() && there.Atime.Before(item.Atime.Add(-granularity))
}

// granularity is what backends make of a time: Postgres counts in microseconds, Redis in milliseconds.
const granularity = time.Millisecond

// set is write where there is no Swap.
func (t *target) set(ctx context.Context, key string, item *Item) (kept bool, err error) {
	if !item.Expires.IsZero() {
		return false, Wrap("store", "copy", ErrDeadlineLost)
	}
	if t.overwrite == OverwriteNever {
		if has, err := t.s.Contains(ctx, key); has || err != nil {
			return has, err
		}
	}
	return false, t.s.Set(ctx, key, item.Value)
}

// weigh says what put would do, without doing it.
func (t *target) weigh(ctx context.Context, key string, item *Item, size int64) copyResult {
	would := copyResult{key: key, outcome: isCopied, bytes: size}
	if t.tooOld(item) {
		return copyResult{key: key, outcome: isGone}
	}
	if !t.swaps && !item.Expires.IsZero() {
		return copyResult{key: key, outcome: isFailed, err: Wrap("store", "copy", ErrDeadlineLost)}
	}
	kept := false
	err := t.patience.do(ctx, func() (err error) {
		switch t.overwrite {
		case OverwriteNever:
			kept, err = t.s.Contains(ctx, key)
		case OverwriteOlder:
			var there *Item
			if there, err = Peek(ctx, t.s, key); err == nil {
				kept = !older(there, item)
			} else if err == ErrNotFound {
				err = nil
			}
		}
		return err
	})
	switch {
	case err != nil && isOwn(err):
		return copyResult{key: key, outcome: isFailed, err: err}
	case err != nil:
		return copyResult{key: key, outcome: isStopped, err: err}
	case kept:
		return copyResult{key: key, outcome: isKept}
	}
	return would
}
