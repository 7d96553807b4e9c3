package store

import (
	"context"
	"errors"
	"iter"
)

// Resumer is a Store whose list can be taken up again where it was left, by another process on another day. Callers use [ListAfter].
type Resumer interface {
	Store

	// ListAfter is List in one order, and begins behind the key after, whether or not an entry stands there still; with "" it begins at
	// the beginning. The order is of the keys or of their hashes, as the store likes, and the same in every call as long as the store
	// lasts. What is live from the first of several calls to the last, each of which goes on behind the last key of the one before, is
	// listed once. An after that is no key is [ErrInvalidKey].
	ListAfter(ctx context.Context, prefix, after string) iter.Seq2[Info, error]
}

// ListAfter lists s by its own ListAfter, or else yields one error that wraps [errors.ErrUnsupported]. Like [List] it hides reserved keys.
func ListAfter(ctx context.Context, s Store, prefix, after string) iter.Seq2[Info, error] {
	if r, ok := s.(Resumer); ok {
		return hideReserved(prefix, r.ListAfter(ctx, prefix, after))
	}
	return func(yield func(Info, error) bool) { yield(Info{}, unsupported("list after", s)) }
}

// CanListAfter reports whether a list of s can be taken up again, without asking its backend.
func CanListAfter(s Store) bool {
	for _, err := range ListAfter(canceled(), s, "", "") {
		return !errors.Is(err, errors.ErrUnsupported)
	}
	return true
}

// hideReserved drops what is reserved from the list of a store that may not know which keys are.
func hideReserved(prefix string, list iter.Seq2[Info, error]) iter.Seq2[Info, error] {
	if !mayReserve(prefix) {
		return list
	}
	return func(yield func(Info, error) bool) {
		for info, err := range list {
			if err == nil && Reserved(info.Key) {
				continue
			}
			if !yield(info, err) {
				return
			}
		}
	}
}
