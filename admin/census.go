package admin

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/larder-go/larder/cleanup"
	"github.com/larder-go/larder/internal/idle"
	"github.com/larder-go/larder/store"
)

const (
	restFactor = 20              // after a count nobody counts for so many times as long as it took
	restMost   = 5 * time.Minute // but not for longer than this
	factsEvery = time.Minute     // how often the backend is asked about itself
)

// count is what one look through the store has found. It is never changed.
type count struct {
	at       time.Time     // when it began
	took     time.Duration // all of it
	budget   time.Duration // how long it was allowed to take
	complete bool          // false: it took too long, or was given up; there is more than it says

	lists     bool // false: the store cannot list, so only backlog and facts are known
	entries   int
	bytes     int64
	deadlines int
	corrupt   int
	oldest    time.Time
	idle      []idle.Bucket

	backlog *backlog // nil: the store cannot tell
	facts   []store.Fact
	factsAt time.Time

	err error // of the store: nothing else is known then
}

// backlog is what a sweep now would remove.
type backlog struct {
	Entries int        `json:"entries"`
	Bytes   int64      `json:"bytes"`
	AtLeast bool       `json:"at_least"` // it was not counted to the end
	Oldest  *time.Time `json:"oldest"`   // earliest last use among them; null: none
}

// census counts the entries for all who want to know, one count at a time.
type census struct {
	s     store.Store
	sweep cleanup.Options // what a sweep now would be
	every time.Duration
	most  time.Duration

	counting chan struct{} // holds one token while somebody counts

	mu   sync.Mutex
	last *count    // nil: none yet
	next time.Time // nobody counts before
}

func newCensus(s store.Store, o *Options) *census {
	return &census{s: s, sweep: *o.Cleanup, every: o.Every, most: o.CountTime, counting: make(chan struct{}, 1)}
}

// latest is the last count, however old; nil where there is none.
func (c *census) latest() *count {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last
}

// due tells whether somebody who has this much time should count.
func (c *census) due(budget time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.last == nil:
		return true
	case !c.last.complete && c.last.budget < budget: // somebody in a hurry has counted
		return true
	}
	return !time.Now().Before(c.next)
}

// forget makes the next count due: something was changed from here.
func (c *census) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last != nil && c.last.took < c.every { // what is expensive stays as rare as it is
		c.next = time.Time{}
	}
}

// get returns a count that is not older than it need be. It counts itself or waits for who does, for budget or until ctx ends.
func (c *census) get(ctx context.Context, budget time.Duration) *count {
	select {
	case c.counting <- struct{}{}:
	case <-ctx.Done():
		return c.latest()
	}
	defer func() { <-c.counting }()
	if c.due(budget) {
		c.count(context.WithoutCancel(ctx), budget) // for all who look; who asked for it may be gone by now
	}
	return c.latest()
}

// refresh counts in another goroutine, which ends with ctx, if a count is due and nobody is at it. The caller waits for wg.
func (c *census) refresh(ctx context.Context, wg *sync.WaitGroup) {
	if !c.due(c.most) {
		return
	}
	select {
	case c.counting <- struct{}{}:
	default:
		return
	}
	wg.Go(func() {
		defer func() { <-c.counting }()
		defer func() { // net/http ends the request of a store that panics; here it would end the program
			if p := recover(); p != nil {
				c.failed(fmt.Errorf("the store panicked: %v", p))
			}
		}()
		if c.due(c.most) {
			c.count(ctx, c.most)
		}
	})
}

// failed keeps an error in place of a count.
func (c *census) failed(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.last, c.next = &count{at: now, budget: c.most, err: err, idle: idle.New()}, now.Add(c.every)
}

// count looks through the store. A count that whoever asked for it gave up costs the rest that any does, or to ask and go again and again would keep
// the store at work.
func (c *census) count(parent context.Context, budget time.Duration) {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	defer time.AfterFunc(budget, cancel).Stop()
	before := c.latest()
	n := &count{at: time.Now(), budget: budget, complete: true, lists: store.CanList(c.s), idle: idle.New()}
	if n.lists {
		n.look(ctx, c.s)
	}
	if n.err == nil && store.CanSweep(c.s) {
		n.sweep(parent, c.s, c.sweep, max(budget-time.Since(n.at), budget/4))
	}
	if n.err == nil {
		n.ask(parent, c.s, before, budget/4) // not within the budget, which a large store has used up by now
	}
	n.took = time.Since(n.at)

	c.mu.Lock()
	defer c.mu.Unlock()
	rest := max(c.every, min(restFactor*n.took, restMost))
	if n.err != nil { // it has looked through nothing, and who waits for the end of an outage wants to see it
		rest = c.every
	}
	c.next = time.Now().Add(rest)
	if parent.Err() != nil && c.last != nil && c.last.err == nil {
		return // an older one says more than half a count
	}
	c.last = n
}

func (n *count) look(ctx context.Context, s store.Store) {
	for info, err := range store.List(ctx, s, "") {
		switch {
		case errors.Is(err, store.ErrCorrupt):
			n.corrupt++
			continue
		case err != nil && ctx.Err() != nil:
			n.complete = false
			return
		case err != nil:
			n.err = err
			return
		}
		n.entries++
		n.bytes += info.Size
		if !info.Expires.IsZero() {
			n.deadlines++
		}
		if info.Atime.IsZero() {
			continue
		}
		idle.Add(n.idle, n.at.Sub(info.Atime), info.Size)
		if n.oldest.IsZero() || info.Atime.Before(n.oldest) {
			n.oldest = info.Atime
		}
	}
}

// sweep counts the backlog.
func (n *count) sweep(ctx context.Context, s store.Store, o cleanup.Options, budget time.Duration) {
	r, err := cleanup.Run(ctx, s, &cleanup.Options{Idle: o.Idle, Prefix: o.Prefix, DryRun: true, MaxTime: budget})
	switch {
	case ctx.Err() != nil:
		n.complete = false
		return
	case err != nil && !errors.Is(err, cleanup.ErrBudget):
		n.err = err
		return
	}
	n.backlog = &backlog{Entries: r.Removed, Bytes: r.Bytes, AtLeast: !r.Done, Oldest: stamp(r.Oldest)}
}

// ask asks the backend about itself. What it said a moment ago is good enough, and better than nothing where it does not answer.
func (n *count) ask(ctx context.Context, s store.Store, before *count, budget time.Duration) {
	if before != nil {
		n.facts, n.factsAt = before.facts, before.factsAt
		if n.at.Sub(before.factsAt) < factsEvery {
			return
		}
	}
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	if facts, err := store.Inspect(ctx, s); err == nil {
		n.facts, n.factsAt = facts, n.at
	}
}
