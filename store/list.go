package store

import (
	"context"
	"errors"
	"iter"
	"time"
)

// Lister is a Store that can say what it holds. Callers use [List].
type Lister interface {
	Store

	// List yields the live entries whose keys begin with prefix and are not [Reserved], in no particular order. It is not a use. An error
	// comes with a zero Info and ends the list, unless it wraps [ErrCorrupt]: then the rest follows. While the
	// loop body runs, the store holds no lock, transaction or connection, so the body may use the store. An
	// entry that is live from beginning to end is listed once; one that comes or goes meanwhile, at most once.
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]
}

// Info is what [List] tells of an entry.
type Info struct {
	Key     string
	Size    int64     // of the value, in bytes
	Atime   time.Time // the last use as recorded: the true one lies in [Atime, Atime+Slack]
	Expires time.Time // the deadline; zero: none
}

// List lists s by its own List, or else yields one error that wraps [errors.ErrUnsupported]. It hides reserved keys, also where s knows nothing
// of them.
func List(ctx context.Context, s Store, prefix string) iter.Seq2[Info, error] {
	if l, ok := s.(Lister); ok {
		return hideReserved(prefix, l.List(ctx, prefix))
	}
	return func(yield func(Info, error) bool) { yield(Info{}, unsupported("list", s)) }
}

// CanList reports whether s can be listed, without asking its backend.
func CanList(s Store) bool {
	for _, err := range List(canceled(), s, "") {
		return !errors.Is(err, errors.ErrUnsupported)
	}
	return true
}

// canceled is a context under which a store that has an ability does nothing, and one that lacks it says so.
func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), questionKey{}, true))
	cancel()
	return ctx
}

// questionKey marks the context of a call that only asks whether there is an ability.
type questionKey struct{}

// question reports whether the call with ctx is none, but only asks.
func question(ctx context.Context) bool { return ctx.Err() != nil && ctx.Value(questionKey{}) != nil }
