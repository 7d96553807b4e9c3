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
// the old store to the new in three steps, each of which a process may die after:
//
//  1. a mark is created in the new store: a value that begins with 16 bytes of ours and holds the version that the entry has in the
//     old one, its value, atime and deadline. A mark counts for nothing. Everybody may take it away, and it has a deadline of minutes.
//  2. the old store is asked whether it still holds that version;
//  3. the mark is replaced by the entry itself, by the mark's version; from here on the new store counts. Then the old entry goes.
//
// Whoever changes the old store looks into the new one afterwards and takes away a mark that he finds. So either the mover sees the change
// in step 2, or the one who changed finds the mark and takes it, and step 3 fails; or he finds the entry itself, and then it is he who was
// too late and does it again in the new store. A delete goes to the old store first and to the new one last: whoever moved a copy
// in between has lost it again before the delete returns. No step is undone by waiting, so no clock decides.
type HandoverStore struct {
	old, new Store
	prepare  bool
	recheck  time.Duration
	bad      error        // why it can do nothing
	drained  atomic.Bool  // the old store is empty for good: see Drain
	looked   atomic.Int64 // when that was last asked for, in ns since began
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
// move, List remembers 8 bytes for each entry of old, and a mark takes some 60 bytes of the size that new allows a value.
func Handover(old, new Store, o *HandoverOptions) *HandoverStore {
	h := &HandoverStore{old: old, new: new, began: time.Now(), recheck: defaultRecheck}
	if o != nil {
		h.prepare = o.Prepare
		if o.Recheck > 0 {
			h.recheck = o.Recheck
		}
	}
	h.looked.Store(-int64(h.recheck)) // ask at once
	for _, s := range []Store{old, new} {
		if !CanSwap(s) {
			h.bad = fmt.Errorf("store: handover: %T cannot Swap, and without that a delete could be lost: %w", s, errors.ErrUnsupported)
		}
	}
	return h
}
