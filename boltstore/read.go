package boltstore

import (
	"context"
	"time"

	"github.com/larder-go/larder/internal/record"
	"github.com/larder-go/larder/store"
)

// Contains is [store.Store]'s.
func (s *Store) Contains(ctx context.Context, key string) (bool, error) {
	err := s.read(ctx, "contains", key, false, func(entry) {})
	if err == store.ErrNotFound {
		return false, nil
	}
	return err == nil, err
}

// Get is [store.Store]'s. Where the use must be recorded it takes as long as a write.
func (s *Store) Get(ctx context.Context, key string) ([]byte, error) {
	var value []byte
	err := s.read(ctx, "get", key, true, func(e entry) {
		value = make([]byte, len(e.value)) // out of the memory map; never nil
		copy(value, e.value)
	})
	if err != nil {
		return nil, err
	}
	return value, nil
}

// Touch is [store.Toucher]'s.
func (s *Store) Touch(ctx context.Context, key string) error {
	return s.read(ctx, "touch", key, true, func(entry) {})
}

// Load is [store.Swapper]'s.
func (s *Store) Load(ctx context.Context, key string) (*store.Item, error) {
	return s.load(ctx, "load", key, true)
}

// Peek is [store.Swapper]'s.
func (s *Store) Peek(ctx context.Context, key string) (*store.Item, error) {
	return s.load(ctx, "peek", key, false)
}

func (s *Store) load(ctx context.Context, op, key string, use bool) (*store.Item, error) {
	var item *store.Item
	err := s.read(ctx, op, key, use, func(e entry) { item = e.item() })
	if err != nil {
		return nil, err
	}
	return item, nil
}

// verdict is what a look at an entry says.
type verdict int

const (
	live verdict = iota
	gone
	undecided // ask again under the write lock
)

// read finds the live entry under key, records the use if that is asked for and due, and calls see with it while its
// memory is valid. see may be called more than once; the last call counts.
func (s *Store) read(ctx context.Context, op, key string, use bool, see func(entry)) error {
	if err := s.begin(ctx, op, key); err != nil {
		return err
	}
	v, err := s.look(key, use, see)
	if err != nil {
		return store.Wrap("boltstore", op, err)
	}
	switch v {
	case live:
		return nil
	case gone:
		return store.ErrNotFound
	}
	return store.Wrap("boltstore", op, s.use(ctx, key, use, see))
}

// look reads in a read transaction.
func (s *Store) look(key string, use bool, see func(entry)) (verdict, error) {
	tx, err := s.db.Begin(false)
	if err != nil {
		return gone, cause(err)
	}
	defer tx.Rollback()
	bucket := tx.Bucket(s.names[records])
	if bucket == nil {
		return gone, errNoBucket
	}
	stored := bucket.Get([]byte(key))
	if stored == nil {
		return gone, nil
	}
	e, err := parse(stored, key)
	if err != nil {
		return gone, err
	}
	now, expiry := wallNow(), s.expiry.For(key)
	switch {
	case e.absent(expiry, now):
		if justIdledOut(expiry, e.head, now) {
			return undecided, nil
		}
		return gone, nil
	case use && expiry.Stale(now, record.Time(e.atime)):
		return undecided, nil
	}
	see(e)
	return live, nil
}

// longestCommit is longer than any commit takes.
const longestCommit = 10 * time.Second

// justIdledOut reports whether an entry that is absent by its atime has been so for less than longestCommit. A use
// of it may then be in a commit under way, judged in time but not to be seen yet. To call the entry absent and find it
// alive a moment later would open the one-way door, so whoever meets one asks under the write lock. That costs no fsync,
// and nothing once the time is over.
func justIdledOut(e store.Expiry, h head, now time.Time) bool {
	if !e.Absent(now, record.Time(h.atime), time.Time{}) || h.deadline != 0 && !now.Before(record.Time(h.deadline)) {
		return false
	}
	return !e.Absent(now.Add(-longestCommit), record.Time(h.atime), time.Time{})
}

// use judges the entry under key, and records the use of it, in a write transaction. What is there may be another entry
// than the one that was seen before, or none.
func (s *Store) use(ctx context.Context, key string, use bool, see func(entry)) error {
	var found entry
	err := s.commits.do(ctx, 0, func(t *txn) error {
		k := []byte(key)
		stored := t.get(k)
		if stored == nil {
			return store.ErrNotFound
		}
		own := make([]byte, len(stored)) // it is written again, and read after the transaction
		copy(own, stored)
		e, err := parse(own, key)
		if err != nil {
			return err
		}
		if e.absent(s.expiry.For(key), t.now) {
			return store.ErrNotFound
		}
		if now := record.Nanos(t.now); use && now > e.atime && s.expiry.Stale(t.now, record.Time(e.atime)) {
			e.atime = now
			t.put(k, stored, own, e.head, s.lag)
		}
		found = e
		return nil
	})
	if err == nil {
		see(found)
	}
	return err
}
