package dbstore

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// lender is where connections come from: a pool of the caller's, which is given, or one of ours.
type lender interface {
	lend(ctx context.Context) (loan, error)
}

// loan is a connection that must be given back.
type loan interface {
	conn() *pgconn.PgConn

	// giveBack ends the loan. cutShort says that the connection was closed in the middle of a statement, and may take its time to end.
	giveBack(cutShort bool)
}

// given lends from a pool of the caller's.
type given struct{ *pgxpool.Pool }

func (g given) lend(ctx context.Context) (loan, error) {
	conn, err := g.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	return givenConn{conn}, nil
}

type givenConn struct{ pooled *pgxpool.Conn }

func (c givenConn) conn() *pgconn.PgConn { return c.pooled.Conn().PgConn() }

func (c givenConn) giveBack(cutShort bool) {
	if cutShort {
		go c.letGo()
		return
	}
	c.pooled.Release()
}

// letGo gives a connection that was cut short back to the caller's pool. pgx may take 15 seconds to close it, all the while counting it as one of
// the pool's; so one that takes too long is taken out of the pool. Our own pools have sockets that see to that.
func (c givenConn) letGo() {
	t := time.NewTimer(hangUpWait)
	defer t.Stop()
	select {
	case <-c.conn().CleanupDone():
		c.pooled.Release()
	case <-t.C:
		c.pooled.Hijack().PgConn().Conn().Close()
	}
}
