package store

import (
	"bytes"
	"errors"
	"fmt"
	"time"
)

// While an entry moves, two values of ours stand under its key. Both begin with the same 15 bytes and one that tells them apart.
//
//	mark, in the new store    magic, 1, the version that the entry has in the old store; nothing for one that is not there
//	claim, in the old store   magic, 2, length of a version (1 byte), the version that it had before, its value
const (
	handoverMagic = "\xffLarderHandover"
	markMagic     = handoverMagic + "\x01"
	claimMagic    = handoverMagic + "\x02"

	// markLife is how long a mark stands whose owner died. It is long beside the clocks of two hosts, since the
	// owner's clock sets the deadline and the server's judges it; and a short one would only tidy up sooner.
	markLife = 5 * time.Minute

	// markAhead is how much later than in markLife a mark's deadline may be by the clock of who looks for it; maxMark how long it is at most.
	markAhead = 24 * time.Hour
	maxMark   = len(markMagic) + 255
)

// errMark refuses a value that would be taken for a mark.
var errMark = errors.New("the value begins with the bytes that mark an entry on its way; no value may while a handover runs")

// writable refuses what would be taken for a mark or a claim.
func writable(op string, value []byte) error {
	if bytes.HasPrefix(value, []byte(handoverMagic)) {
		return Wrap("store", op, fmt.Errorf("handover: %w", errMark))
	}
	return nil
}

// errRole is what a claim in the new store is, or a mark in the old one: somebody uses the two the other way round, or has copied one of them.
var errRole = fmt.Errorf("%w: a value of a handover's own stands in the wrong store; does a program or a drain name the two stores the other way round?", ErrCorrupt)

// inNew tells what a value of the new store is: a mark, or else an entry's.
func inNew(value []byte) (from Version, isMark bool, err error) {
	if from, isMark = parseMark(value); !isMark && bytes.HasPrefix(value, []byte(handoverMagic)) {
		err = Wrap("store", "handover", errRole)
	}
	return from, isMark, err
}

// newMark makes the mark of an entry that the old store holds in the version from.
func newMark(from Version, now time.Time) *Item {
	return &Item{Value: append([]byte(markMagic), from...), Expires: now.Add(markLife)}
}

// parseMark reads a value of the new store.
func parseMark(value []byte) (from Version, isMark bool) {
	rest, isMark := bytes.CutPrefix(value, []byte(markMagic))
	if !isMark {
		return "", false // of each value that is read: nothing is copied
	}
	return Version(rest), true
}

// newClaim makes the value that takes the place of value, which stands in the old store in the version of.
func newClaim(of Version, value []byte) []byte {
	b := make([]byte, 0, len(claimMagic)+1+len(of)+len(value))
	b = append(append(b, claimMagic...), byte(len(of)))
	return append(append(b, of...), value...)
}

// parseClaim reads a value of the old store. What is no claim is its own value.
func parseClaim(value []byte) (of Version, inner []byte, isClaim bool) {
	rest, isClaim := bytes.CutPrefix(value, []byte(claimMagic))
	if !isClaim || len(rest) == 0 || len(rest) < 1+int(rest[0]) {
		return "", value, false
	}
	n := 1 + int(rest[0])
	return Version(rest[1:n]), rest[n:], true
}
