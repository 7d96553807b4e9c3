package dbstore

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/larder-go/larder/internal/pause"
)

// Who loses a race of transactions, which takes an isolation level above the default, tries again, with growing pauses.
const (
	maxLost   = 30
	firstWait = time.Millisecond
	maxWait   = 100 * time.Millisecond
)

// retries are what a call has gone through.
type retries struct {
	broken int // connections that were found dead
	lost   int // races
	plans  int // prepared statements that were gone
}

// prepared is what a connection remembers of one store's statements.
type prepared struct {
	statements []*pgconn.StatementDescription
}

// attempt sends a statement once, and reads what comes of it.
func (s *Store) attempt(w *wait, st *statement, c *call) (stage, error) {
	if st.changes() {
		if err := s.late.wait(w, c.params[0]); err != nil {
			return connecting, err
		}
	}
	l, err := s.pool.lend(w)
	if err != nil {
		return connecting, err
	}
	pg := l.conn()
	err = w.attach(pg.Conn())
	at := preparing
	if err == nil {
		at, err = s.exec(pg, st, c)
	}
	hurried := w.detach()
	if s.demoted(err) {
		hangUp(pg)
	}
	if hurried && at == executing && pg.IsClosed() && st.changes() {
		s.late.add(string(c.params[0]), pg.CleanupDone())
	}
	if hurried && !pg.IsClosed() {
		pg.Conn().SetDeadline(time.Time{}) // it came through all the same, and others will use the connection
	}
	l.giveBack(hurried && pg.IsClosed())
	return at, err
}

// demoted tells whether the server is the primary no more, and was when the connection was made: another host may be, and to find it takes
// another connection. A server that becomes a standby ends its connections; there are those that are kept, and only made read-only.
func (s *Store) demoted(err error) bool { return s.choosy && sqlState(err) == readOnlyTransaction }

// hangUp closes a connection that works. Its pool sees that when it is given back.
func hangUp(pg *pgconn.PgConn) {
	ctx, cancel := context.WithTimeout(context.Background(), hangUpWait)
	defer cancel()
	pg.Close(ctx)
}

// exec sends the statement. Its end comes by the connection's deadline, so pgconn has no context to look at.
func (s *Store) exec(pg *pgconn.PgConn, st *statement, c *call) (stage, error) {
	c.reset()
	c.peer = pg.PID()
	var rows *pgconn.ResultReader
	if st.index < 0 || s.unnamed.Load() {
		rows = pg.ExecParams(context.Background(), st.sql, c.params, nil, s.sql.binary, s.sql.binary)
	} else {
		sd, err := s.prepare(pg, st)
		if err != nil {
			return preparing, err
		}
		rows = pg.ExecStatement(context.Background(), sd, c.params, s.sql.binary, s.sql.binary)
	}
	for rows.NextRow() {
		c.scan(c, rows.Values())
	}
	tag, err := rows.Close()
	c.affected = tag.RowsAffected()
	return executing, err
}

// prepare prepares a statement where the connection does not know it.
func (s *Store) prepare(pg *pgconn.PgConn, st *statement) (*pgconn.StatementDescription, error) {
	memo := pg.CustomData()
	known, ok := memo[s.sql.tag].(*prepared)
	if !ok {
		known = &prepared{make([]*pgconn.StatementDescription, len(s.sql.all))}
		memo[s.sql.tag] = known
	}
	if sd := known.statements[st.index]; sd != nil {
		return sd, nil
	}
	sd, err := pg.Prepare(context.Background(), st.name, st.sql, nil)
	if err != nil {
		return nil, err
	}
	known.statements[st.index] = sd
	return sd, nil
}

// again reports whether a statement may be sent once more after err, and what to do first is done.
func (s *Store) again(w *wait, st *statement, at stage, err error, r *retries) bool {
	if at == connecting {
		return false
	}
	switch sqlState(err) {
	case undefinedStatement, duplicateStatement, featureNotSupported:
		// Nothing was executed. Somebody deallocated, or a pooler stands between, or the table was altered: without names it works.
		r.plans++
		return !s.unnamed.Swap(true) || r.plans == 1
	case serializationFailure, deadlockDetected:
		// The server has rolled it back.
		r.lost++
		return r.lost <= maxLost && pause.For(w, rand.N(min(firstWait<<r.lost, maxWait))) == nil
	}
	if s.demoted(err) { // nothing was executed
		r.broken++
		return r.broken <= s.maxConns
	}
	if !broken(err) {
		return false
	}
	if !st.reads && at == executing && !pgconn.SafeToRetry(err) {
		return false
	}
	// The pool may be full of connections to a server that was restarted, some of them never used: they were made for callers who had
	// given up by then. So a stale one cannot be told from a new one that breaks, and only their number bounds this.
	r.broken++
	return r.broken <= s.maxConns
}

// reset forgets what an attempt that failed has read.
func (c *call) reset() {
	c.affected, c.state = 0, absent
	c.item.Value = nil
	c.page, c.swept = c.page[:0], c.swept[:0]
}
