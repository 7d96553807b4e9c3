package redisstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/internal/record"
	"github.com/larder-go/larder/store"
)

const (
	defaultPrefix   = "larder:"
	defaultMaxValue = 64 << 20
)

// Options are the options of [New]. nil means the zero value.
type Options struct {
	store.Expiry

	// Prefix begins the Redis keys of the store; "": "larder:". See the package comment.
	Prefix string

	// MaxValue is the largest value that is taken, in bytes; over it, [store.ErrTooLarge]. 0: 64 MiB.
	MaxValue int
}

// Store is a store in a Redis database. See the package comment.
type Store struct {
	*link
	expiry   store.Expiry
	prefix   string
	maxValue int
	slack    int64 // µs
	limit    int64 // µs after its atime at which an entry is absent; 0: never
}

var (
	_ store.Toucher   = (*Store)(nil)
	_ store.Lister    = (*Store)(nil)
	_ store.Swapper   = (*Store)(nil)
	_ store.Sweeper   = (*Store)(nil)
	_ store.Inspector = (*Store)(nil)
	_ store.Expirer   = (*Store)(nil)
	_ io.Closer       = (*Store)(nil)
)

// New returns the store that client holds. It asks the server nothing. The client remains the caller's: Close of the Store leaves it open.
// It may be a *redis.Client, also one for Sentinel, or a *redis.ClusterClient; not a *redis.Ring, whose servers come and go with
// their entries: package shard does that with a promise.
func New(client redis.UniversalClient, o *Options) (*Store, error) {
	s, err := newStore(client, o)
	if err != nil {
		return nil, store.Wrap("redisstore", "open", err)
	}
	return s, nil
}

func newStore(client redis.UniversalClient, o *Options) (*Store, error) {
	if o == nil {
		o = &Options{}
	}
	l, err := newLink(client)
	if err != nil {
		return nil, err
	}
	s := &Store{link: l, expiry: o.Expiry, prefix: o.Prefix, maxValue: o.MaxValue}
	if s.prefix == "" {
		s.prefix = defaultPrefix
	}
	if s.maxValue == 0 {
		s.maxValue = defaultMaxValue
	}
	switch {
	case s.maxValue < 0 || s.maxValue > record.MaxValue:
		return nil, fmt.Errorf("a MaxValue of %d bytes; it must be from 1 to %d, or 0 for the default", s.maxValue, record.MaxValue)
	case strings.IndexByte(s.prefix, 0) >= 0 || len(s.prefix) > store.MaxKeyLen:
		return nil, fmt.Errorf("the prefix holds a NUL byte or is longer than %d bytes", store.MaxKeyLen)
	}
	if err := o.Expiry.Validate(); err != nil {
		return nil, err
	}
	s.slack, s.limit = expiryMicros(o.Expiry)
	return s, nil
}

// expiryMicros returns the slack, and how long after its atime an entry is absent; 0: never. Both are rounded up: that is never too early.
func expiryMicros(e store.Expiry) (slack, limit int64) {
	slack = micros(e.Slack())
	if e.Timeout > 0 && !e.Cutoff(time.Now(), 0).IsZero() { // as a Duration the sum may overflow: never, then
		limit = micros(e.Timeout) + slack
	}
	return slack, limit
}

// limitOf is limit for the key: a reserved one lives until its deadline.
func (s *Store) limitOf(key string) int64 {
	if store.Reserved(key) {
		return 0
	}
	return s.limit
}

// micros rounds up.
func micros(d time.Duration) int64 { return int64((d + time.Microsecond - 1) / time.Microsecond) }

var errNoClient = errors.New("no client was given")

// Expiry returns that of the [Options].
func (s *Store) Expiry() (store.Expiry, error) { return s.expiry, nil }

// Close lets go of the store, and closes the connections if [OpenURL] opened them. Whatever is called afterwards fails with an error that
// wraps [os.ErrClosed].
func (s *Store) Close() error {
	return store.Wrap("redisstore", "close", s.close())
}

// begin checks what every operation on one key checks, and returns the key's name in Redis.
func (s *Store) begin(ctx context.Context, op, key string) (string, error) {
	if err := store.CheckKey(key); err != nil {
		return "", store.Wrap("redisstore", op, err)
	}
	if err := s.ready(ctx, op); err != nil {
		return "", err
	}
	return s.prefix + key, nil
}
