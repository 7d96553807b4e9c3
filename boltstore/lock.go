package boltstore

import (
	"context"

	"go.etcd.io/bbolt"
)

// lockedTx is what comes out of a Begin.
type lockedTx struct {
	tx  *bbolt.Tx
	err error
}

// begin takes bbolt's write lock, which another user of the database may hold for long, and returns early when ctx
// ends. bbolt has no way to stop waiting for its lock, so the wait is a goroutine's; it outlives the call only when ctx
// ended in that wait, and ends with the wait. Where no wait is possible, or none can be cut short, there is no
// goroutine: it was measured at a tenth of a commit.
func (c *commits) begin(ctx context.Context) (*bbolt.Tx, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c.mu.Lock()
	lock := c.lock
	if lock == nil {
		if c.alone || ctx.Done() == nil {
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
