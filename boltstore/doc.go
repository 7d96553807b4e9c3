// Package boltstore keeps entries in a bbolt file: one file, one process, no server. Every write is one that
// survives a power cut, and writers that come at the same time share the cost of it.
//
// # URLs
//
//	bolt:///var/lib/app/larder.db
//	bolt:./larder.db?x-bucket=sessions&x-timeout=30m
//
// x-timeout and x-touch-after are [store.Expiry]; x-bucket is [Options].Bucket; x-max-value is Options.MaxValue. The
// file is created where it does not stand, its folder is not. Only one process can hold a bbolt file: OpenURL gives
// up after a second and a half with [ErrLocked]. A program that has the file open already hands its *bbolt.DB to
// [New] and shares it.
//
// # Keys
//
// The key of an entry is its key in bbolt, byte by byte. A store owns three buckets of the database and never
// touches another: that of the records, named Options.Bucket, and the two orders, whose names are the same followed
// by a NUL byte and "atime" or "deadline". Several stores, each with a bucket of its own, share one database.
//
//	bucket               key                         value
//	larder               key                         head and record, see below
//	larder NUL atime     place, 8 bytes, and key     empty; one for each record
//	larder NUL deadline  deadline, 8 bytes, and key  empty; one for each record that has a deadline
//
// Times in keys are nanoseconds since 1970 UTC, big-endian, with the sign bit flipped so that bytes compare as times
// do. The value of a record is:
//
//	offset  size  field
//	0       1     format version, 1
//	1       3     reserved, 0
//	4       8     atime, nanoseconds since 1970 UTC, signed, big-endian
//	12      8     place: the time under which the entry stands in the order by atime; never later than atime
//	20      8     deadline, likewise; 0: none
//	28      4     CRC-32C (Castagnoli) of the above
//	32            the record, as package internal/record describes it
//
// The head stands apart from the record so that a use can be recorded, and an entry whose record is damaged be found
// in both orders and removed, without reading the record. It stands in the same value, and a use that is recorded
// rewrites that: a bucket of atimes beside it would make each read two, while the rewriting costs what two fsyncs
// cost up to some 64 KiB (measured: 0.6 KB 0.6 ms, 64 KiB 0.7 ms, 1 MiB 3.3 ms).
//
// # Expiry
//
// Cleanup walks the two orders from their beginnings and costs what it removes. An entry's place in the order by
// atime is allowed to lag behind its atime, by four times the slack at most, and by no more than an hour: a use or an overwriting Set then writes
// one page instead of three, and the sweep looks twice at few entries, those that were used again soon after their
// place was written. A sweep looks for candidates in a read transaction, and judges them again in the write
// transaction that removes them, at most [store.SweepOptions].Batch of them, 1,000 by default. Beside writers it takes so few that they wait some
// milliseconds longer, and it takes up to ten times as long. Cleanup from outside
// is not possible, since the process that serves holds the file: run cleanup.Loop inside it.
//
// # Durability
//
// A nil error means that the change is on the disk. Set, Swap, Delete and a use that must be recorded are handed to
// the commit that is next; while one is being written, the next gathers company, and one of those who wait then
// commits for all. A single writer waits for nobody. This holds as far as the *bbolt.DB goes: with its NoSync set,
// nothing is promised. Where the caller's context ends while its write is in a commit under way, the error says that
// the outcome is not known; where it ends before, the write has surely not happened. Cleanup and Sweep wait for that
// commit, so that what they report is true.
//
// # Limits
//
// One process. Values up to Options.MaxValue, 64 MiB unless set; a value is held in memory, and one of many
// megabytes makes others wait until it is written. Deadlines beyond the year 2262 are kept as the last moment that a
// record can hold, in that year. The file never shrinks: pages of removed entries are used again, and "bbolt compact" makes a
// smaller copy. A read transaction of the caller's own that stays open while the file must grow makes everybody wait,
// as it does in every program that uses bbolt; List and Sweep keep none open while the caller's code runs.
package boltstore
