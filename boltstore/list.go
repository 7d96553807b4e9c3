package boltstore

import (
	"bytes"
	"context"
	"fmt"
	"iter"

	"github.com/larder-go/larder/internal/record"
	"github.com/larder-go/larder/store"
)

// A read transaction of List ends after so many entries looked at, or so many bytes read, whichever comes first.
const (
	listChunk = 256
	listBytes = 8 << 20
)

// List is [store.Lister]'s. The order is that of the keys' bytes.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) { s.list(ctx, "list", prefix, "", yield) }
}

// ListAfter is [store.Resumer]'s, in the order of List.
func (s *Store) ListAfter(ctx context.Context, prefix, after string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) { s.list(ctx, "list after", prefix, after, yield) }
}

func (s *Store) list(ctx context.Context, op, prefix, after string, yield func(store.Info, error) bool) {
	var page []listed
	from, more := []byte(prefix), true
	if after != "" {
		if err := store.CheckKey(after); err != nil {
			yield(store.Info{}, store.Wrap("boltstore", op, fmt.Errorf("the key to begin behind: %w", err)))
			return
		}
		from = []byte(max(prefix, after+"\x00"))
	}
	for more {
		err := s.ready(ctx, op)
		if err == nil {
			page, from, more, err = s.page(page[:0], from, []byte(prefix))
			err = store.Wrap("boltstore", op, err)
		}
		if err != nil {
			yield(store.Info{}, err)
			return
		}
		for _, l := range page {
			if err := s.ready(ctx, op); err != nil {
				yield(store.Info{}, err)
				return
			}
			if !yield(l.info, store.Wrap("boltstore", op, l.err)) {
				return
			}
		}
	}
}

type listed struct {
	info store.Info
	err  error // wraps ErrCorrupt
}

// page reads what stands at from and after it, and returns where the next page begins.
func (s *Store) page(page []listed, from, prefix []byte) (_ []listed, next []byte, more bool, err error) {
	tx, err := s.db.Begin(false)
	if err != nil {
		return nil, nil, false, cause(err)
	}
	defer tx.Rollback()
	bucket := tx.Bucket(s.names[records])
	if bucket == nil {
		return nil, nil, false, errNoBucket
	}
	now := wallNow()
	c := bucket.Cursor()
	var looked, read int
	for k, stored := c.Seek(from); k != nil && bytes.HasPrefix(k, prefix); k, stored = c.Next() {
		if looked == listChunk || read > listBytes {
			return page, bytes.Clone(k), true, nil
		}
		looked++
		read += len(stored)
		if reserved(k) {
			continue
		}
		e, err := parse(stored, string(k))
		switch {
		case err != nil:
			page = append(page, listed{err: err})
		case !e.absent(s.expiry, now):
			page = append(page, listed{info: store.Info{
				Key:     string(k),
				Size:    int64(len(e.value)),
				Atime:   record.Time(e.atime),
				Expires: record.Time(e.deadline),
			}})
		}
	}
	return page, nil, false, nil
}
