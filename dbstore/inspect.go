package dbstore

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/larder-go/larder/store"
)

// inspection asks for everything at once, as text; what a server does not know is NULL.
const inspection = `SELECT
	current_setting('server_version', true),
	(extract(epoch FROM clock_timestamp()) * 1000000)::bigint::text,
	pg_is_in_recovery()::text,
	current_setting('transaction_read_only', true),
	current_setting('fsync', true),
	current_setting('full_page_writes', true),
	current_setting('synchronous_commit', true),
	current_setting('data_checksums', true),
	current_setting('autovacuum', true),
	(SELECT 'off' FROM pg_class WHERE oid = t.oid AND 'autovacuum_enabled=false' = ANY (reloptions)),
	(SELECT relpersistence::text FROM pg_class WHERE oid = t.oid),
	(SELECT n_dead_tup::text FROM pg_stat_all_tables WHERE relid = t.oid),
	(SELECT n_live_tup::text FROM pg_stat_all_tables WHERE relid = t.oid),
	(SELECT string_agg(DISTINCT a.attname, ' ' ORDER BY a.attname) FROM pg_index i
		JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
		WHERE i.indrelid = t.oid AND i.indisvalid AND a.attname IN ('atime', 'expires')),
	pg_backend_pid()::text,` + replication + `
	(SELECT extract(epoch FROM clock_timestamp() - greatest(last_vacuum, last_autovacuum))::bigint::text FROM pg_stat_all_tables WHERE relid = t.oid),
	(SELECT count(*)::text FROM pg_stat_progress_vacuum WHERE relid = t.oid),
	pg_relation_size(t.oid)::text,
	pg_indexes_size(t.oid)::text,
	(SELECT sum(avg_width)::text FROM pg_stats s JOIN pg_class c ON c.relname = s.tablename AND c.relnamespace::regnamespace::text = quote_ident(s.schemaname)
		WHERE c.oid = t.oid),
	(SELECT avg_width::text FROM pg_stats s JOIN pg_class c ON c.relname = s.tablename AND c.relnamespace::regnamespace::text = quote_ident(s.schemaname)
		WHERE c.oid = t.oid AND s.attname = 'key')
	FROM to_regclass($1::text) AS t(oid)`

// The columns of inspection.
const (
	askedVersion = iota
	askedClock
	askedRecovery
	askedReadOnly
	askedFsync
	askedFullPages
	askedCommit
	askedChecksums
	askedAutovacuum
	askedTableVacuum
	askedPersistence
	askedDead
	askedLive
	askedIndexes
	askedPID
	askedStandbys
	askedSynchronous
	askedHidden
	askedLag
	askedSlots
	askedSyncNames
	askedReplayed
	askedVacuumed
	askedVacuuming
	askedHeap
	askedIndexSize
	askedRowWidth
	askedKeyWidth
	asked
)

// Inspect is [store.Inspector]'s.
func (s *Store) Inspect(ctx context.Context) ([]store.Fact, error) {
	if err := s.ready(ctx, "inspect"); err != nil {
		return nil, err
	}
	if err := s.ask(ctx); err != nil {
		return nil, store.Wrap("dbstore", "inspect", err)
	}
	var a answers
	c := s.newCall(s.table)
	defer s.free(c)
	c.scan = func(_ *call, columns [][]byte) {
		for i, column := range columns {
			a.told[i], a.text[i] = column != nil, string(column)
		}
	}
	before := time.Now()
	err := s.do(ctx, &statement{index: once, reads: true, sql: inspection}, c)
	if err != nil {
		return nil, store.Wrap("dbstore", "inspect", err)
	}
	a.took = time.Since(before)
	a.asked = before.Add(a.took / 2)
	a.peer = strconv.FormatUint(uint64(c.peer), 10)
	return s.facts(&a), nil
}

// answers are what the server said to the inspection.
type answers struct {
	text  [asked]string
	told  [asked]bool
	asked time.Time // about when it read its clock, by ours
	took  time.Duration
	peer  string // the process that we talk to, by what it said at the beginning
}

