package dbstore

import (
	"context"

	"github.com/larder-go/larder/store"
)

// Contains is [store.Store]'s.
func (s *Store) Contains(ctx context.Context, key string) (bool, error) {
	_, err := s.read(ctx, "contains", key, s.sql.state, scanState, false)
	if err == store.ErrNotFound {
		return false, nil
	}
	return err == nil, err
}

// Get is [store.Store]'s.
func (s *Store) Get(ctx context.Context, key string) ([]byte, error) {
	item, err := s.read(ctx, "get", key, s.sql.get, scanValue, true)
	return item.Value, err
}

// Touch is [store.Toucher]'s.
func (s *Store) Touch(ctx context.Context, key string) error {
	_, err := s.read(ctx, "touch", key, s.sql.state, scanState, true)
	return err
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
	item, err := s.read(ctx, op, key, s.sql.load, scanItem, use)
	if err != nil {
		return nil, err
	}
	return &item, nil
}

// read looks at the live entry under key, and records the use if that is asked for and due.
func (s *Store) read(ctx context.Context, op, key string, look *statement, scan func(*call, [][]byte), use bool) (store.Item, error) {
	if err := s.begin(ctx, op, key); err != nil {
		return store.Item{}, err
	}
	c := s.newCall(key)
	defer s.free(c)
	for {
		c.scan = scan
		if err := s.do(ctx, look, c); err != nil {
			return store.Item{}, store.Wrap("dbstore", op, err)
		}
		var next *statement
		switch {
		case c.state == fresh, c.state == stale && !use:
			return c.item, nil
		case c.state == stale:
			next = s.sql.refresh
		case c.state == justAbsent:
			next = s.sql.settle
		default:
			return store.Item{}, store.ErrNotFound
		}
		item := c.item
		c.scan = scanAtime
		err := s.do(ctx, next, c)
		item.Atime = c.item.Atime // who swaps what Load returned must not take the use back
		switch {
		case err != nil:
			return store.Item{}, store.Wrap("dbstore", op, err)
		case c.affected == 0: // somebody else was faster: look again
		case next == s.sql.refresh:
			return item, nil
		default:
			return store.Item{}, store.ErrNotFound
		}
	}
}

func scanAtime(c *call, columns [][]byte) { c.item.Atime = parseTime(columns[0]) }
