package dbstore

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// trusted is how long a connection may be idle and is lent without a question whether it is still there.
	trusted = time.Second

	// dropWait is how long a connection that is closed keeps its place in the pool at most; see hangUpWait, which is shorter.
	dropWait = 15 * time.Second
)

// member is a connection of a pool of ours.
type member struct {
	pool    *pool
	pg      *pgconn.PgConn
	expires time.Time // zero: never
	since   time.Time // it became idle
}

func (m *member) conn() *pgconn.PgConn { return m.pg }

func (m *member) giveBack(bool) {
	m.pool.mu.Lock()
	defer m.pool.mu.Unlock()
	if m.pg.IsClosed() || m.pg.IsBusy() || m.pg.TxStatus() != 'I' || m.expired(time.Now()) {
		m.drop()
		return
	}
	m.pool.put(m)
}

func (m *member) expired(now time.Time) bool { return !m.expires.IsZero() && now.After(m.expires) }

// alive reports whether a connection that was idle can be lent. The server is asked only after a while: a busy pool pays nothing for it.
func (m *member) alive(ctx context.Context) bool {
	now := time.Now()
	if m.expired(now) {
		return false
	}
	if now.Sub(m.since) <= trusted {
		return true
	}
	if limit := m.pool.config.PingTimeout; limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	return m.pg.Ping(ctx) == nil
}

// drop closes the connection. It keeps its place in the pool until it is closed: the server counts it too.
func (m *member) drop() {
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), dropWait)
		defer cancel()
		m.pg.Close(ctx)
		select {
		case <-m.pg.CleanupDone():
		case <-ctx.Done():
		}
		m.pool.mu.Lock()
		defer m.pool.mu.Unlock()
		m.pool.leave()
	}()
}

// connect makes a connection, unless the pool is closed meanwhile.
func (p *pool) connect(ctx context.Context) (*member, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.open, cancel)()
	pg, err := pgconn.ConnectConfig(ctx, p.config.ConnConfig.Config.Copy())
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
