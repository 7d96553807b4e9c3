package boltstore

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/larder-go/larder/store"
)

// commits lets writers that come at the same time share write transactions, since what a transaction costs is its two
// fsyncs.
//
// A writer that finds nobody at work leads: it takes the write lock, applies whatever waits by then, commits, tells
// everybody their own results, and hands the lead to the first of those who came meanwhile, who does the same. Nobody
// leads twice for one write, nobody waits for company, and there is no goroutine in the background. bbolt's own Batch
// was refused: it waits 10 ms for company before it begins.
type commits struct {
	db     *bbolt.DB
	names  *bucketNames
	timing timing
	alone  bool // nobody else has db: the lock is free whenever nobody leads

	mu      sync.Mutex
	queue   []*write
	leading bool          // somebody leads, or was told to
	lock    chan lockedTx // a Begin that is under way; whoever leads takes what comes out of it
	nobody  bool          // nobody waits at lock: what comes out must be given back

	// The last commit failed, perhaps between the write of its meta page and the fsync of it: what we see may not be on
	// the disk, and even who finds nothing to do must commit before he says so. Only who leads touches it.
	unsure bool

	expected int // writers who were at it at the last hand-over
}

// write is what one caller wants done in a write transaction.
type write struct {
	// apply judges and writes. Its error is the caller's own and spoils nothing, so it must write all or nothing. It may be
	// called again in another transaction, and after its caller has left.
	apply   func(*txn) error
	size    int  // bytes that it writes, roughly
	patient bool // its caller must know the outcome, and does not leave while it is being committed
	err     error
	panic   any

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

// What bounds the writes of one transaction, so that the first of them is not kept waiting by the last.
const (
	maxBatch      = 1024
	maxBatchBytes = 16 << 20 // a single write may be larger
)

func newCommits(db *bbolt.DB, names *bucketNames) *commits { return &commits{db: db, names: names} }

// do has apply run in a write transaction and returns when that is on the disk, with apply's error or that of the commit.
// When ctx ends first, it returns an error that wraps ctx's: errUnderWay, or any other where the write has not happened.
func (c *commits) do(ctx context.Context, size int, apply func(*txn) error) error {
	return c.submit(ctx, &write{apply: apply, size: size})
}

// doToEnd is do for who must know the outcome. When ctx ends, it leaves the queue or the wait for the lock as do does, and
// the write has not happened; but where the write was taken by then, it waits for the commit.
func (c *commits) doToEnd(ctx context.Context, size int, apply func(*txn) error) error {
	return c.submit(ctx, &write{apply: apply, size: size, patient: true})
}

func (c *commits) submit(ctx context.Context, w *write) error {
	w.wake = make(chan struct{}, 1)
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
		switch {
		case w.state == waits:
			c.withdraw(w)
			c.mu.Unlock()
			return ctx.Err()
		case w.state == taken && !w.patient:
			c.mu.Unlock()
			return fmt.Errorf("%w: %w", errUnderWay, ctx.Err())
		}
		c.mu.Unlock()
		<-w.wake // it was sent before state changed hands, or comes after the commit
	}
	c.mu.Lock()
	state := w.state
	c.mu.Unlock()
	if state == leads {
		return c.lead(ctx, w)
	}
	return w.result()
}

// gather lets those run whose writes were done a moment ago: without it each large batch was followed by one of the
// single write that came back first, while the others waited for its fsyncs (measured with 8 writers: 4.5 writes a
// commit, with it 7.8). It waits for nobody: it yields a few times, some microseconds in all, and not at all after a
// batch of one.
func (c *commits) gather() {
	for range gatherYields {
		c.mu.Lock()
		enough := len(c.queue) >= c.expected
		c.mu.Unlock()
		if enough {
			return
		}
		runtime.Gosched()
	}
}

const gatherYields = 20

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

// batch is what one leader commits.
type batch struct {
	all  []*write // in the order of arrival, the leader's own first
	live []*write // those that have not spoilt a transaction yet
	size int
}

// lead commits one batch, w among it, and hands over.
func (c *commits) lead(ctx context.Context, w *write) error {
	var b batch
	finished := false
	defer func() {
		if !finished { // bbolt panicked: nobody may be left waiting
			for _, o := range b.all {
				o.err = fmt.Errorf("%w: %w: the commit panicked", store.ErrUnavailable, errUnderWay)
			}
		}
		c.handOver(&b, w)
	}()

	c.gather()
	tx, err := c.begin(ctx)
	if ended := ctx.Err(); ended != nil {
		if tx != nil {
			tx.Rollback()
		}
		c.mu.Lock()
		c.withdraw(w)
		c.mu.Unlock()
		finished = true
		return ended
	}
	c.run(tx, err, &b)
	finished = true
	return w.result()
}

// take moves what waits into the batch, up to its limit, and returns it.
func (c *commits) take(b *batch) []*write {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, w := range c.queue {
		if len(b.all)+n == maxBatch || b.size > 0 && b.size+w.size > maxBatchBytes {
			break
		}
		w.state = taken
		b.size += w.size
		n++
	}
	b.all = append(b.all, c.queue[:n]...)
	b.live = append(b.live, c.queue[:n]...)
	c.queue = slices.Delete(c.queue, 0, n)
	return b.live[len(b.live)-n:]
}

// handOver wakes those whose writes are done, and then, so that they may come back in time for its batch, the next
// leader.
func (c *commits) handOver(b *batch, leader *write) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range b.all {
		o.state = done
		if o != leader {
			o.wake <- struct{}{}
		}
	}
	c.expected = len(c.queue) + len(b.all)
	if len(c.queue) == 0 {
		c.leading = false
		return
	}
	c.queue[0].state = leads
	c.queue[0].wake <- struct{}{}
}

// run applies the batch in tx and commits it. A write that panics, or that bbolt refuses halfway, is taken out, and the
// others are applied again in a new transaction.
func (c *commits) run(tx *bbolt.Tx, err error, b *batch) {
	defer func() { // whatever happens: a transaction left open would lock everybody out
		if tx != nil {
			tx.Rollback()
		}
	}()
	c.take(b)
	for len(b.live) > 0 {
		var spoiler *write
		if err == nil {
			spoiler, err = c.attempt(tx, b)
		}
		if spoiler == nil {
			break
		}
		b.live = slices.DeleteFunc(b.live, func(w *write) bool { return w == spoiler })
		tx.Rollback()
		tx, err = c.db.Begin(true)
	}
	if err != nil {
		for _, w := range b.live {
			w.err = cause(err)
		}
	}
}

// attempt applies the batch, with those who come while it does, and commits it unless nothing was written. It stops at a
// write that spoils the transaction, and returns it.
func (c *commits) attempt(tx *bbolt.Tx, b *batch) (spoiler *write, err error) {
	began := time.Now()
	t, err := newTxn(tx, c.names)
	if err != nil {
		return nil, err
	}
	for next := b.live; len(next) > 0; next = c.take(b) {
		for _, w := range next {
			w.try(t)
			if t.broken != nil {
				w.err = cause(t.broken)
			}
			if t.broken != nil || w.panic != nil {
				return w, nil
			}
		}
	}
	if !t.dirty && !c.unsure {
		return nil, nil
	}
	c.unsure = true
	if err := tx.Commit(); err != nil {
		return nil, err
	}
	c.unsure = false
	c.timing.note(b, time.Since(began))
	return nil, nil
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
