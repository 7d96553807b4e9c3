// Package dbstore keeps entries in a PostgreSQL table, through pgx: for deployments of several hosts that have a database already, and
// for entries that must survive a power cut.
//
// # URLs
//
//	postgres://user:password@host/db?x-timeout=30m
//	postgresql://host1:5432,[::1]:5433/db?target_session_attrs=read-write
//	postgres://user@/db?host=/var/run/postgresql
//	postgres+unix:///var/run/postgresql?dbname=db&user=app
//
// x-timeout and x-touch-after are [store.Expiry]; x-table, x-schema, x-max-value and x-op-timeout are the fields of [Options] with these
// names. Everything else goes to pgx: sslmode, connect_timeout, pool_max_conns and the other parameters of libpq and pgxpool; what these
// do not know is sent to the server as a setting, which refuses one that it does not know. The path of a +unix URL is the folder of the
// server's socket, or the socket itself, as in /run/.s.PGSQL.5433. A program that has a pool already hands it to [New].
//
// OpenURL asks the server once, so that a refused connection, a wrong password, an unknown database and a missing table are told at
// once. The table is made by "larder migrate up" or [Migrate]; an operation that misses it returns [ErrNoTable].
//
// # Keys
//
// A key is its own primary key, as bytea: no collation, no padding and no encoding makes two keys one. The table is
//
//	key      bytea PRIMARY KEY
//	value    bytea NOT NULL
//	atime    timestamptz NOT NULL  the last use as recorded
//	expires  timestamptz           the deadline; NULL: none
//	version  bytea NOT NULL        16 random bytes
//
// with an index on atime, and one on expires for the rows that have one. Its rows are nobody else's: Cleanup removes any that are due.
//
// # Expiry
//
// All times are those of the server's clock, and microseconds: however wrong the clocks of its clients are, they agree. Every statement judges for itself
// whether an entry is absent, and a write does so when it holds the row's lock. A read is one statement; where the recorded atime is
// older than the slack, and only then, a second one records the use. A reader that meets an entry which became absent only just now removes it
// before it says so, since a use of it may be in a transaction that is about to commit.
//
// Cleanup walks the two indexes from their old ends, and costs what it removes. Each batch, of 1,000 entries by default, is one statement that
// commits by itself: it locks what is due and skips what others hold, so that any number of cleaners share the work, and neither waits for
// users nor makes them wait.
//
// # Durability
//
// A nil error means that the server has committed, and so what its settings make of that: with fsync, full_page_writes and synchronous_commit
// on, as they are unless somebody turned them off, the change survives a power cut. [Store.Inspect] tells. A standby takes no writes, and so
// no uses either: it is [store.ErrUnavailable] there; name all hosts and target_session_attrs=read-write in the URL to find the primary.
// Then the host where it was last is asked first, each has two seconds to answer unless connect_timeout says otherwise, and connections whose
// server has become read-only are left, so that calls succeed again soon after a standby was promoted. What an asynchronous standby had not received is
// lost; with synchronous_standby_names and synchronous_commit, nothing is (docs/scaling.md in the repository).
//
// Where the connection breaks in the middle of a write, the outcome is not known and the error wraps [store.ErrUnavailable]; a Swap asks
// once more, and succeeds if it finds its own version. Reads are tried again on another connection, so that a restart of the server is not
// seen by them.
//
// Of a write that was given up, by its context or by OpTimeout, nobody knows the outcome either, and not yet its time: the server is asked to
// cancel it, and the next write of the key through the same Store waits until that is done, for a second at most. Where the network fails, what was
// sent may arrive even later. Then a Set or Delete replaces what was written meanwhile over another connection. A Swap of a version does not: it
// finds another one. Who must know writes by Swap.
//
// # Limits
//
// Values up to Options.MaxValue, 64 MiB unless set, and 512 MiB at most. Every call waits for the server no longer than its context says, or
// Options.OpTimeout where that has no deadline. The pool bounds the connections: pool_max_conns, by default the larger of 4 and the number of
// processors.
//
// A connection that has failed is let go half a second later, however dead the network, so that calls succeed within a second when there is
// one again; one that is being made is given up 750 milliseconds after the call that needed it, or where there are several hosts, each when its time is
// over. In a pool handed to [New] the first holds for those
// that a call was cut short at, while pgx may take 15 more seconds to close them outside of the pool; those being made keep their places for
// ConnectTimeout, so set that to a second or two.
//
// A role that has only SELECT can ask what is there, and so can whoever reaches a standby; a Get, Load or Touch whose use is to be recorded fails.
//
// Behind PgBouncer in session mode nothing is to be set. In transaction mode, where one client's statements meet many server
// connections, add default_query_exec_mode=exec to the URL, or set DefaultQueryExecMode of the pool's ConnConfig to
// pgx.QueryExecModeExec: then no statement is prepared, and each is still one round trip. A store that finds its prepared statements gone
// stops using them by itself. The startup parameters that a URL sets must be allowed by PgBouncer's ignore_startup_parameters.
package dbstore
