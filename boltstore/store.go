package boltstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"github.com/larder-go/larder/internal/record"
	"github.com/larder-go/larder/store"
)

const (
	defaultBucket   = "larder"
	defaultMaxValue = 64 << 20

	// lagSlacks is by how many slacks an entry's place in the order by atime may lag behind its atime. With it, an entry in
	// steady use is moved every fifth time that a use of it is recorded.
	lagSlacks = 4
)

// Options are the options of [New]. nil means the zero value.
type Options struct {
	store.Expiry

	// Bucket is the name of the bucket that holds the records; "": "larder". It begins the names of two more.
	Bucket string

	// MaxValue is the largest value that is taken, in bytes; over it, [store.ErrTooLarge]. 0: 64 MiB.
	MaxValue int
}

// Store is a store in three buckets of a bbolt database. See the package comment.
type Store struct {
	db       *bbolt.DB
	expiry   store.Expiry
	lag      time.Duration // how far a place may lag behind its atime
	maxValue int
	names    bucketNames
	commits  *commits
	ownsDB   bool
	closed   atomic.Bool
}

var (
	_ store.Toucher = (*Store)(nil)
	_ store.Lister  = (*Store)(nil)
	_ store.Resumer = (*Store)(nil)
	_ store.Swapper = (*Store)(nil)
	_ store.Sweeper = (*Store)(nil)
	_ io.Closer     = (*Store)(nil)

	_ store.Inspector = (*Store)(nil)
	_ store.Expirer   = (*Store)(nil)
)

// New returns the store that db holds, and creates its buckets where they do not stand. The database remains the
// caller's: Close of the Store leaves it open. Several Stores may share a db, also with the same Bucket and
// [store.Expiry].
func New(db *bbolt.DB, o *Options) (*Store, error) {
	if o == nil {
		o = &Options{}
	}
	s := &Store{db: db, expiry: o.Expiry, maxValue: o.MaxValue}
	if s.maxValue == 0 {
		s.maxValue = defaultMaxValue
	}
	bucket := o.Bucket
	if bucket == "" {
		bucket = defaultBucket
	}
	s.names = newBucketNames(bucket)
	s.lag = lagSlacks * min(s.expiry.Slack(), maxLag/lagSlacks) // the product itself may overflow
	s.commits = newCommits(db, &s.names)

	err := o.Expiry.Validate()
	switch {
	case err != nil:
	case s.maxValue < 0 || s.maxValue > record.MaxValue:
		err = fmt.Errorf("a MaxValue of %d bytes; it must be from 1 to %d, or 0 for the default",
			s.maxValue, record.MaxValue)
	case strings.IndexByte(bucket, 0) >= 0 || len(bucket) > store.MaxKeyLen:
		err = fmt.Errorf("the name of the bucket holds a NUL byte or is longer than %d bytes", store.MaxKeyLen)
	case db == nil:
		err = errors.New("no database was given")
	default:
		if err = s.settle(); err == nil {
			err = s.createBuckets()
		}
		err = cause(err)
	}
	if err != nil {
		return nil, store.Wrap("boltstore", "open", err)
	}
	return s, nil
}

// settle makes durable what is visible. Whoever had the file before may have been killed between the write of a
// commit's meta page and the fsync after it: we would see that commit, and a power cut would still take it away. A
// Delete of what it removed would be acknowledged without a write, and our own commits would reuse pages that the state
// before it needs.
func (s *Store) settle() error {
	if s.db.NoSync || s.db.IsReadOnly() {
		return nil
	}
	return s.db.Sync()
}

// maxLag bounds the lag for those who set a TouchAfter of hours.
const maxLag = time.Hour

// createBuckets looks before it writes, since a commit costs two fsyncs.
func (s *Store) createBuckets() error {
	var found int
	err := s.db.View(func(tx *bbolt.Tx) error {
		for _, name := range s.names {
			if tx.Bucket(name) != nil {
				found++
			}
		}
		return s.checkForeign(tx, found)
	})
	if err != nil || found == len(s.names) {
		return err
	}
	return s.db.Update(func(tx *bbolt.Tx) error {
		for _, name := range s.names {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return nil
	})
}

// checkForeign refuses a bucket that bears our name but not our company: somebody else's.
func (s *Store) checkForeign(tx *bbolt.Tx, found int) error {
	records := tx.Bucket(s.names[records])
	if records == nil || found == len(s.names) {
		return nil
	}
	if k, _ := records.Cursor().First(); k == nil {
		return nil
	}
	return errors.New("the bucket is there and was not written by this package; choose another name (x-bucket)")
}

// Expiry returns that of the [Options].
func (s *Store) Expiry() (store.Expiry, error) { return s.expiry, nil }

// Close lets go of the store, and of the file if [OpenURL] opened it: then it waits for the transactions under way.
// Whatever is called afterwards fails with an error that wraps [os.ErrClosed].
func (s *Store) Close() error {
	if s.closed.Swap(true) || !s.ownsDB {
		return nil
	}
	return store.Wrap("boltstore", "close", cause(s.db.Close()))
}

// ready tells whether op may begin: the store is open and ctx has not ended.
func (s *Store) ready(ctx context.Context, op string) error {
	if s.closed.Load() {
		return store.Wrap("boltstore", op, os.ErrClosed)
	}
	if err := ctx.Err(); err != nil {
		return store.Wrap("boltstore", op, err)
	}
	return nil
}

// begin checks what every operation on one key checks.
func (s *Store) begin(ctx context.Context, op, key string) error {
	if err := store.CheckKey(key); err != nil {
		return store.Wrap("boltstore", op, err)
	}
	return s.ready(ctx, op)
}
