package store

import (
	"context"
	"errors"
	"iter"
)

// Entry is an Item with its key: what [Items] yields and [PutItems] takes.
type Entry struct {
	Key string
	Item
}

// size is what it holds in memory.
func (e *Entry) size() int64 { return int64(len(e.Key) + len(e.Value)) }

// Items lists the entries of s whose keys begin with prefix, each with its value, behind the key after: in the order of [ListAfter] where s has
// that, and else, if after is "", in that of [List]. It is not a use, unless s has no Peek. Eight entries are read at a time, ahead of the loop; the
// goroutines that do so are gone when the loop is left. An outage is waited out for 30 seconds where the list can be taken up again. An error comes
// with a zero Entry and is the last pair, unless it wraps [ErrCorrupt]: then the rest follows.
func Items(ctx context.Context, s Store, prefix, after string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		src := newSource(s, defaultPatience)
		src.resumes = after != "" || CanListAfter(s)
		more := true
		r := relay[listed, found]{
			workers: defaultCopyWorkers, size: listed.size, idle: func() {},
			work: func(ctx context.Context, l listed) found {
				if l.err != nil {
					return found{err: l.err}
				}
				item, err := src.read(ctx, l.info)
				if err != nil {
					return found{err: err}
				}
				return found{Entry{l.info.Key, *item}, nil}
			},
			fold: func(f found) bool {
				if !more || f.err == ErrNotFound { // it has gone since it was listed
					return more
				}
				more = yield(f.Entry, f.err) && (f.err == nil || errors.Is(f.err, ErrCorrupt))
				if !more {
					cancel()
				}
				return more
			},
		}
		r.run(ctx, src.list(ctx, prefix, after))
		if err := ctx.Err(); more && err != nil {
			yield(Entry{}, Wrap("store", "items", err))
		}
	}
}

// found is an entry that was read, or the error.
type found struct {
	Entry
	err error
}
