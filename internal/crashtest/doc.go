// Package crashtest finds out what a store still holds after its processes were killed or the power failed.
//
// Writers are processes of their own: the test binary runs itself again ([Writer] in TestMain). Each does a seeded random mix of
// operations and tells on a pipe what it begins and, once the call has returned, that it is acknowledged. [Kills] ends
// them with SIGKILL at a random moment; [Cuts] freezes them, shuts an ext4 file system on a loop device down without
// letting its journal out, and mounts it again. Then the store is opened anew and every key is held against the
// pipe's account: what was acknowledged is there, or something that was begun later; what was acknowledged as removed
// is not; nothing is torn.
//
// Both are needed. A kill loses nothing that a system call has taken, so it can find a write in place or a temporary file left behind, but
// never a missing fsync; only a cut finds that.
//
// What a cut does not show: a disk that lies about a flush, and blocks that reach the disk in another order than they
// were written in. The image's own writes, once issued, stay.
//
// The same seed gives the same operations and the same waiting times, not the same interleaving: run it several times.
package crashtest
