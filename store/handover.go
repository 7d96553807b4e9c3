package store

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// HandoverOptions steer [Handover]. nil is the zero value.
type HandoverOptions struct {
	// Prepare leaves what is written in the old store, so that programs which know only that one go on. It is for the first
	// roll-out; in the second, where all programs know both stores, it is left out.
	Prepare bool

	// Recheck is how often a program that is in use asks the new store how far the handover is. 0: 5 seconds. Give every program the same:
	// Drain waits for twice as long, some times.
	Recheck time.Duration

	// Quiet is for stores that take part in several handovers at once, as the nodes of package shard: no notes tell how far this one is. Programs go on with
	// both stores until they are rolled out with the new one alone; and who was forgotten in the first step is found by Drain only if he
	// writes while it runs.
	Quiet bool
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
// Who goes on where another stopped claims the entry again, so that what the other does about his own claim is refused. Where the new store refuses the entry, as
// too large, its mover puts the value back in place of his claim. Where the old store refuses the claim, which is 17 bytes and a version longer than the value, the
// entry stays there: everybody reads and writes it there, as in Prepare, until it is shorter.
//
// A mark is that of one version. Whoever finds one beside another version in the old store takes it away before he acts on what he has seen
// there, and step 3 of its owner fails. An entry that stands in neither store is created in the new one: in step 2 its mover makes sure
// that the old store holds none still. Whoever creates one in the old store, in Prepare, looks for a mark afterwards. What is removed is removed
// by its version where it stands. No step is undone by waiting.
//
// No clock decides which write counts. But a mark has a deadline of five minutes: a program whose clock is that much behind the new store's moves nothing, since its marks have
// passed when they are made; and Drain finds the marks of the dead where the hosts' clocks differ by less than a day, or, in a new store that cannot
// List, waits until they have passed, for five minutes, to which the clocks' difference must be added.
//
// # How it ends
//
// A note in the new store, under a reserved key, tells how far it is, and each program reads that every Recheck. Drain moves everything, and notes that the
// handover is closing. Who reads that writes to the old store no more, also where it is in Prepare, and still reads both. When for twice Recheck
// nothing was left to move, Drain notes that the old store is drained. Who reads that leaves it alone. Who finds that note when it starts looks into the
// old store once: an entry there says that another handover between the same two begins. The notes hold a name, which is drawn for each
// handover and stands in the old store too.
type HandoverStore struct {
	old, new Store
	prepare  bool
	recheck  time.Duration
	bad      error        // why it can do nothing
	quiet    bool         // it asks for no news: see HandoverOptions, and it drains
	phase    atomic.Int32 // handoverPhase that it has heard of
	asked    atomic.Int64 // when that was, in ns since began
	mu       sync.Mutex
	asking   *newsAsk     // under mu; nil: nobody asks
	name     string       // of the handover, where it has heard of it; its own is whoever asks
	settled  bool         // it has asked before this handover was drained; likewise
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
	h := &HandoverStore{old: old, new: new, began: time.Now(), recheck: defaultRecheck}
	if o != nil {
		h.prepare = o.Prepare
		h.quiet = o.Quiet
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
