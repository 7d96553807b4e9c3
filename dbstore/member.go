package dbstore

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"
)

const (
	// trusted is how long a connection may be idle and is lent without a question whether it is still there.
	trusted = time.Second

	// hangUpLimit is how long a connection that is closed keeps its place in the pool at most; see hangUpWait, which is shorter.
	hangUpLimit = 15 * time.Second
)

// member is a connection of a pool of ours.
type member struct {
	pool    *pool
	place   *puddle.Resource[*member] // in the pool, of whoever has the connection
	pg      *pgconn.PgConn
	expires time.Time // zero: never
}

func (m *member) conn() *pgconn.PgConn { return m.pg }

func (m *member) giveBack(bool) {
	if m.pg.IsClosed() || m.pg.IsBusy() || m.pg.TxStatus() != 'I' || m.expired(time.Now()) {
		m.place.Destroy()
		return
	}
	m.place.Release()
}

func (m *member) expired(now time.Time) bool { return !m.expires.IsZero() && now.After(m.expires) }

// alive reports whether a connection can be lent. The server is asked only where it was idle for a while: a busy pool pays nothing for it.
func (m *member) alive(ctx context.Context) bool {
	if m.expired(time.Now()) {
		return false
	}
	if m.place.IdleDuration() <= trusted {
		return true
	}
	if limit := m.pool.config.PingTimeout; limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	return m.pg.Ping(ctx) == nil
}

// hangUp closes the connection. It keeps its place in the pool until it is closed: the server counts it too.
func (m *member) hangUp() {
	ctx, cancel := context.WithTimeout(context.Background(), hangUpLimit)
	defer cancel()
	m.pg.Close(ctx)
	select {
	case <-m.pg.CleanupDone():
	case <-ctx.Done():
	}
}

// connect makes a connection, unless ctx has ended. Of a caller's ctx it has the values only, by puddle: it goes on when the caller does not, else
// each that is in a hurry would begin anew.
func (p *pool) connect(ctx context.Context) (*member, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	connect, config := pgconn.ConnectConfig, p.config.ConnConfig.Config.Copy()
	if p.hosts != nil {
		connect = p.hosts.connect
	}
	pg, err := connect(ctx, config)
	if err != nil {
		return nil, err
	}
	if err := connected(pg.Conn()); err != nil {
		pg.Close(ctx)
		return nil, err
	}
	m := &member{pool: p, pg: pg}
	if life := p.config.MaxConnLifetime; life > 0 {
		if jitter := p.config.MaxConnLifetimeJitter; jitter > 0 {
			life += rand.N(jitter)
		}
		m.expires = time.Now().Add(life)
	}
	return m, nil
}
