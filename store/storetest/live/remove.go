package live

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/larder-go/larder/store"
)

// gate lets writers through until it is closed.
type gate struct {
	mu   sync.RWMutex
	shut bool
}

func (g *gate) enter() bool {
	g.mu.RLock()
	if !g.shut {
		return true
	}
	g.mu.RUnlock()
	return false
}

func (g *gate) leave() { g.mu.RUnlock() }

// close waits for those who are inside, but not for ever: a broken store may never let them go.
func (g *gate) close() {
	done := make(chan struct{})
	go func() {
		g.mu.Lock()
		g.shut = true
		g.mu.Unlock()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
	}
}

// written is the account of the keys that may be there.
type written struct {
	mu   sync.Mutex
	keys map[string]struct{}
}

func (w *written) note(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.keys == nil {
		w.keys = make(map[string]struct{})
	}
	if store.CheckKey(key) == nil {
		w.keys[key] = struct{}{}
	}
}

// remove removes what was written and returns how many entries are left. It does so when ctx has ended, too.
func (r *run) remove(ctx context.Context) (left int, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if !r.lists {
		left, err = r.deleteAll(ctx)
		return left, r.complain(left, err)
	}
	if store.CanSweep(r.admin) {
		// This takes also what is absent and was not cleaned up, which no list shows. What was written just now, it may leave.
		_, err = store.Sweep(ctx, r.admin, store.SweepOptions{Prefix: r.root, Idle: 1})
	}
	for range 3 {
		keys, listErr := r.list(ctx)
		left, err = len(keys), cmp.Or(listErr, err)
		if left == 0 || listErr != nil {
			break
		}
		for _, key := range keys {
			if deleteErr := r.admin.Delete(ctx, key); deleteErr == nil {
				left--
			} else {
				err = deleteErr
			}
		}
	}
	return left, r.complain(left, err)
}

// list returns the keys of what is there.
func (r *run) list(ctx context.Context) (keys []string, err error) {
	for info, err := range store.List(ctx, r.admin, r.root) {
		if err != nil && !errors.Is(err, store.ErrCorrupt) {
			return keys, err
		} else if err == nil {
			keys = append(keys, info.Key)
		}
	}
	return keys, nil
}

// deleteAll deletes what may be there, several at a time: a server that does not list is often not near.
func (r *run) deleteAll(ctx context.Context) (left int, err error) {
	r.written.mu.Lock()
	keys := make(chan string, len(r.written.keys))
	for key := range r.written.keys {
		keys <- key
	}
	r.written.mu.Unlock()
	close(keys)
	var failed atomic.Int64
	var first atomic.Pointer[error]
	var work sync.WaitGroup
	for range beside {
		work.Go(func() {
			for key := range keys {
				// What the store refused to set, for its length, it refuses to delete.
				if err := r.admin.Delete(ctx, key); err != nil && !errors.Is(err, store.ErrInvalidKey) {
					failed.Add(1)
					first.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	work.Wait()
	if e := first.Load(); e != nil {
		err = *e
	}
	return int(failed.Load()), err
}

// complain says what is left, and why.
func (r *run) complain(left int, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("live: not everything could be removed, what is left has keys that begin with %q: %w", r.root, err)
	case left > 0:
		return fmt.Errorf("live: %d entries could not be removed; their keys begin with %q", left, r.root)
	}
	return nil
}