func (s *Store) facts(a *answers) []store.Fact {
	server := store.Fact{Name: "server", Value: "PostgreSQL " + a.text[askedVersion]}
	limit := store.Fact{Name: "largest value", Value: fmt.Sprintf("%d bytes", s.maxValue)}
	return []store.Fact{server, a.role(), a.replicas(), a.persistence(), a.checksums(), a.clock(), limit, a.indexes(), a.vacuum(), a.size(), s.pooler(a)}
}

func (a *answers) role() store.Fact {
	f := store.Fact{Name: "role", Value: "primary"}
	switch {
	case a.text[askedRecovery] == "true":
		f.Value = "standby"
		f.Warn = "a standby takes no writes, and so no uses either: name the primary, or all hosts and target_session_attrs=read-write"
	case a.text[askedReadOnly] == "on":
		f.Value = "read-only"
		f.Warn = "its transactions are read-only, so that nothing can be written: see default_transaction_read_only"
	}
	return f
}

// persistence tells whether what is acknowledged survives a power cut.
func (a *answers) persistence() store.Fact {
	f := store.Fact{Name: "persistence", Value: "survives power cuts"}
	var off, lost []string
	for i, name := range []string{askedFsync: "fsync", askedFullPages: "full_page_writes", askedCommit: "synchronous_commit"} {
		switch {
		case name == "":
		case !a.told[i]:
			lost = append(lost, name)
		case a.text[i] == "off":
			off = append(off, name+"=off")
		}
	}
	if a.text[askedPersistence] == "u" {
		off = append(off, "an UNLOGGED table")
	}
	switch {
	case len(off) > 0:
		f.Value = join(off)
		f.Warn = "acknowledged writes may be lost when the server crashes or its power is cut: turn it on, or keep here only what may be lost"
	case len(lost) > 0:
		f.Value = "unknown"
		f.Warn = "the server does not tell its " + join(lost)
	}
	return f
}

func (a *answers) checksums() store.Fact {
	f := store.Fact{Name: "checksums", Value: a.text[askedChecksums]}
	if !a.told[askedChecksums] {
		f.Value, f.Warn = "unknown", "the server does not tell its data_checksums"
	}
	return f
}

// largestSkew is how far our clock may be off before deadlines, which clients give by theirs, suffer.
const largestSkew = 2 * time.Second

func (a *answers) clock() store.Fact {
	f := store.Fact{Name: "clock"}
	us, err := strconv.ParseInt(a.text[askedClock], 10, 64)
	if err != nil {
		f.Value, f.Warn = "unknown", "the server does not tell its clock"
		return f
	}
	skew := time.UnixMicro(us).Sub(a.asked)
	if skew.Abs() <= a.took/2+time.Millisecond {
		f.Value = "the server's; this host agrees"
		return f
	}
	f.Value = fmt.Sprintf("the server's; this host is off by %v", -skew.Round(time.Millisecond))
	if skew.Abs() > largestSkew {
		f.Warn = "absolute deadlines set on this host come that much early or late; idle time-outs do not: set the clocks"
	}
	return f
}

func (a *answers) indexes() store.Fact {
	f := store.Fact{Name: "indexes", Value: "atime, expires"}
	found := strings.Fields(a.text[askedIndexes])
	if len(found) < 2 {
		f.Value = "only: " + join(found)
		if len(found) == 0 {
			f.Value = "none"
		}
		f.Warn = "cleanup reads the whole table: larder migrate up makes the indexes"
	}
	return f
}

// pooler tells whether we talk to the server itself: a pooler gives a process id of its own.
func (s *Store) pooler(a *answers) store.Fact {
	f := store.Fact{Name: "pooler", Value: "none seen"}
	if a.text[askedPID] != a.peer {
		f.Value = "one stands between, such as PgBouncer"
		if s.unnamed.Load() {
			f.Value += "; statements are not prepared"
		} else {
			f.Warn = "if it pools transactions, add default_query_exec_mode=exec to the URL"
		}
	}
	return f
}

func join(words []string) string { return strings.Join(words, ", ") }
