package shard

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/larder-go/larder/store"
)

// reopenAfter is how long a node that could not be opened is let alone.
const reopenAfter = time.Second

// lazy is a node that is opened when it is needed: one that was down when the URL was opened. An operation waits for that no longer than its own context
// allows, and whoever needs the node meanwhile waits for the same attempt, which ends when nobody waits for it any more; one that the opening of
// the URL has left behind has its time even so.
type lazy struct {
	open func(ctx context.Context) (store.Closer, error)

	ready atomic.Pointer[openNode] // nil: not yet
	tasks sync.WaitGroup           // attempts under way

	mu      sync.Mutex
	attempt *attempt
	err     error     // of the last one, since when nothing is tried for reopenAfter
	failed  time.Time // when that was
	closed  bool
}

type openNode struct {
	store.Closer
	lacks lacks
}

// attempt is one to open the node.
type attempt struct {
	cancel  context.CancelFunc
	waiting int           // under lazy.mu; none: it is given up
	done    chan struct{} // closed when err is set
	err     error
}

// opened reports whether it is open, or was until Close.
func (l *lazy) opened() bool { return l.ready.Load() != nil }

// lacks is nothing for as long as that is not known.
func (l *lazy) lacks() lacks {
	if n := l.ready.Load(); n != nil {
		return n.lacks
	}
	return 0
}

// get returns the store, and opens it if need be.
func (l *lazy) get(ctx context.Context) (store.Store, error) {
	if n := l.ready.Load(); n != nil {
		return n.Closer, nil
	}
	if err := l.wait(ctx); err != nil {
		return nil, err
	}
	return l.ready.Load().Closer, nil
}

func (l *lazy) wait(ctx context.Context) error {
	if err := ctx.Err(); err != nil { // also whoever only asks what it can do
		return store.Wrap("shard", "open", err)
	}
	a, err := l.join(ctx)
	if a == nil {
		return err
	}
	select {
	case <-a.done:
		return a.err
	case <-ctx.Done():
		if context.Cause(ctx) == errSlow { // the URL's opening waits for no node that is slow
			l.leaveBehind(a)
			return errSlow
		}
		l.leave(a, ctx.Err())
		return store.Wrap("shard", "open", ctx.Err())
	}
}

// join takes part in the attempt under way, or begins one. No attempt and no error: it is open.
func (l *lazy) join(ctx context.Context) (*attempt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.ready.Load() != nil:
		return nil, nil
	case l.closed:
		return nil, store.Wrap("shard", "open", os.ErrClosed)
	case l.attempt == nil && l.err != nil && time.Since(l.failed) < reopenAfter:
		return nil, l.err
	case l.attempt == nil:
		a := &attempt{done: make(chan struct{})}
		// Not cancelled with its first caller: others may wait for it by then.
		ctx, a.cancel = context.WithCancel(context.WithoutCancel(ctx))
		l.attempt = a
		l.tasks.Go(func() { l.try(ctx, a) })
	}
	l.attempt.waiting++
	return l.attempt, nil
}

// leave is the end of a caller's patience. If it was the last one's, the attempt is given up, and it has failed if there was a deadline. That somebody
// cancels says nothing of the node.
func (l *lazy) leave(a *attempt, why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a.waiting--
	l.giveUp(a, why)
}

// leaveBehind lets the attempt go on for openLimit though nobody may wait for it.
func (l *lazy) leaveBehind(a *attempt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a.waiting--
	time.AfterFunc(openLimit, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.giveUp(a, context.DeadlineExceeded)
	})
}

// giveUp ends an attempt under way that nobody waits for.
func (l *lazy) giveUp(a *attempt, why error) {
	if a.waiting > 0 || l.attempt != a {
		return
	}
	a.cancel()
	l.attempt = nil
	if errors.Is(why, context.DeadlineExceeded) {
		l.fail(fmt.Errorf("shard: open: %w: it did not answer in time", store.ErrUnavailable))
	}
}

// fail keeps what those are told who come soon after.
func (l *lazy) fail(err error) { l.err, l.failed = err, time.Now() }

func (l *lazy) try(ctx context.Context, a *attempt) {
	defer a.cancel()
	s, err := l.open(ctx)
	var n *openNode
	if err == nil {
		n = &openNode{s, lacksOf(s)}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	defer close(a.done)
	current := l.attempt == a
	if current {
		l.attempt = nil
	}
	switch {
	case err == nil && (l.closed || l.opened()):
		a.err = errors.Join(store.Wrap("shard", "open", os.ErrClosed), s.Close())
	case err == nil:
		l.ready.Store(n)
		l.err = nil
	case l.closed:
		a.err = store.Wrap("shard", "open", os.ErrClosed)
	default:
		a.err = err
		if current {
			l.fail(err)
		}
	}
}

// Close closes what is open, gives up what is being opened, and returns when both have ended.
func (l *lazy) Close() error {
	l.mu.Lock()
	closed := l.closed
	l.closed = true
	if l.attempt != nil {
		l.attempt.cancel()
	}
	l.mu.Unlock()
	l.tasks.Wait()
	if n := l.ready.Load(); n != nil && !closed {
		return n.Close()
	}
	return nil
}
