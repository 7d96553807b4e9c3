package dbstore

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/larder-go/larder/store"
)

const versionSize = 16

// Set is [store.Store]'s.
func (s *Store) Set(ctx context.Context, key string, value []byte) error {
	if err := s.beginWrite(ctx, "set", key, len(value)); err != nil {
		return err
	}
	c := s.newCall(key)
	defer s.free(c)
	c.bytes(value)
	c.newVersion()
	return store.Wrap("dbstore", "set", s.do(ctx, s.sql.of(key).set, c))
}

// Delete is [store.Store]'s.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := s.begin(ctx, "delete", key); err != nil {
		return err
	}
	c := s.newCall(key)
	defer s.free(c)
	return store.Wrap("dbstore", "delete", s.do(ctx, s.sql.of(key).delete, c))
}

// Swap is [store.Swapper]'s.
func (s *Store) Swap(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
	size := 0
	if item != nil {
		size = len(item.Value)
	}
	if err := s.beginWrite(ctx, "swap", key, size); err != nil {
		return "", err
	}
	var version store.Version
	var err error
	if item == nil {
		err = s.remove(ctx, key, old)
	} else {
		version, err = s.put(ctx, key, old, item)
	}
	if err != nil {
		return "", store.Wrap("dbstore", "swap", err)
	}
	return version, nil
}

// put writes item in place of the version old, by one conditional statement.
func (s *Store) put(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
	c := s.newCall(key)
	defer s.free(c)
	c.bytes(item.Value)
	c.newVersion()
	version := versionText(c.params[len(c.params)-1])
	c.time(item.Atime)
	c.time(item.Expires)
	ops := s.sql.of(key)
	st := ops.replace
	switch old {
	case store.AnyVersion:
		st = ops.put
	case "":
		st = ops.create
	default:
		if !c.version(old) {
			return "", store.ErrConflict
		}
	}
	w := s.patience.begin(ctx, 0)
	defer s.patience.leave(w)
	err := s.doWithin(w, st, c)
	switch {
	case err != nil && s.swapped(w, key, version, err):
	case err != nil:
		return "", err
	case c.affected == 0:
		return "", store.ErrConflict
	}
	return version, nil
}

// swapped reports, where the reply to a Swap was lost with its connection, whether the entry has the version that it gave it.
func (s *Store) swapped(w *wait, key string, version store.Version, err error) bool {
	if !errors.Is(err, store.ErrUnavailable) || w.why() != nil || sqlState(err) != "" && !broken(err) {
		return false
	}
	c := s.newCall(key)
	defer s.free(c)
	c.scan = scanItem
	return s.doWithin(w, s.sql.of(key).load, c) == nil && c.state <= stale && c.item.Version == version
}

// remove is a Swap with a nil item.
func (s *Store) remove(ctx context.Context, key string, old store.Version) error {
	c := s.newCall(key)
	defer s.free(c)
	ops := s.sql.of(key)
	st := ops.remove
	switch old {
	case store.AnyVersion:
		st = ops.delete
	case "":
		_, err := s.read(ctx, "swap", key, ops.state, scanState, false)
		if err == nil {
			return store.ErrConflict
		} else if err == store.ErrNotFound {
			return nil
		}
		return errors.Unwrap(err) // Swap gives it its prefix
	default:
		if !c.version(old) {
			return store.ErrConflict
		}
	}
	if err := s.do(ctx, st, c); err != nil {
		return err
	}
	if st == ops.remove && c.affected == 0 {
		return store.ErrConflict
	}
	return nil
}

// beginWrite is begin, and refuses a value that is too large before it is sent.
func (s *Store) beginWrite(ctx context.Context, op, key string, size int) error {
	if err := s.begin(ctx, op, key); err != nil {
		return err
	}
	if size > s.maxValue {
		return store.Wrap("dbstore", op, fmt.Errorf("%w: %d bytes, the limit is %d", store.ErrTooLarge, size, s.maxValue))
	}
	return nil
}

// newVersion draws a version and adds it to the parameters.
func (c *call) newVersion() {
	var bits [versionSize]byte
	rand.Read(bits[:])
	c.copied(bits[:])
}

// version adds one that somebody was given, unless it cannot be ours: then it is that of no entry.
func (c *call) version(v store.Version) bool {
	var bits [versionSize]byte
	if len(v) != hex.EncodedLen(versionSize) {
		return false
	}
	if _, err := hex.Decode(bits[:], []byte(v)); err != nil || versionText(bits[:]) != v {
		return false
	}
	c.copied(bits[:])
	return true
}

func versionText(bits []byte) store.Version { return store.Version(hex.EncodeToString(bits)) }
