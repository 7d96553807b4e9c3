// Package memstore keeps entries in memcached servers: shared between hosts, in memory, removed by the servers themselves. It
// stands on github.com/bradfitz/gomemcache, and adds what that leaves out: contexts, a bound on connections, Swap, deadlines,
// keys of any kind. For the memory of this process there is [store.Map].
//
// # URLs
//
//	memcached://127.0.0.1?x-timeout=30m
//	memcached://cache1,cache2:11212,[::1]?x-timeout=30m
//	memcached+unix:///run/memcached.sock?x-timeout=30m
//
// The port is 11211 unless given. x-timeout and x-touch-after are [store.Expiry]; x-max-value, x-key-prefix and x-max-conns are
// MaxValue, KeyPrefix and MaxConns of [Options]. x-op-timeout, one second unless set, bounds each request to a server, and
// connecting to it; a write that is not answered asks once more what became of it.
//
// Each key has its place on one of several servers. It is found as the client's own selector does, by CRC-32 modulo their
// number: a server that is down takes its share of the entries with it and no other, but another number of servers moves nearly
// all. Placements that move few are package shard's, and so are those of clients in other languages that share the servers. A
// program gives memcache.NewFromSelector a shard.Selector, and [Options] the same; in a URL, where package larder opens it:
//
//	memcached://cache1,cache2?placement=rendezvous
//	memcached://cache1,cache2?placement=ketama-weighted&weight=cache2:3
//	memcached://10.0.0.7,10.0.0.8?placement=ketama&name=cache-a=10.0.0.7&name=cache-b=10.0.0.8
//
// weight=HOST:2 gives a server twice the keys. What is hashed is a server's name, its host and port unless name=NAME=HOST gives it
// another: one that keeps its name keeps its keys, wherever it moves.
//
// # Keys
//
// A key that memcached takes, up to 250 bytes without spaces and control characters, is its own name there, behind
// Options.KeyPrefix. Any other, and any that begins with "larder-sha256:", is named by that word and the hexadecimal SHA-256 of
// the key. What stands under the name is a record as package internal/record describes it; it holds the key, which is compared
// at each read, so what somebody else has put there, or a connection has mixed up, is never returned. Two stores on the same
// servers see each other's entries if they have the same KeyPrefix, as two processes of one deployment do.
//
// What others keep in the same server may stand under the very name of a key: a read then fails with [store.ErrCorrupt], and the
// first Get, Load or Touch gives it the Timeout of this store, which may be shorter or longer than its own. So in a server that
// others use as well set a KeyPrefix (x-key-prefix).
//
// # Expiry
//
// The servers remove what has been idle for the Timeout, and each Get, Load and Touch is a "gat", which reads and puts that off
// in one step, so TouchAfter saves nothing here; it only adds to the time that memcached is told: Timeout and slack in seconds,
// rounded up, and one more for its clock. It may keep an entry two seconds longer than the contract says of exact stores, but
// does not drop one early for its age: not even in the moment, every few thousand seconds, when memcached's clock skips one, if
// the Timeout is in whole seconds or the slack is a second or more, as it is by default from a Timeout of 20 seconds on. Times
// beyond 30 days are moments on the server's clock: [Store.Inspect] compares it with ours. A deadline is enforced by each read,
// by this host's clock.
//
// The servers are told of a deadline that comes before the Timeout when the entry is written. A use puts the entry off by the
// Timeout nevertheless, for nothing tells it of the deadline in time: nobody is given the entry after that, but it may take memory
// for as long as one without. The first Get, Load or Touch that finds it past its deadline removes it.
//
// Cleanup has nothing to do where idle ≤ 0 or is at least the Timeout, and is otherwise not supported. Without a Timeout
// entries stay until the server needs their memory. The atime of an entry is not known: Load and Peek leave it zero.
//
// # Durability
//
// None. A restart of a server forgets its entries, and a server whose memory is full removes those that were not used for
// longest, before their time. A session that is not there is one that has ended: keep in memcached only what may be lost.
//
// When a server restarts, each connection that was open is dead. A request that meets such a one is made again if it reads. A
// write is not, for it may have been done: where its answer is lost, the store looks whether its own version stands, and the
// error otherwise says that the outcome is not known. A store that was opened by URL looks at a connection that has rested
// before it sends anything there (not on Windows), so that writes after a restart go through, too.
//
// The client takes no context: where the caller's can end, the request runs in a goroutine of its own, which ends with the
// client's Timeout at the latest. A caller who leaves a write is told so, and his next write under the same key waits until it
// is over: what he deletes then stays deleted, as long as the server answers.
//
// A server that hangs for longer than the Timeout is the exception. What it has received and not yet read it carries out when it
// goes on, in any order between connections, so a Set, or a Swap that creates, that was given up for lost may take effect after a
// later Delete has been acknowledged, and bring the entry back. The outcome of that write was unknown, and its error said so.
// A Swap from a version cannot do so: it finds its version gone.
//
// # Limits
//
// Values up to Options.MaxValue, 1,000,000 bytes unless set: what fits into the item of 1 MiB that a server takes by default
// (-I) with the longest key. A larger one is refused before it is sent, for memcached removes the old value when it refuses the
// new one. Where a server takes less than MaxValue, that is [store.ErrTooLarge] too, and the old value stays if the record has
// 16 KiB or more; with an -I below that set MaxValue.
//
// memcached cannot list. Its times end in January 2038, and so does every entry then with a longer Timeout. "gat" needs
// memcached 1.5.3.
//
// # Security
//
// There is no authentication: the client knows neither SASL nor passwords. Whoever reaches the port reads, changes and removes
// every entry, and keys are mostly bearer tokens. Bind the server to loopback or a private network (-l), or to a unix socket.
// TLS is to be had by New with a client whose DialContext dials so.
package memstore
