package memstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/larder-go/larder/internal/record"
	"github.com/larder-go/larder/store"
)

const (
	// defaultMaxValue leaves room for the longest key in the 1 MiB that a server takes for an item unless told otherwise by -I.
	defaultMaxValue = 1_000_000

	// defaultMaxConns is far below the 1,024 connections that a server takes unless told otherwise by -c: a dozen processes share it.
	defaultMaxConns = 64
)

// Options are the options of [New]. nil means the zero value.
type Options struct {
	store.Expiry

	// MaxValue is the largest value that is taken, in bytes; over it, [store.ErrTooLarge]. 0: 1,000,000. The servers must
	// take it, too (-I): see Limits in the package comment.
	MaxValue int

	// KeyPrefix begins every key in memcached. Stores that share a server differ in it, and none begins with another's: end it
	// with a separator. It holds no spaces and no control characters, and 100 bytes at most.
	KeyPrefix string

	// MaxConns is how many connections to one server are open at a time, at most. 0: 64. The client keeps as many as its own
	// MaxIdleConns says for the next request, so set that to the same number; its default is 2.
	MaxConns int

	// Selector is what the client was made with by memcache.NewFromSelector. With it, each server has MaxConns connections of its own,
	// so that one which does not answer holds up nobody but those who ask it, and Inspect can ask each. Without, MaxConns is for
	// all servers together, and Inspect has little to tell.
	Selector memcache.ServerSelector
}

// Store is a store in memcached servers. See the package comment.
type Store struct {
	client   *memcache.Client
	expiry   store.Expiry
	idle     int64 // Expiry.Timeout as memcached is told it, in seconds; 0: none
	maxValue int
	maxConns int
	prefix   string
	selector memcache.ServerSelector
	patience time.Duration // how long a request without deadline waits for a connection

	all      *server // where there is no selector
	mu       sync.RWMutex
	servers  map[string]*server // by address
	forgetAt int                // with how many servers those that are no longer named are forgotten

	calls  sync.Pool // of *call
	adrift adrift
	idlers idlers
	others others

	owned  bool
	closed atomic.Bool
}

var (
	_ store.Toucher   = (*Store)(nil)
	_ store.Swapper   = (*Store)(nil)
	_ store.Sweeper   = (*Store)(nil)
	_ store.Inspector = (*Store)(nil)
	_ store.Expirer   = (*Store)(nil)
	_ io.Closer       = (*Store)(nil)
)

// New returns a store in the servers of client. It asks none of them. The client remains the caller's: Close of the Store leaves it
// open. Its Timeout bounds every request.
func New(client *memcache.Client, o *Options) (*Store, error) {
	s, err := newStore(client, o)
	if err != nil {
		return nil, store.Wrap("memstore", "open", err)
	}
	return s, nil
}

func newStore(client *memcache.Client, o *Options) (*Store, error) {
	if o == nil {
		o = &Options{}
	}
	s := &Store{client: client, expiry: o.Expiry, maxValue: o.MaxValue, maxConns: o.MaxConns, prefix: o.KeyPrefix, selector: o.Selector}
	if s.maxValue == 0 {
		s.maxValue = defaultMaxValue
	}
	if s.maxConns == 0 {
		s.maxConns = defaultMaxConns
	}
	err := o.Expiry.Validate()
	switch {
	case err != nil:
	case s.maxValue < 0 || s.maxValue > record.MaxValue:
		err = fmt.Errorf("a MaxValue of %d bytes; it must be from 1 to %d, or 0 for the default", s.maxValue, record.MaxValue)
	case s.maxConns < 0:
		err = fmt.Errorf("a MaxConns of %d; it must be 1 or more, or 0 for the default", s.maxConns)
	case len(s.prefix) > maxPrefix || !isPlain(s.prefix):
		err = fmt.Errorf("the KeyPrefix holds a space or a control character, or is longer than %d bytes", maxPrefix)
	case client == nil:
		err = errors.New("no client was given")
	}
	if err != nil {
		return nil, err
	}
	s.idle = idleSeconds(s.expiry.Timeout, s.expiry.Slack())
	s.patience = client.Timeout + time.Second
	if client.Timeout == 0 {
		s.patience = memcache.DefaultTimeout + time.Second
	}
	s.all = newServer(s.maxConns)
	s.servers, s.forgetAt = make(map[string]*server), minServers
	s.calls.New = func() any { return &call{store: s, done: make(chan struct{}, 1)} }
	s.adrift.calls = make(map[*call]struct{})
	return s, nil
}

// Expiry returns that of the [Options].
func (s *Store) Expiry() (store.Expiry, error) { return s.expiry, nil }

// Close lets go of the store, and of the connections if [OpenURL] opened it; a request under way closes its own when it ends.
// Whatever is called afterwards fails with an error that wraps [os.ErrClosed].
func (s *Store) Close() error {
	if s.closed.Swap(true) || !s.owned {
		return nil
	}
	s.client.Close() // of connections that are idle: nothing is lost, and no error of interest
	return nil
}

// ready tells whether op may begin: the store is open and ctx has not ended.
func (s *Store) ready(ctx context.Context, op string) error {
	if s.closed.Load() {
		return store.Wrap("memstore", op, os.ErrClosed)
	}
	if err := ctx.Err(); err != nil {
		return store.Wrap("memstore", op, err)
	}
	return nil
}

// begin checks what every operation on one key checks. That the key is checked here matters: the client lets an empty one through, and
// what the server then takes for a command is the value.
func (s *Store) begin(ctx context.Context, op, key string) error {
	if err := store.CheckKey(key); err != nil {
		return store.Wrap("memstore", op, err)
	}
	return s.ready(ctx, op)
}
