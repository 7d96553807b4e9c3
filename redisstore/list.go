package redisstore

import (
	"context"
	"iter"
	"time"

	"github.com/larder-go/larder/internal/record"
	"github.com/larder-go/larder/store"
)

// List is [store.Lister]'s. It goes through the whole database by SCAN, and reads of each entry no more than its beginning.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		err := s.ready(ctx, "list")
		var c *scanner
		if err == nil {
			c, err = s.scan(ctx, prefix)
			err = store.Wrap("redisstore", "list", err)
		}
		for more := true; more; {
			var page []found
			if err == nil {
				page, more, err = c.page(ctx)
				err = store.Wrap("redisstore", "list", err)
			}
			for _, f := range page {
				if err == nil {
					err = s.ready(ctx, "list")
				}
				if err != nil {
					break
				}
				if store.Reserved(f.key) || f.err == nil && s.lapsed(ctx, &f) {
					continue
				}
				if !yield(f.info(), store.Wrap("redisstore", "list", f.err)) {
					return
				}
			}
			if err == nil && more {
				err = s.ready(ctx, "list")
			}
			if err != nil {
				yield(store.Info{}, err)
				return
			}
		}
	}
}

func (f *found) info() store.Info {
	if f.err != nil {
		return store.Info{}
	}
	return store.Info{Key: f.key, Size: f.record.size, Atime: time.UnixMicro(f.atime), Expires: record.Time(f.record.expires)}
}

// nativeLag is longer than the server takes to expire what it must, with all that an estimated atime may be off.
const nativeLag = int64(time.Second / time.Microsecond)

// lapsed tells whether an entry that the server has not expired is absent all the same, by the estimate of its clock. That is so for a
// millisecond after a deadline, and for entries that were written while another Timeout was set.
func (s *Store) lapsed(ctx context.Context, f *found) bool {
	if f.deadline == 0 && s.limit == 0 {
		return false
	}
	low, _, err := s.serverTime(ctx, s.prefix+f.key)
	if err != nil {
		return false
	}
	return f.deadline != 0 && low >= f.deadline || s.limit > 0 && low-f.atime > s.limit+nativeLag
}
