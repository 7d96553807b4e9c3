package boltstore

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"go.etcd.io/bbolt"
)

// commits lets writers that come at the same time share write transactions, since what a transaction costs is its two fsyncs.
//
// A writer that finds nobody at work leads: it takes the write lock, applies whatever waits by then, commits, tells everybody
// their own results, and hands the lead to the first of those who came meanwhile, who does the same. Nobody leads twice for
// one write, nobody waits for company, and there is no goroutine in the background. bbolt's own Batch was refused: it waits
// 10 ms for company before it begins.
type commits struct {
	db    *bbolt.DB
	names *bucketNames

	mu      sync.Mutex
	queue   []*write
	leading bool          // somebody leads, or was told to
	lock    chan lockedTx // a Begin that is under way; whoever leads takes what comes out of it
	nobody  bool          // nobody waits at lock: what comes out must be given back
}

type lockedTx struct {
	tx  *bbolt.Tx
	err error
}

// write is what one caller wants done in a write transaction.
type write struct {
	// apply judges and writes. Its error is the caller's own and spoils nothing, so it must write all or nothing. It may be
	// called again in another transaction, and after its caller has left.
	apply func(*txn) error
	err   error
	panic any

	state writeState    // guarded by commits.mu
	wake  chan struct{} // one signal: state is leads or done
}

type writeState int

const (
	waits writeState = iota
	leads            // still in the queue, and in charge of it
	taken            // in a transaction
	done
)

// maxBatch bounds the writes of one transaction, so that the first of them is not kept waiting by the last.
const maxBatch = 1024

func newCommits(db *bbolt.DB, names *bucketNames) *commits { return &commits{db: db, names: names} }

// do has apply run in a write transaction and returns when that is on the disk, with apply's error or that of the commit.
// When ctx ends first, it returns an error that wraps ctx's: errUnderWay, or any other where the write has not happened.
func (c *commits) do(ctx context.Context, apply func(*txn) error) error {
	w := &write{apply: apply, wake: make(chan struct{}, 1)}
	c.mu.Lock()
	c.queue = append(c.queue, w)
	if !c.leading {
		c.leading = true
		w.state = leads
		c.mu.Unlock()
		return c.lead(ctx, w)
	}
	c.mu.Unlock()

	select {
	case <-w.wake:
	case <-ctx.Done():
		c.mu.Lock()
		switch w.state {
		case waits:
			c.withdraw(w)
			c.mu.Unlock()
			return ctx.Err()
		case taken:
			c.mu.Unlock()
			return fmt.Errorf("%w: %w", errUnderWay, ctx.Err())
		}
		c.mu.Unlock()
		<-w.wake // it was sent before state changed hands
	}
	c.mu.Lock()
	state := w.state
	c.mu.Unlock()
	if state == leads {
		return c.lead(ctx, w)
	}
	return w.result()
}

// errUnderWay begins the error of a write whose caller left while it was being committed.
var errUnderWay = fmt.Errorf("the write was being committed when the context ended, and its outcome is not known")

func (w *write) result() error {
	if w.panic != nil {
		panic(w.panic) // where it would have come up without the sharing
	}
	return w.err
}

// withdraw takes w out of the queue. The caller holds mu.
func (c *commits) withdraw(w *write) {
	if i := slices.Index(c.queue, w); i >= 0 {
		c.queue = slices.Delete(c.queue, i, i+1)
	}
}

