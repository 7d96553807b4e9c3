package dbstore

import (
	"sync"
	"sync/atomic"
	"time"
)

// late are writes that were given up while the server may still be at them, by key. A later write goes over another connection and could be
// overtaken by them: what a caller was told is written would be replaced by what the same caller gave up before. So the next write of the
// key waits until pgx has had the statement cancelled and the server has closed its connection. Only the writes of one Store are kept in
// order so.
type late struct {
	some   atomic.Int64 // how many there are; 0 saves the lock
	mu     sync.Mutex
	writes []lateWrite
}

type lateWrite struct {
	key  string
	over <-chan struct{}
}

// longestLate is how long a write waits for those before it. On a network that is dead nobody learns what became of them.
const longestLate = time.Second

// add notes a write that was given up, and forgets those that are over.
func (l *late) add(key string, over <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := l.writes[:0]
	for _, w := range l.writes {
		select {
		case <-w.over:
		default:
			kept = append(kept, w)
		}
	}
	l.writes = append(kept, lateWrite{key, over})
	l.some.Store(int64(len(l.writes)))
}

// wait waits for the writes of key that were given up.
func (l *late) wait(w *wait, key []byte) error {
	if l.some.Load() == 0 {
		return nil
	}
	var before []<-chan struct{}
	l.mu.Lock()
	for _, one := range l.writes {
		if one.key == string(key) {
			before = append(before, one.over)
		}
	}
	l.mu.Unlock()
	if len(before) == 0 {
		return nil
	}
	enough := time.NewTimer(longestLate)
	defer enough.Stop()
	for _, over := range before {
		select {
		case <-over:
		case <-enough.C:
			return nil
		case <-w.Done():
			return w.Err()
		}
	}
	return nil
}
