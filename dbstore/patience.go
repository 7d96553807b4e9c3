package dbstore

import (
	"context"
	"net"
	"sync"
	"time"
)

// patience bounds how long calls wait whose contexts have no deadline. All have the same bound, so they end in the order in which they
// began, and one timer serves them all: a context.WithTimeout for each would be five allocations.
type patience struct {
	limit time.Duration

	mu          sync.Mutex
	first, last *wait
	timer       *time.Timer
	armed       bool

	watchers sync.Pool // of *watcher
}

// watcher tells a wait that its context has ended. It is used again, since its func would be one more allocation for each call.
type watcher struct {
	wait *wait
	fire func()
}

// wait is one call's right to wait. It ends with the caller's context, or when its time is over, and then the connection that it is at is
// made to return. As a context it is for the pool; pgx itself is given none, for it would watch it once more.
type wait struct {
	context.Context               // the caller's
	done            chan struct{} // closed at the end
	grace           time.Duration // what a statement under way is left after that
	until           time.Time
	watcher         *watcher
	unwatch         func() bool

	mu   sync.Mutex
	err  error // why it ended
	conn net.Conn

	queued     bool // guarded by patience.mu, like its neighbours
	prev, next *wait
}

func (p *patience) begin(ctx context.Context, grace time.Duration) *wait {
	w := &wait{Context: ctx, done: make(chan struct{}), grace: grace}
	var bounded bool
	if w.until, bounded = ctx.Deadline(); !bounded {
		p.add(w)
	}
	if ctx.Done() != nil {
		w.watcher, _ = p.watchers.Get().(*watcher)
		if w.watcher == nil {
			x := &watcher{}
			x.fire = func() { x.wait.end(x.wait.Context.Err()) }
			w.watcher = x
		}
		w.watcher.wait = w
		w.unwatch = context.AfterFunc(ctx, w.watcher.fire)
	}
	return w
}

// leave ends the wait in peace.
func (p *patience) leave(w *wait) {
	if w.unwatch != nil && w.unwatch() {
		w.watcher.wait = nil
		p.watchers.Put(w.watcher)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.remove(w)
}

func (p *patience) add(w *wait) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w.until, w.queued = time.Now().Add(p.limit), true
	if w.prev = p.last; w.prev == nil {
		p.first = w
	} else {
		w.prev.next = w
	}
	p.last = w
	switch {
	case p.armed: // it fires at the earliest end of all, and sees then whose is next
	case p.timer == nil:
		p.timer = time.AfterFunc(p.limit, p.expire)
	default:
		p.timer.Reset(p.limit)
	}
	p.armed = true
}

// remove takes w out of the queue, if it is in it. The caller holds mu.
func (p *patience) remove(w *wait) {
	if !w.queued {
		return
	}
	w.queued = false
	if w.prev == nil {
		p.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		p.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.prev, w.next = nil, nil
}

// expire ends those whose time is over.
func (p *patience) expire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for p.first != nil && !now.Before(p.first.until) {
		w := p.first
		p.remove(w)
		w.end(errNoAnswer)
	}
	if p.armed = p.first != nil; p.armed {
		p.timer.Reset(p.first.until.Sub(now))
	}
}

// end ends the wait, and cuts short what is under way.
func (w *wait) end(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return
	}
	w.err = err
	close(w.done)
	if w.conn != nil {
		w.conn.SetDeadline(time.Now().Add(w.grace))
	}
}

// attach says which connection the call is at from now on, unless the wait has ended.
func (w *wait) attach(conn net.Conn) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conn = conn
	return w.err
}

// detach says that the call has left the connection, and whether it was told to hurry.
func (w *wait) detach() (hurried bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conn = nil
	return w.err != nil
}

// why is the reason that the wait has ended, nil while it has not.
func (w *wait) why() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

func (w *wait) Deadline() (time.Time, bool) { return w.until, true }
func (w *wait) Done() <-chan struct{}       { return w.done }

// waitKey has the dialer find, by Value, the wait of the call that a connection is made for.
type waitKey struct{}

func (w *wait) Value(key any) any {
	if key == (waitKey{}) {
		return w
	}
	return w.Context.Value(key)
}

func (w *wait) Err() error {
	err := w.why()
	if err == errNoAnswer {
		return context.DeadlineExceeded
	}
	return err
}
