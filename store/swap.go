package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"time"
)

// Version names one state of one entry: 128 random bits, drawn by the writer for every Set and Swap and kept in the
// record. It is opaque. "" means absent. It is never a server's counter, for those start again after a restart.
type Version string

// AnyVersion makes a Swap unconditional.
const AnyVersion Version = "*"

// NewVersion draws a Version, for authors of stores.
func NewVersion() Version {
	var bits [16]byte
	rand.Read(bits[:])
	return Version(hex.EncodeToString(bits[:]))
}

// Item is an entry with all that belongs to it.
type Item struct {
	Value   []byte
	Expires time.Time // absolute deadline; zero: none
	Atime   time.Time // last use as recorded, zero: unknown. Given to Swap: zero means now, and so does a future one
	Version Version   // Swap ignores it in the new item and draws one
}

// Swapper is a Store that can replace an entry on the condition that nobody else has. Callers use [Load], [Peek],
// [Swap] and, most of them, [Update].
type Swapper interface {
	Store

	// Load returns the entry under key, or [ErrNotFound]. It is a use, like Get. The item's value belongs to the caller.
	Load(ctx context.Context, key string) (*Item, error)

	// Peek is Load without being a use: for operators, copies and merges.
	Peek(ctx context.Context, key string) (*Item, error)

	// Swap puts item in place of the version old, and returns the version that it drew. old "" demands that no
	// entry is there, [AnyVersion] demands nothing. A nil item removes the entry and returns "". Any other state than
	// the demanded one is [ErrConflict], never ErrNotFound. It is a use.
	Swap(ctx context.Context, key string, old Version, item *Item) (Version, error)
}

// Load loads by s's own Load, or else returns an error that wraps [errors.ErrUnsupported].
func Load(ctx context.Context, s Store, key string) (*Item, error) {
	if w, ok := s.(Swapper); ok {
		return w.Load(ctx, key)
	}
	return nil, unsupported("load", s)
}

// Peek looks by s's own Peek, or else returns an error that wraps [errors.ErrUnsupported].
func Peek(ctx context.Context, s Store, key string) (*Item, error) {
	if w, ok := s.(Swapper); ok {
		return w.Peek(ctx, key)
	}
	return nil, unsupported("peek", s)
}

// Swap swaps by s's own Swap, or else returns an error that wraps [errors.ErrUnsupported].
func Swap(ctx context.Context, s Store, key string, old Version, item *Item) (Version, error) {
	if w, ok := s.(Swapper); ok {
		return w.Swap(ctx, key, old, item)
	}
	return "", unsupported("swap", s)
}

// CanSwap reports whether s can Load, Peek and Swap, without asking its backend. It asks with a key that is invalid
// and a context that has ended: whoever has the ability refuses either, whoever lacks it says so first.
func CanSwap(s Store) bool {
	_, err := Swap(canceled(), s, "", "", nil)
	return !errors.Is(err, errors.ErrUnsupported)
}
