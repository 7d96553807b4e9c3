package dbstore

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// pool lends the connections of what a URL has opened. pgxpool is not used for them, since its connections bring along all the types that pgx
// knows, which are three megabytes in every program, and no statement of ours sends a value by them. The pool_ parameters of a URL mean what they
// mean there. Unlike pgxpool it has no goroutine but those that make and close connections.
type pool struct {
	config  *pgxpool.Config
	sockets sockets
	open    context.Context // ended by close
	end     context.CancelFunc

	mu     sync.Mutex
	size   int        // of all connections: idle, lent, being made and being closed
	idle   []*member  // the last used at the end, and lent first
	queue  []*request // who waits for a connection, the longest first
	closed bool
	gone   chan struct{} // closed when the last connection of a closed pool is
	tender *time.Timer
}

// request is somebody's for a connection.
type request struct {
	ctx      context.Context
	answered chan answer // has room for one
	left     bool        // nobody waits for the answer
}

type answer struct {
	member *member
	err    error
}

// errPoolClosed has puddle's words, by which isPoolClosed knows pgxpool's.
var errPoolClosed = errors.New("closed pool")

// openPool makes a pool, which makes its first connection when one is needed, or by itself where pool_min_conns says so.
func openPool(config *pgxpool.Config) *pool {
	p := &pool{config: config, gone: make(chan struct{})}
	p.open, p.end = context.WithCancel(context.Background())
	config.ConnConfig.DialFunc = p.sockets.watch(config.ConnConfig.DialFunc)
	p.tend()
	return p
}

// lend returns an idle connection, or else a new one or the next that is given back.
func (p *pool) lend(ctx context.Context) (loan, error) {
	for {
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return nil, errPoolClosed
		}
		last := len(p.idle) - 1
		if last < 0 {
			q := &request{ctx: ctx, answered: make(chan answer, 1)}
			p.queue = append(p.queue, q)
			p.serve()
			p.mu.Unlock()
			return p.wait(q)
		}
		m := p.idle[last]
		p.idle = p.idle[:last]
		p.mu.Unlock()
		if m.alive(ctx) {
			return m, nil
		}
		m.drop()
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
}

func (p *pool) wait(q *request) (loan, error) {
	select {
	case a := <-q.answered:
		if a.err != nil {
			return nil, a.err
		}
		return a.member, nil
	case <-q.ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	q.left = true
	p.queue = slices.DeleteFunc(p.queue, func(other *request) bool { return other == q })
	select {
	case a := <-q.answered:
		if a.err == nil {
			p.put(a.member)
		}
	default:
	}
	return nil, q.ctx.Err()
}

// serve makes connections for those who wait, as long as there is room. The caller holds mu.
func (p *pool) serve() {
	for len(p.queue) > 0 && p.size < int(p.config.MaxConns) {
		go p.dial(p.next())
		p.size++
	}
}

func (p *pool) next() *request {
	q := p.queue[0]
	p.queue = slices.Delete(p.queue, 0, 1)
	return q
}

// dial makes a connection for q. It goes on where q's context ends, and the next caller takes what comes of it: else each that is in a hurry would
// begin anew.
func (p *pool) dial(q *request) {
	m, err := p.connect(context.WithoutCancel(q.ctx))
	p.mu.Lock()
	defer p.mu.Unlock()
	a := answer{m, err}
	switch {
	case err != nil:
		p.leave()
	case q.left || p.closed:
		p.put(m)
	}
	if p.closed {
		a = answer{err: errPoolClosed}
	}
	if !q.left {
		q.answered <- a
	}
}

// put gives m to who has waited longest, or has it be idle. The caller holds mu.
func (p *pool) put(m *member) {
	switch {
	case p.closed:
		m.drop()
	case len(p.queue) > 0:
		p.next().answered <- answer{member: m}
	default:
		m.since = time.Now()
		p.idle = append(p.idle, m)
	}
}

// leave counts a connection that is closed, or was not made. The caller holds mu.
func (p *pool) leave() {
	p.size--
	if p.closed && p.size == 0 {
		close(p.gone)
	}
	p.serve()
}

// tend closes what is idle for too long and makes what is missing, now and then.
func (p *pool) tend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	now, size, c := time.Now(), int32(p.size), p.config
	p.idle = slices.DeleteFunc(p.idle, func(m *member) bool {
		if m.expired(now) || now.Sub(m.since) > c.MaxConnIdleTime && size > c.MinConns {
			m.drop()
			size--
			return true
		}
		return false
	})
	missing := max(c.MinConns-size, c.MinIdleConns-int32(len(p.idle)))
	for range min(missing, c.MaxConns-int32(p.size)) {
		go p.dial(&request{ctx: p.open, left: true})
		p.size++
	}
	if c.HealthCheckPeriod > 0 {
		p.tender = time.AfterFunc(c.HealthCheckPeriod, p.tend)
	}
}

// close refuses whoever comes, waits for those who have a connection, for a moment, and breaks off what is under way after that.
func (p *pool) close() {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	p.closed = true
	p.end()
	if p.tender != nil {
		p.tender.Stop()
	}
	for len(p.queue) > 0 {
		p.next().answered <- answer{err: errPoolClosed}
	}
	for _, m := range p.idle {
		m.drop()
	}
	p.idle = nil
	if p.size == 0 {
		close(p.gone)
	}
	p.mu.Unlock()
	t := time.NewTimer(closeWait)
	defer t.Stop()
	select {
	case <-p.gone:
		return
	case <-t.C:
	}
	p.sockets.sever()
	<-p.gone
}
