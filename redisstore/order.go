package redisstore

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// late are the writes under way that nobody waits for any more, by the key's name. Each goes to the server over a connection of its own, and a
// later write over another could overtake it: what a caller wrote and knows to be written would be replaced by what the same caller gave up before.
// So the next write of a key waits until those are over. There are never more of them than connections. Only the writes of one process
// can be kept in order so.
type late struct {
	some atomic.Int64 // how many there are, at least; 0 saves the lock
	mu   sync.Mutex
	over map[string][]chan struct{} // closed when the write is over
}

// add notes a write that is being given up.
func (w *late) add(name string, over chan struct{}) {
	w.some.Add(1) // before the look: remove, which comes after the close, then sees it
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-over:
		w.some.Add(-1)
		return
	default:
	}
	if w.over == nil {
		w.over = make(map[string][]chan struct{})
	}
	w.over[name] = append(w.over[name], over)
}

// remove is called when a write is over, whether or not it was given up.
func (w *late) remove(name string, over chan struct{}) {
	if w.some.Load() == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	rest := w.over[name]
	i := slices.Index(rest, over)
	if i < 0 {
		return
	}
	w.some.Add(-1)
	if rest = slices.Delete(rest, i, i+1); len(rest) == 0 {
		delete(w.over, name)
		return
	}
	w.over[name] = rest
}

// wait waits until all writes of the key that were given up are over.
func (w *late) wait(ctx context.Context, name string) error {
	if w.some.Load() == 0 {
		return nil
	}
	w.mu.Lock()
	rest := slices.Clone(w.over[name])
	w.mu.Unlock()
	for _, over := range rest {
		select {
		case <-over:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// sendInOrder is send for what changes the key of that name.
func (l *link) sendInOrder(ctx context.Context, name string, cmd redis.Cmder) error {
	if err := l.late.wait(ctx, name); err != nil {
		return err
	}
	if ctx.Done() == nil {
		return l.client.Process(ctx, cmd)
	}
	var err error
	over := make(chan struct{})
	go func() {
		err = l.client.Process(ctx, cmd)
		close(over)
		l.late.remove(name, over)
	}()
	select {
	case <-over:
		return err
	case <-ctx.Done():
		l.late.add(name, over)
		return ctx.Err()
	}
}
