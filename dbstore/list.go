package dbstore

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"

	"github.com/larder-go/larder/store"
)

// listed is a row of a page.
type listed struct {
	info store.Info
	live bool
}

// List is [store.Lister]'s. The order is that of the keys' bytes. Each page is one statement, and no connection is held between two.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) { s.list(ctx, "list", prefix, prefix, yield) }
}

// ListAfter is [store.Resumer]'s, in the order of List.
func (s *Store) ListAfter(ctx context.Context, prefix, after string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		from := prefix
		if after != "" {
			if err := store.CheckKey(after); err != nil {
				yield(store.Info{}, store.Wrap("dbstore", "list after", fmt.Errorf("the key to begin behind: %w", err)))
				return
			}
			from = max(prefix, after+"\x00")
		}
		s.list(ctx, "list after", prefix, from, yield)
	}
}

// list lists what stands at from and after it.
func (s *Store) list(ctx context.Context, op, prefix, from string, yield func(store.Info, error) bool) {
	var page []listed
	for end := after(prefix); ; {
		err := s.ready(ctx, op)
		if err == nil {
			page, err = s.page(ctx, page[:0], from, end)
			err = store.Wrap("dbstore", op, err)
		}
		if err != nil {
			yield(store.Info{}, err)
			return
		}
		for _, row := range page {
			if !row.live || store.Reserved(row.info.Key) {
				continue
			}
			if err := s.ready(ctx, op); err != nil {
				yield(store.Info{}, err)
				return
			}
			if !yield(row.info, nil) {
				return
			}
		}
		if len(page) < listPage {
			return
		}
		from = page[len(page)-1].info.Key + "\x00"
	}
}

// page reads what stands at from and after it, and before end, if there is an end.
func (s *Store) page(ctx context.Context, page []listed, from string, end []byte) ([]listed, error) {
	c := s.newCall(from)
	defer s.free(c)
	st := s.sql.list
	if end != nil {
		st = s.sql.listBelow
		c.bytes(end)
	}
	c.page, c.scan = page, scanListed
	err := s.do(ctx, st, c)
	return c.page, err
}

func scanListed(c *call, columns [][]byte) {
	c.page = append(c.page, listed{
		info: store.Info{
			Key:     string(columns[0]),
			Size:    int64(binary.BigEndian.Uint32(columns[1])),
			Atime:   parseTime(columns[2]),
			Expires: parseTime(columns[3]),
		},
		live: columns[4][0] != 0,
	})
}

// after is the first key beyond all that begin with prefix; nil: there is none.
func after(prefix string) []byte {
	end := []byte(prefix)
	for len(end) > 0 && end[len(end)-1] == 0xff {
		end = end[:len(end)-1]
	}
	if len(end) == 0 {
		return nil
	}
	end[len(end)-1]++
	return end
}
