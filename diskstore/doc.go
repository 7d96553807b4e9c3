// Package diskstore keeps every entry in a file of its own, in a folder that several processes may use at once.
//
// # URLs
//
//	file:///var/lib/app/sessions?x-timeout=24h
//	file:./sessions
//
// The path is a folder; it is made if it is missing, for its owner alone. Parameters: x-timeout, x-touch-after,
// x-max-value (bytes) and x-allow-network-fs. [Open] does the same for a program that knows its options.
//
// # Keys
//
// The file of an entry is named by the SHA-256 of its key in hexadecimal digits, in one of 256 folders named by the
// first two. So no key can lead out of the folder, and none meets another on a file system that folds case. The key itself stands in
// the file and is compared when it is read. What is in the folder under any other name is not the store's, and it neither
// lists nor touches that, nor follows a symbolic link below the folder.
//
// # Expiry
//
// The atime of an entry is the file's time of modification, which the store sets, or the time in its record where that is later. The
// file system's own atime, which most mounts keep loosely or not at all, is not used. Nothing runs by itself: call Cleanup or
// [Store.Sweep] from time to time, in whichever process; a sweep looks at every file, and remembers the names of one folder
// at a time. A deadline beyond the year 2262 is kept as one in that year.
//
// # Durability
//
// A nil error means that what was written, or removed, survives a power cut. A new entry is written to a temporary file, synced, renamed,
// and then the folder is synced, without which the name may be gone. An entry that is there is overwritten in place: its file has
// two slots, which take turns, so that the old value stays whole until the new one is (see layout.go). Whatever goes wrong, the
// old value stays. A process that is killed leaves at most one temporary file, which sweeps remove after an hour. Refreshing
// an atime is not synced. The value before the last may remain in the file until the next overwrite.
//
// # Limits
//
// Values up to Options.MaxValue, 64 MiB unless set. All who open a folder must run with rights to all of its files. The file system must be
// local: on a network, flock and fsync do not keep what is promised here, so [Open] refuses those that it can recognise
// (also FUSE) unless Options.AllowNetworkFS says otherwise. It should keep times finer than a second. A store holds a descriptor for each of
// the 256 folders that it has used. The folder must not be removed or moved while a store has it open. Copies made with hard links
// are safe: an entry with a second name is not overwritten in place.
//
// On Windows, and wherever there is no flock, a folder serves a single process, and nothing is promised about power cuts.
package diskstore
