package dbstore

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/puddle/v2"
)

// pool lends the connections of what a URL has opened. pgxpool is not used for them, since its connections bring along all the types that pgx
// knows, which are three megabytes in every program, and no statement of ours sends a value by them. This stands on puddle, as pgxpool does, and
// the pool_ parameters of a URL mean what they mean there. Unlike pgxpool it has no goroutine but those that make and close connections, and close
// does not wait for ever.
type pool struct {
	config  *pgxpool.Config
	hosts   *hosts // nil: there is one, or any will do
	sockets sockets
	members *puddle.Pool[*member]
	ended   context.Context // from the beginning
	open    context.Context // ended by close
	end     context.CancelFunc

	mu     sync.Mutex
	tender *time.Timer
	making sync.WaitGroup // the connections that tend has found missing
}

// openPool makes a pool, which makes its first connection when one is needed, or by itself where pool_min_conns says so.
func openPool(config *pgxpool.Config) (*pool, error) {
	p := &pool{config: config, hosts: newHosts(&config.ConnConfig.Config)}
	if several(&config.ConnConfig.Config) {
		p.sockets.each = config.ConnConfig.ConnectTimeout
	}
	var err error
	p.members, err = puddle.NewPool(&puddle.Config[*member]{Constructor: p.connect, Destructor: (*member).hangUp, MaxSize: config.MaxConns})
	if err != nil {
		return nil, err
	}
	p.open, p.end = context.WithCancel(context.Background())
	ended, end := context.WithCancel(p.open)
	end()
	p.ended = ended
	config.ConnConfig.DialFunc = p.sockets.watch(config.ConnConfig.DialFunc)
	p.tend()
	return p, nil
}

// lend returns an idle connection, or else a new one or the next that is given back.
func (p *pool) lend(ctx context.Context) (loan, error) {
	for {
		res, err := p.members.TryAcquire(p.ended) // makes none where none is idle: see connect
		if err == puddle.ErrNotAvailable {
			res, err = p.wait(ctx)
		}
		if err != nil {
			return nil, err
		}
		m := res.Value()
		m.place = res
		if m.alive(ctx) {
			return m, nil
		}
		res.Destroy()
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
}

// wait is for a connection that is made or given back, until ctx or the pool ends: puddle's close wakes nobody. A connection that is being made when
// ctx ends is the next caller's.
func (p *pool) wait(ctx context.Context) (*puddle.Resource[*member], error) {
	var refuse func()
	if w, ok := ctx.(*wait); ok { // a call of a store; it needs no context that ends as well, which would take a goroutine
		refuse = func() { w.end(errPoolClosed) }
	} else {
		ctx, refuse = context.WithCancel(ctx)
		defer refuse()
	}
	stop := context.AfterFunc(p.open, refuse)
	res, err := p.members.Acquire(ctx)
	if stop() {
		return res, err
	}
	if err == nil {
		res.ReleaseUnused()
	}
	return nil, puddle.ErrClosedPool
}

// tend closes what is idle for too long and makes what is missing, now and then.
func (p *pool) tend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open.Err() != nil {
		return
	}
	c, now, total := p.config, time.Now(), p.members.Stat().TotalResources()
	size, idle := total, int32(0)
	for _, res := range slices.Backward(p.members.AcquireAllIdle()) { // the last used goes back last, and is lent first
		if res.Value().expired(now) || res.IdleDuration() > c.MaxConnIdleTime && size > c.MinConns {
			res.Destroy()
			size--
			continue
		}
		res.ReleaseUnused()
		idle++
	}
	missing := max(c.MinConns-size, c.MinIdleConns-idle)
	for range min(missing, c.MaxConns-total) {
		p.making.Go(func() { p.members.CreateResource(p.open) }) // who needs one is told why there is none
	}
	if c.HealthCheckPeriod > 0 {
		p.tender = time.AfterFunc(c.HealthCheckPeriod, p.tend)
	}
}

// close refuses whoever comes, waits for those who have a connection, for a moment, and breaks off what is under way after that.
func (p *pool) close() {
	p.mu.Lock()
	if p.open.Err() != nil {
		p.mu.Unlock()
		return
	}
	p.end()
	if p.tender != nil {
		p.tender.Stop()
	}
	p.mu.Unlock()
	gone := make(chan struct{})
	go func() {
		p.members.Close()
		p.making.Wait()
		close(gone)
	}()
	t := time.NewTimer(closeWait)
	defer t.Stop()
	select {
	case <-gone:
		return
	case <-t.C:
	}
	p.sockets.sever()
	<-gone
}
