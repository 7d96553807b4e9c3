package dbstore

import (
	"fmt"
	"strconv"

	"github.com/larder-go/larder/store"
)

// order is one of the two in which a sweep finds what is due: a column with an index.
type order string

const (
	byAtime    order = "atime"
	byDeadline order = "expires"
)

// once is the index of a statement that is not prepared. Those of a sweep are planned anew each time, with the very times that they
// compare: a plan for any times would expect a third of the table to be due, and might not use the index.
const once = -1

// isReserved says that the key of the row e is a reserved one. It is written so that no index serves it: there are few such keys,
// and the order must come from the column's.
var isReserved = fmt.Sprintf("substring(e.key FOR %d) = decode('%x', 'hex')", len(store.ReservedPrefix), store.ReservedPrefix)

// statement builds one that removes up to n due entries from last on, or with look only reads them, and gives c its parameters.
//
// The entries are found and locked first, and those that somebody else holds are left to him: another sweep, or a user. Then each is
// judged again by what it is under the lock. They are removed by an array of their keys: PostgreSQL expects an array to be short and takes
// the primary key, where it might take a join for a reason to read the whole table.
func (w *sweeper) statement(c *call, order order, n int, last swept, look bool) string {
	c.params = c.params[:0]
	c.buf = c.buf[:0]
	c.scan = scanSwept
	column := string(order)
	due := "e.atime < $1"
	if order == byDeadline {
		c.time(w.now)
		due = "e.expires <= $1"
	} else {
		c.time(w.cutoff)
	}
	where := due
	param := func(add func()) string {
		add()
		return "$" + strconv.Itoa(len(c.params))
	}
	if look && order == byDeadline && !w.cutoff.IsZero() { // what goes by its atime was counted, and is still there
		where += " AND (e.atime >= " + param(func() { c.time(w.cutoff) }) + " OR " + isReserved + ")"
	}
	if order == byAtime {
		where += " AND NOT " + isReserved
	}
	if p := w.o.Prefix; p != "" {
		where += " AND octet_length(e.key) > " + strconv.Itoa(len(p)) + " AND e.key > " + param(func() { c.copied([]byte(p)) })
		if end := after(p); end != nil {
			where += " AND e.key < " + param(func() { c.bytes(end) })
		}
	}
	count := strconv.Itoa(n)
	if look {
		if !last.when.IsZero() {
			where += " AND (e." + column + ", e.key) > (" + param(func() { c.time(last.when) }) + ", " + param(func() { c.copied([]byte(last.key)) }) + ")"
		}
		return "SELECT e.atime, e.expires, octet_length(e.value), e.key FROM " + w.s.table + " AS e WHERE " + where +
			" ORDER BY e." + column + ", e.key LIMIT " + count
	}
	if !last.when.IsZero() {
		where += " AND e." + column + " >= " + param(func() { c.time(last.when) })
	}
	return "DELETE FROM " + w.s.table + " AS d WHERE d.key = ANY (ARRAY(SELECT e.key FROM " + w.s.table + " AS e WHERE " + where +
		" ORDER BY e." + column + " LIMIT " + count + " FOR UPDATE SKIP LOCKED)) AND d." + due[2:] +
		" RETURNING d.atime, d.expires, octet_length(d.value)"
}
