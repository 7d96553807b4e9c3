package store

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// HandoverOptions steer [Handover]. nil is the zero value.
type HandoverOptions struct {
	// Prepare leaves what is written in the old store, so that programs which know only that one go on. It is for the first
	// roll-out; in the second, where all programs know both stores, it is left out.
	Prepare bool

	// Recheck is how often a program that is in use asks the new store whether the old one is drained. 0: 5 seconds. Give every program the same:
	// Drain waits for twice as long.
	Recheck time.Duration
}

// HandoverStore is what [Handover] returns: a Store over two, from one of which everything moves to the other while it is used.
//
// # Where an entry stands
//
// In the new store, if that holds it; what the old one holds under the same key is then garbage. Otherwise in the old one. It passes from
// the old store to the new in four steps, after each of which a process may die:
//
//  1. a mark is created in the new store. It counts for nothing. Everybody may take it away, and it has a deadline of minutes;
//  2. the entry in the old store is claimed: its value is replaced, by its version, by one that says so. It counts as before, but nobody
//     changes it there any more. Of who writes and who claims, one fails: so a write in the old store has been in time if it succeeds;
//  3. the mark is replaced, by its version, by the entry. From here on the new store counts;
//  4. the claim is removed. Who changes the entry in the new store does this first, where the mover has died before.
//
// A mark is that of one version. Whoever finds one beside another version in the old store takes it away before he acts on what he has seen
// there, and step 3 of its owner fails. An entry that stands in neither store is created in the new one: in step 2 its mover makes sure
// that the old store holds none still. Whoever creates one in the old store, in Prepare, looks for a mark afterwards. What is removed is removed
// by its version where it stands. No step is undone by waiting, so no clock decides.
type HandoverStore struct {
	old, new Store
	prepare  bool
	recheck  time.Duration
	bad      error        // why it can do nothing
	drained  atomic.Bool  // the old store is empty for good: see Drain
	asked    atomic.Int64 // when that was last asked, in ns since began
	asking   chan struct{}
	refuses  atomic.Int64 // length of the shortest value that the new store has refused, as too large; 0: none
	began    time.Time
}

var (
	_ Toucher   = (*HandoverStore)(nil)
	_ Lister    = (*HandoverStore)(nil)
	_ Swapper   = (*HandoverStore)(nil)
	_ Sweeper   = (*HandoverStore)(nil)
	_ Inspector = (*HandoverStore)(nil)
	_ Expirer   = (*HandoverStore)(nil)
)

// Handover returns a Store that moves the entries of old to new while a site runs, however many programs use it: a read looks into
// new, then into old, and what it finds there moves; a write goes to new. No write and no delete is lost, also where a process is killed at
// any moment. [HandoverStore.Drain] moves what nobody reads, and tells when old may be dropped.
//
// A site with several programs, or one that may not pause between two versions of its program, moves in four steps, each complete
// before the next:
//
//  1. every program is rolled out with Prepare: it still writes to old, and finds what others have moved already;
//  2. every program is rolled out without Prepare;
//  3. Drain is run, once, by any of them or by the command larder handover;
//  4. every program is rolled out with new alone.
//
// A step back from the second to the first is safe; from there on, new is needed.
//
// Both stores must be able to Swap, else every method returns an error that wraps [errors.ErrUnsupported]. They must not share keys, as two
// views of one table would, and new should be empty at the beginning: an entry that new holds hides old's. What old does not answer is an error, never
// taken for absent, unless new has it. Both need the same [Expiry] as before; a cleanup job must clean both until the end. While entries
// move, List remembers 8 bytes for each entry of old. To move is a use that changes the [Version], so that a Swap may fail which nobody else
// has won: [Update] loads again.
func Handover(old, new Store, o *HandoverOptions) *HandoverStore {
	h := &HandoverStore{old: old, new: new, began: time.Now(), asking: make(chan struct{}, 1), recheck: defaultRecheck}
	if o != nil {
		h.prepare = o.Prepare
		if o.Recheck > 0 {
			h.recheck = o.Recheck
		}
	}
	h.asked.Store(-int64(h.recheck)) // ask at once
	for _, s := range []Store{old, new} {
		if !CanSwap(s) {
			h.bad = fmt.Errorf("store: handover: %T cannot Swap, and without that a delete could be lost: %w", s, errors.ErrUnsupported)
		}
	}
	return h
}
