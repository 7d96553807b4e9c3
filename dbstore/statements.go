package dbstore

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"time"

	"github.com/larder-go/larder/store"
)

// statement is one that is prepared where statements are.
type statement struct {
	index int
	name  string // says what it is and hashes its text: behind a pooler, whoever meets the name means the same statement
	sql   string
	reads bool // it changes nothing, so it may be sent again whatever became of it
}

// changes tells whether the statement writes the entry under its first parameter.
func (st *statement) changes() bool { return !st.reads && st.index >= 0 }

// statements are all that the operations on one key, and List, send.
type statements struct {
	tag string // of the set, for what a connection remembers
	all []*statement

	operations                 // on a key as most are
	reserved        operations // on one that no Timeout is for
	list, listBelow *statement // a page from a key on, without and with an end
	binary          []int16    // the format of all parameters and columns
}

// operations are those on one key.
type operations struct {
	state, get, load *statement // what there is; state alone, with the value, with everything
	refresh          *statement // record a use that is due
	settle           *statement // remove what is absent by now
	set, put         *statement // unconditional; put with atime and deadline
	create, replace  *statement // put where nothing is, or where a version is
	delete, remove   *statement // unconditional, and a version
}

// of returns the operations on key.
func (q *statements) of(key string) *operations {
	if store.Reserved(key) {
		return &q.reserved
	}
	return &q.operations
}

// The first column of a look at an entry.
const (
	fresh      = 0
	stale      = 1 // live, and a use must be recorded
	justAbsent = 2 // by time, for less than longestCommit
	absent     = 3
)

// longestCommit is longer than a transaction that judged an entry live takes to commit.
const longestCommit = 10 * time.Second

// listPage is how many entries one statement of List looks at.
const listPage = 1000

// What only reads goes by the time at which the server received it, which is one for the whole statement. What writes may wait for the
// row, and its conditions are judged again after that: by the time that it is then.
const received, clock = "statement_timestamp()", "clock_timestamp()"

func newStatements(table string, e store.Expiry) *statements {
	q := &statements{binary: []int16{1}}
	q.operations = q.newOperations(table, e)
	q.reserved = q.newOperations(table, e.For(store.ReservedPrefix))

	page := "SELECT e.key, octet_length(e.value), e.atime, e.expires, " + live(e, received, 0) + " FROM " + table + " AS e WHERE e.key >= $1"
	order := fmt.Sprintf(" ORDER BY e.key LIMIT %d", listPage)
	q.list = q.add("list", true, page+order)
	q.listBelow = q.add("list", true, page+" AND e.key < $2"+order)

	all := sha256.New()
	for _, st := range q.all {
		all.Write([]byte(st.name))
	}
	q.tag = "larder " + hex.EncodeToString(all.Sum(nil)[:8])
	return q
}

// live says that the row e was live so long ago before now.
func live(e store.Expiry, now string, ago time.Duration) string {
	if ago > 0 {
		now += " - " + interval(ago)
	}
	s := "(e.expires IS NULL OR e.expires > " + now + ")"
	if idle, ok := limit(e, 0); ok && idle <= math.MaxInt64-ago {
		s += " AND e.atime >= " + now + " - " + interval(idle)
	}
	return s
}

func (q *statements) newOperations(table string, e store.Expiry) (o operations) {
	isAbsent := "(e.expires <= " + clock
	if idle, ok := limit(e, 0); ok {
		isAbsent += " OR e.atime < " + clock + " - " + interval(idle)
	}
	isAbsent += ")"
	isStale := func(now string) string { return "e.atime < " + now + " - " + interval(e.Slack()) }
	isLive := live(e, clock, 0)

	state := fmt.Sprintf("(CASE WHEN %s THEN CASE WHEN %s THEN %d ELSE %d END WHEN %s THEN %d ELSE %d END)::int2",
		live(e, received, 0), isStale(received), stale, fresh, live(e, received, longestCommit), justAbsent, absent)
	// The value of what is absent stays on the server.
	value := fmt.Sprintf("CASE WHEN %s THEN e.value END", live(e, received, 0))
	newAtime := "CASE WHEN $4::timestamptz IS NULL THEN GREATEST(e.atime, " + clock + ") ELSE LEAST($4, " + clock + ") END"
	insert := "INSERT INTO " + table + " AS e (key, value, version, atime, expires) VALUES ($1, $2, $3, LEAST($4::timestamptz, " + clock + "), $5)" +
		" ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value, version = EXCLUDED.version, expires = EXCLUDED.expires, atime = " + newAtime
	from := " FROM " + table + " AS e WHERE e.key = $1"

	o.state = q.add("state", true, "SELECT "+state+from)
	o.get = q.add("get", true, "SELECT "+state+", "+value+from)
	o.load = q.add("load", true, "SELECT "+state+", "+value+", e.version, e.atime, e.expires"+from)
	o.refresh = q.add("refresh", false, "UPDATE "+table+" AS e SET atime = GREATEST(e.atime, "+clock+") WHERE e.key = $1 AND "+
		isLive+" AND "+isStale(clock)+" RETURNING e.atime")
	o.settle = q.add("settle", false, "DELETE"+from+" AND "+isAbsent)
	o.set = q.add("set", false, "INSERT INTO "+table+" AS e (key, value, version, atime) VALUES ($1, $2, $3, "+clock+")"+
		" ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value, version = EXCLUDED.version, expires = NULL, atime = GREATEST(e.atime, "+clock+")")
	o.put = q.add("put", false, insert)
	o.create = q.add("create", false, insert+" WHERE "+isAbsent)
	o.replace = q.add("replace", false, "UPDATE "+table+" AS e SET value = $2, version = $3, expires = $5, atime = "+newAtime+
		" WHERE e.key = $1 AND e.version = $6 AND "+isLive)
	o.delete = q.add("delete", false, "DELETE"+from)
	o.remove = q.add("remove", false, "DELETE"+from+" AND e.version = $2 AND "+isLive)
	return o
}

// add returns the statement, once: those of reserved keys are the others' where there is no Timeout.
func (q *statements) add(what string, reads bool, sql string) *statement {
	for _, st := range q.all {
		if st.sql == sql {
			return st
		}
	}
	sum := sha256.Sum256([]byte(sql))
	st := &statement{index: len(q.all), name: "larder_" + what + "_" + hex.EncodeToString(sum[:8]), sql: sql, reads: reads}
	q.all = append(q.all, st)
	return st
}