// lead commits one batch, w's among it, and hands over.
func (c *commits) lead(ctx context.Context, w *write) error {
	var batch []*write
	finished := false
	defer func() {
		if !finished { // bbolt panicked: nobody may be left waiting
			for _, o := range batch {
				o.err = fmt.Errorf("%w: the commit panicked", errUnderWay)
			}
		}
		c.handOver(batch, w)
	}()

	tx, err := c.begin(ctx)
	if err == nil {
		if err = ctx.Err(); err != nil {
			tx.Rollback()
		}
	}
	c.mu.Lock()
	if err != nil && ctx.Err() != nil {
		c.withdraw(w)
		c.mu.Unlock()
		finished = true
		return ctx.Err()
	}
	n := min(len(c.queue), maxBatch)
	batch = slices.Clone(c.queue[:n])
	c.queue = slices.Delete(c.queue, 0, n)
	for _, o := range batch {
		o.state = taken
	}
	c.mu.Unlock()

	c.run(tx, err, batch)
	finished = true
	return w.result()
}

// handOver wakes those whose writes are done, and then, so that they may come back in time for its batch, the next leader.
func (c *commits) handOver(batch []*write, leader *write) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range batch {
		o.state = done
		if o != leader {
			o.wake <- struct{}{}
		}
	}
	if len(c.queue) == 0 {
		c.leading = false
		return
	}
	c.queue[0].state = leads
	c.queue[0].wake <- struct{}{}
}

// run applies the batch in tx and commits it. A write that panics, or that bbolt refuses halfway, is taken out, and the
// others are applied again in a transaction of their own.
func (c *commits) run(tx *bbolt.Tx, err error, batch []*write) {
	defer func() { // whatever happens: a transaction left open would lock everybody out
		if tx != nil {
			tx.Rollback()
		}
	}()
	for len(batch) > 0 {
		spoiler := -1
		if err == nil {
			spoiler, err = c.attempt(tx, batch)
		}
		if spoiler < 0 {
			break
		}
		batch = slices.Delete(slices.Clone(batch), spoiler, spoiler+1)
		tx.Rollback()
		tx, err = c.db.Begin(true)
	}
	if err != nil {
		for _, w := range batch {
			w.err = cause(err)
		}
	}
}

// attempt applies the batch and commits it, unless nothing was written. It stops at a write that spoils the transaction, and
// returns its index, or else -1.
func (c *commits) attempt(tx *bbolt.Tx, batch []*write) (spoiler int, err error) {
	t, err := newTxn(tx, c.names)
	if err != nil {
		return -1, err
	}
	for i, w := range batch {
		w.try(t)
		if w.panic != nil {
			return i, nil
		}
		if t.broken != nil {
			w.err = cause(t.broken)
			return i, nil
		}
	}
	if !t.dirty {
		return -1, nil
	}
	return -1, tx.Commit()
}

// try applies w and catches its panic.
func (w *write) try(t *txn) {
	defer func() {
		if r := recover(); r != nil {
			w.panic = r
		}
	}()
	w.err = w.apply(t)
}

// begin takes bbolt's write lock, which another user of the database may hold for long, and returns early when ctx ends. bbolt
// has no way to stop waiting for its lock, so the wait is a goroutine's; it outlives the call only when ctx ended in that
// wait, and ends with the wait.
func (c *commits) begin(ctx context.Context) (*bbolt.Tx, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c.mu.Lock()
	lock := c.lock
	if lock == nil {
		if ctx.Done() == nil {
			c.mu.Unlock()
			return c.db.Begin(true)
		}
		lock = make(chan lockedTx, 1)
		c.lock = lock
		go c.waitForLock(lock)
	}
	c.nobody = false
	c.mu.Unlock()

	select {
	case got := <-lock:
		c.mu.Lock()
		c.lock = nil
		c.mu.Unlock()
		return got.tx, got.err
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case got := <-lock: // it came at the same moment
		c.lock = nil
		return got.tx, got.err
	default:
		c.nobody = true // until the next leader comes, who may be the one that this one now hands over to
		return nil, ctx.Err()
	}
}

func (c *commits) waitForLock(lock chan<- lockedTx) {
	tx, err := c.db.Begin(true)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.nobody {
		lock <- lockedTx{tx, err}
		return
	}
	c.lock = nil
	if err == nil {
		tx.Rollback()
	}
}
