package boltstore

import (
	"context"
	"fmt"
	"time"

	"github.com/larder-go/larder/internal/record"
	"github.com/larder-go/larder/store"
)

// Set is [store.Store]'s.
func (s *Store) Set(ctx context.Context, key string, value []byte) error {
	_, err := s.write(ctx, "set", key, store.AnyVersion, &store.Item{Value: value})
	return err
}

// Delete is [store.Store]'s.
func (s *Store) Delete(ctx context.Context, key string) error {
	_, err := s.write(ctx, "delete", key, store.AnyVersion, nil)
	return err
}

// Swap is [store.Swapper]'s.
func (s *Store) Swap(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
	return s.write(ctx, "swap", key, old, item)
}

// write is Swap, and with AnyVersion also Set and Delete.
func (s *Store) write(ctx context.Context, op, key string, old store.Version, item *store.Item) (store.Version, error) {
	if err := s.begin(ctx, op, key); err != nil {
		return "", err
	}
	var fresh []byte
	var h head
	var version store.Version
	if item != nil {
		if len(item.Value) > s.maxValue {
			return "", store.Wrap("boltstore", op,
				fmt.Errorf("%w: %d bytes, the limit is %d", store.ErrTooLarge, len(item.Value), s.maxValue))
		}
		fresh, h, version = encode(key, item)
	}

	err := s.commits.do(ctx, len(fresh), func(t *txn) error {
		k := []byte(key)
		stored := t.get(k)
		if old != store.AnyVersion {
			found, err := s.versionOf(stored, key, t.now)
			if err != nil {
				return err
			}
			if found != old {
				return store.ErrConflict
			}
		}
		if fresh == nil {
			if stored != nil {
				t.remove(k, stored)
			}
			return nil
		}
		h := h
		if now := record.Nanos(t.now); h.atime == 0 || h.atime > now {
			h.atime = now
		}
		t.put(k, stored, fresh, h, s.lag)
		return nil
	})
	if err != nil {
		return "", store.Wrap("boltstore", op, err)
	}
	return version, nil
}

// encode copies the item before it is handed over: the commit may still read it when the caller has left and changed its
// slice. The head's room is left open.
func encode(key string, item *store.Item) ([]byte, head, store.Version) {
	written := wallNow()
	if !item.Atime.IsZero() && item.Atime.Before(written) {
		written = item.Atime
	}
	r := record.Record{Key: key, Value: item.Value, Version: record.NewVersion(), Expires: item.Expires, Written: written}
	buf := make([]byte, headSize, headSize+r.Size())
	return r.Append(buf), head{atime: record.Nanos(item.Atime), deadline: record.Nanos(item.Expires)}, r.Version.Text()
}

// versionOf returns the version of what is stored, "" for nothing and for what is absent.
func (s *Store) versionOf(stored []byte, key string, now time.Time) (store.Version, error) {
	if stored == nil {
		return "", nil
	}
	e, err := parse(stored, key)
	if err != nil || e.absent(s.expiry.For(key), now) {
		return "", err
	}
	return e.version.Text(), nil
}
