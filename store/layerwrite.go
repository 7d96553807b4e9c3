package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

func (l *layer) Set(ctx context.Context, key string, value []byte) error {
	_, err := l.write(ctx, key, false, func() error { return l.slow.Set(ctx, key, value) })
	return err
}

func (l *layer) Swap(ctx context.Context, key string, old Version, item *Item) (version Version, err error) {
	_, err = l.write(ctx, key, false, func() (err error) {
		version, err = Swap(ctx, l.slow, key, old, item)
		return err
	})
	return version, err
}

// Delete tries both stores, and tells of both: who logs a user out wants to know that another program may still see him.
func (l *layer) Delete(ctx context.Context, key string) error {
	fast, slow := l.write(ctx, key, true, func() error { return l.slow.Delete(ctx, key) })
	switch {
	case fast == nil || errors.Is(slow, context.Canceled):
		return slow
	case slow == nil:
		const text = "store: delete: the entry is removed, but not its copy in the fast store (%s): other programs may read that for up to %v"
		return &deleteError{text: fmt.Sprintf(text, OutcomeOf(fast), l.maxAge), causes: []error{fast}}
	}
	return &deleteError{text: fmt.Sprintf("%v, nor does the fast store drop its copy (%s)", slow, OutcomeOf(fast)), causes: []error{slow, fast}}
}

// deleteError joins the errors of both stores in one line with one prefix.
type deleteError struct {
	text   string
	causes []error
}

func (e *deleteError) Error() string   { return e.text }
func (e *deleteError) Unwrap() []error { return e.causes }

// write writes to slow, and then drops the copy, in any case or only if fast seems to be up. It returns what came of
// dropping it, and of writing.
func (l *layer) write(ctx context.Context, key string, inAnyCase bool, write func() error) (dropped, written error) {
	s := l.slot(key)
	l.writes.Add(1)
	defer l.writes.Add(-1) // after the slot's
	s.busy.Add(1)
	defer s.busy.Add(-1)
	written = write()
	switch {
	case errors.Is(written, ErrInvalidKey), errors.Is(written, ErrTooLarge), errors.Is(written, errors.ErrUnsupported), Reserved(key):
		return nil, written // nothing was written, or nothing is copied
	}

	// Copies that are on their way are told apart by these marks, and those that stand in fast by being dropped. An error, other than that of
	// a condition, does not mean that nothing was written, nor that it will not be in a moment: for MaxAge no copy is made.
	tick := l.tick()
	raise(&s.wrote, tick)
	if written != nil && !errors.Is(written, ErrConflict) {
		raise(&s.wrote, tick+int64(l.maxAge))
	}
	if s.filling.Load() > 0 {
		l.lose(s, tick)
	}
	a, ok := l.asking(ctx), true
	if !inAnyCase {
		a, ok = l.ask(ctx)
	}
	if ok {
		dropped = l.fast.Delete(a.ctx, key)
		l.asked(a, dropped)
	}
	if !ok || dropped != nil {
		l.lose(s, tick)
	}
	return dropped, written
}

// Cleanup is slow's. When it returns, nothing is read any more that it has removed.
func (l *layer) Cleanup(ctx context.Context, idle time.Duration) (int, error) {
	removed, err := l.slow.Cleanup(ctx, idle)
	l.swept(ctx, removed, err)
	return removed, err
}

func (l *layer) Sweep(ctx context.Context, o SweepOptions) (SweepReport, error) {
	r, err := Sweep(ctx, l.slow, o)
	if !o.DryRun {
		l.swept(ctx, r.Removed, err)
	}
	return r, err
}

// swept makes all copies void that are older than a sweep which may have removed something.
func (l *layer) swept(ctx context.Context, removed int, err error) {
	if removed > 0 || err != nil && !errors.Is(err, errors.ErrUnsupported) {
		raise(&l.floor, l.tick())
	}
	if l.tidies {
		l.tidy(ctx)
	}
}

const (
	// tidyEvery is how many fills of a fast store in memory go by between two looks for what is over there.
	tidyEvery = 64

	// tidyMost is how many copies are then removed, at most: more than came in, and so few that nobody waits for long.
	tidyMost = 8 * tidyEvery
)

// tidy removes copies that are over. No one else might: slow is cleaned up by a job that knows nothing of the memory of this program.
func (l *layer) tidy(ctx context.Context) {
	Sweep(ctx, l.fast, SweepOptions{Limit: tidyMost}) // an error is met again by who reads
}

// inMemory reports whether s is a Map, so that a small sweep costs microseconds, whatever else is in it.
func inMemory(s Store) bool {
	switch s := s.(type) {
	case *Map:
		return true
	case *prefixed:
		return inMemory(s.s)
	case *observed:
		return inMemory(s.s)
	}
	return false
}
