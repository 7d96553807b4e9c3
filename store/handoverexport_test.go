package store

import (
	"context"
	"time"
)

// What the tests of a handover look at from outside of the package.

// DrainOne does what Drain does with one entry.
func DrainOne(ctx context.Context, h *HandoverStore, key string) error {
	return (&drain{}).one(ctx, h, listing{h: h, old: true, info: Info{Key: key}})
}

// NewMark and NewClaim make what a mover leaves who died.
func NewMark(from Version) *Item { return newMark(from, time.Now()) }

func NewClaim(of Version, value []byte) []byte { return newClaim(of, value) }

// OfHandover reports whether a value is one of a handover's own.
func OfHandover(value []byte) bool { return writable("", value) != nil }

func ParseMark(value []byte) (from Version, isMark bool) { return parseMark(value) }

func ParseClaim(value []byte) (of Version, inner []byte, isClaim bool) { return parseClaim(value) }
