package dbstore

import (
	"context"

	"github.com/larder-go/larder/store"
)

// Contains is [store.Store]'s.
func (s *Store) Contains(ctx context.Context, key string) (bool, error) {
	_, err := s.read(ctx, "contains", key, s.sql.of(key).state, scanState, false)
	if err == store.ErrNotFound {
		return false, nil
	}
	return err == nil, err
}

// Get is [store.Store]'s.
func (s *Store) Get(ctx context.Context, key string) ([]byte, error) {
	item, err := s.read(ctx, "get", key, s.sql.of(key).get, scanValue, true)
	return item.Value, err
}

// Touch is [store.Toucher]'s.
func (s *Store) Touch(ctx context.Context, key string) error {
	_, err := s.read(ctx, "touch", key, s.sql.of(key).state, scanState, true)
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
	item, err := s.read(ctx, op, key, s.sql.of(key).load, scanItem, use)
	if err != nil {
		return nil, err
	}
	return &item, nil
}

// maxLooks is how often a read looks again at an entry that it could neither refresh nor remove, although it said that it was due. Others may have
// done it, but who wins so many races in a row is a trigger or a rule that suppresses the write: then what was seen last is the answer.
const maxLooks = 10

// read looks at the live entry under key, and records the use if that is asked for and due.
func (s *Store) read(ctx context.Context, op, key string, look *statement, scan func(*call, [][]byte), use bool) (store.Item, error) {
	if err := s.begin(ctx, op, key); err != nil {
		return store.Item{}, err
	}
	c := s.newCall(key)
	defer s.free(c)
	ops, w := s.sql.of(key), s.patience.begin(ctx, 0)
	defer s.patience.leave(w)
	for looks := 1; ; looks++ {
		c.scan = scan
		if err := s.doWithin(w, look, c); err != nil {
			return store.Item{}, store.Wrap("dbstore", op, err)
		}
		var next *statement
		switch {
		case c.state == fresh, c.state == stale && !use:
			return c.item, nil
		case c.state == stale:
			next = ops.refresh
		case c.state == justAbsent:
			next = ops.settle
		default:
			return store.Item{}, store.ErrNotFound
		}
		item := c.item
		c.scan = scanAtime
		err := s.doWithin(w, next, c)
		switch {
		case err == nil && c.affected == 0 && looks < maxLooks: // somebody else was faster: look again
			continue
		case next == ops.settle && (err == nil || mayNotWrite(err)):
			return store.Item{}, store.ErrNotFound
		case err != nil:
			return store.Item{}, store.Wrap("dbstore", op, err)
		case c.affected > 0:
			item.Atime = c.item.Atime // who swaps what Load returned must not take the use back
		}
		return item, nil
	}
}

// mayNotWrite reports that the server refuses the role, or itself, every write. What this reader sees is then the answer: a use that would
// be in a transaction about to commit is another role's, or on its way from the primary, and later than the look.
func mayNotWrite(err error) bool {
	state := sqlState(err)
	return state == insufficientPrivilege || state == readOnlyTransaction
}

func scanAtime(c *call, columns [][]byte) { c.item.Atime = parseTime(columns[0]) }
