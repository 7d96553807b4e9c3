// Package redisstore keeps entries in Redis or Valkey: one server, one that Sentinel watches, or a Cluster. The server expires entries by
// itself, and every operation that must be atomic is one script on one key.
//
// # URLs
//
//	redis://host/0?x-timeout=30m
//	redis://user:password@host:6379/0
//	rediss://host                                 TLS
//	redis+unix:///run/redis/redis.sock?db=0
//	redis://h1,h2:7000,[::1]:7001                 a Cluster; the hosts are those to begin with
//	redis://h1?x-cluster=true                     a Cluster; one host to begin with
//	redis://s1:26379,s2:26379/0?x-master=NAME     the master of that NAME, as these Sentinels know it
//
// x-timeout and x-touch-after are [store.Expiry]; x-key-prefix is [Options].Prefix; x-max-value is Options.MaxValue. x-op-timeout, 3s
// unless set, is how long each step of an operation may take: getting a connection from the pool, dialing, sending, and the answer.
// x-pool-size bounds the connections to one server, 10 for each CPU unless set.
// x-sentinel-user and x-sentinel-password are for the Sentinels. A program that needs more than that makes its client itself and gives it
// to [New].
//
// # Keys
//
// The entry "key" stands under the Redis key "larder:key", or with another prefix instead. No prefix in one database may be the beginning
// of another. What does not begin with the prefix is never touched; what does is taken for an entry. An entry is a string:
//
//	offset  size  field
//	0       8     atime, microseconds since 1970 UTC by the server's clock, signed, big-endian
//	8       8     deadline, likewise, rounded up; 0: none
//	16            the record, as package internal/record describes it
//
// The two times stand before the record so that a script can judge an entry and record a use of it by the first bytes.
//
// # Expiry
//
// Time is the server's: clocks of the hosts that use the store do not count, except that a deadline is what its writer says it is. Each
// write and each recorded use sets the native expiry to Timeout + slack or to the deadline, whichever comes first. Redis counts in
// milliseconds, and an entry may go up to two of them late, never early; up to a second late if it was written under a longer Timeout. Get is a plain GET; only a use that must be recorded costs a
// second round trip, a script that finds out whether the entry is still the same live one. Set is a plain SET. Both go by an estimate of
// the server's clock, with bounds, that is learned from the answers of scripts, or once a minute by TIME: a use is rather recorded than not, and an
// entry rather kept than not, for as long as the estimate is imprecise; that is up to 30 ms a minute after it was made.
// Where a server was restarted or replaced unnoticed, the writes under way go by the clock of the old one; with a client given to [New], all for up
// to a minute. That matters where the two clocks are set differently.
//
// Cleanup has nothing to do where idle is 0, or not shorter than Timeout, beyond asking whether the server is there: what it has expired is
// not counted. With any other idle it looks at every entry, by SCAN, and removes by a script that judges again. SCAN goes through the whole
// database, others' keys included.
//
// # Durability
//
// What the server keeps: with appendonly and appendfsync always, what was acknowledged; otherwise some seconds less, or nothing. After a
// failover, what the replica had received: Redis acknowledges before its replicas have a write. Calls succeed again by themselves, some two seconds
// after Sentinels or a Cluster have made a replica the master (docs/scaling.md in the repository); until then they are [store.ErrUnavailable]. With a maxmemory-policy other than noeviction the server removes entries as it likes. Inspect,
// and so "larder check", says which of these holds. A Delete or Swap that a failover undoes is undone without notice.
//
// No write is sent twice where the first attempt may have arrived, for others may have written in between: then the error says that the
// store is unavailable, and whether the write happened is not known. The client's own retries are off for that reason. Only a Swap that
// demands a version is tried again, after a broken connection, since that can do no harm. A write that its caller has given up may still be
// on its way for as long as x-op-timeout; the next write of that key through the same Store waits for it, so that it is never overtaken. So
// after a network that swallowed such a write is sound again, its key alone cannot be written until x-op-timeout after that write was begun.
//
// # Limits
//
// Scripts do not compute the checksum, which covers the value: Touch, and a Swap that demands the version that is there, take an entry whose value
// has been damaged since for a sound one. Get, Contains, Load, Peek, and a Swap that would end in a conflict, read it and say [store.ErrCorrupt].
//
// Values up to Options.MaxValue, 64 MiB unless set. While a large one is written or read, the server serves nobody else. List may leave out
// or repeat an entry whose slot moves to another server of the Cluster meanwhile; it recognises what one server repeats. Reads go to
// masters; a client that reads from replicas must not be given to [New]. Redis 5 or later, with scripts. A user under an access list needs
// GET, SET, DEL, EVAL, EVALSHA, TIME, GETRANGE, SETRANGE, STRLEN, EXISTS, PTTL, PEXPIREAT, PERSIST, SCAN, PING and INFO;
// for a database other than 0 also SELECT, and for a Cluster CLUSTER|SLOTS and COMMAND.
package redisstore
