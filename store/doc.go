// Package store is the contract between those who keep values under keys and those who use them.
//
// A [Store] keeps bytes under a key and forgets them when nobody has used them for a while. Programs choose a backend
// per deployment, by URL through [Mux], and rely on the rules below whichever it is. Whoever writes a store of his own
// needs this page and package storetest, which tests each rule and prints the broken one:
//
//	func TestConformance(t *testing.T) {
//		storetest.Run(t, storetest.Config{New: open})
//	}
//
// # Abilities
//
// The five methods of Store are all that a store must have. More is an ability: a small interface ([Toucher], [Lister],
// [Resumer], [Swapper], [Sweeper]) with a package function ([Touch], [List], [ListAfter], [Load], [Peek], [Swap], [Sweep]) that callers use
// in place of a type assertion. The function falls back where a fallback is honest, and otherwise returns an error that wraps
// [errors.ErrUnsupported]. A store that has the method but not the ability, as a wrapper may, returns that error before it
// looks at key, context or backend, so that [CanSwap], [CanList], [CanListAfter] and [CanSweep] ask for free. A wrapper implements every
// ability by calling the package function on what it wraps. There is no Unwrap: past [Prefix] it would reach somebody else's
// keys.
//
// Two stand apart, and no store need have or declare them. [Inspector] tells what a deployment keeps of the promises, and promises nothing
// itself. [Expirer] tells the [Expiry] that the store was opened with ([ExpiryOf]): that one, and no other.
//
// # Keys
//
// A key is valid UTF-8 of 1 to 1024 bytes without NUL ([CheckKey]). Every method that takes a key refuses any other with
// [ErrInvalidKey], on every backend. Distinct keys never meet: nothing is folded, trimmed, cut or normalised, and no key
// reaches what the backend uses for itself.
//
// # Reserved keys
//
// Keys that begin with [ReservedPrefix] are Larder's own: the lease of a cleanup, how far a copy has come. Contains, Get, Load,
// Peek, Set, Swap, Delete and Touch take them like any other. But [List] and [ListAfter] hide them, no Timeout makes them absent,
// and no sweep takes them: only their own deadline ends them, after which a sweep may remove them. [Expiry.For] tells the Expiry
// that holds for a key. An author of a store need not know of this. The package functions hide such keys on every store; where the
// store itself does not spare them, a lease that nobody has renewed for the Timeout is over.
//
// # Values
//
// A value is any bytes, also none: an empty value is there, and is not absent. Every store takes at least 1,000,000 bytes.
// Over a store's limit Set and Swap return [ErrTooLarge] and the old value stays. The caller owns the slices on both
// sides: no store keeps the one that it was given, nor changes or reuses one that it has returned.
//
// # Use
//
// Get, Load, Set, Swap and Touch are a use: they refresh the entry's atime, the time of its last use. Contains, Peek and List
// are not. To save writes, a use is recorded only when the recorded atime is older than the slack, [Expiry.Slack], which is
// TouchAfter with its default filled in. Set and Swap always record.
//
// # Absent
//
// An entry is absent, cleaned up or not, when now ≥ Expires, or when Timeout > 0 and now - atime > Timeout + slack
// ([Expiry.Absent]). So it is never absent earlier than Timeout after its last use, and at most slack later; two
// seconds more where a backend counts in seconds. Every method treats an absent entry as one that was never there.
//
// # One-way door
//
// Nothing revives an absent entry but Set, or Swap with the version "" or [AnyVersion]. A use of it, Get, Load or Touch,
// returns [ErrNotFound] and leaves it absent for everybody. Swap on it with any other version is [ErrConflict]; Swap never
// returns ErrNotFound.
//
// # Version
//
// A [Version] is 128 random bits ([NewVersion]) that the writer draws for every Set and every Swap and keeps in the record. It
// is never a server's counter, since those begin again. A use does not change it. A Swap that lost the server's reply and
// finds its own new version has succeeded.
//
// # Swap
//
// Swap compares and writes in one step: of those who swap one version, one wins and all others get [ErrConflict]; of those who
// create with "", likewise. After a Delete and a new Set no version from before fits. [AnyVersion] writes, or with a nil item
// removes, whatever is there. [Update] builds on this and loses no change of anybody who uses it.
//
// # Deadline
//
// Expires is absolute and no use moves it. Set clears it. Who wants to keep it across a change uses [Update] and passes it on. A
// store may count time in nanoseconds of 64 bits: then a deadline after the year 2262 reads back as one of that year.
//
// # Cleanup
//
// Cleanup(idle) removes what is absent, and where idle > 0, what has now - atime > idle + slack ([Expiry.Cutoff]). It
// judges in the very statement, or under the very lock, that removes: never an entry that was used within idle, however many cleaners
// and users race. It works in bounded batches, holds no lock for long, and costs what it removes where the backend can keep an
// order. When its context ends, it returns what it has removed so far with the context's error. It touches nothing that the
// store did not write. A backend that expires by itself returns 0 and nil where idle ≤ 0 or 0 < Timeout ≤ idle, else an
// error that wraps [errors.ErrUnsupported].
//
// # Delete
//
// Delete of an absent key is not an error. A Delete that has returned stays: no save in flight brings the entry back by Swap.
//
// # List
//
// List yields the live entries under a prefix. An error comes with a zero [Info] and is the last pair, unless it wraps
// [ErrCorrupt]. No transaction, lock or connection is held while the loop body runs, so the body may use the store.
//
// # Corrupt
//
// A record that is there but cannot be read is [ErrCorrupt] from Contains, Get, Load, Peek and a conditional Swap, and is never
// taken for absent. Set, Delete and Swap with AnyVersion replace it. A sweep removes it by its age.
//
// # Errors
//
// [ErrNotFound] is returned bare, everything else once as "pkg: op: cause" ([Wrap]). An outage, or a time-out of the backend's
// own, is [ErrUnavailable], never ErrNotFound. A cancelled context is [context.Canceled] and not ErrUnavailable; a deadline that
// passed is both [context.DeadlineExceeded] and ErrUnavailable. After Close every method wraps [os.ErrClosed]. No key, value
// or password stands in the text of an error: keys are bearer tokens.
//
// # Durability
//
// Where a backend is durable, nil means that the value, or its removal, survives a power cut. An atime refreshed by
// reading alone may fall back.
//
// # Context
//
// Every method returns within 50 ms of a cancel, a file system call in flight aside. A write that was cut off is an error:
// whether it happened is then not known.
//
// # Concurrency
//
// Every store serves many goroutines. A store that several processes may open serves them too.
package store
