package dbstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/larder-go/larder/migrations"
	"github.com/larder-go/larder/store"
)

const (
	defaultMaxValue  = 64 << 20
	largestMaxValue  = 512 << 20 // PostgreSQL takes messages below 1 GiB, and its errors beyond that are of all kinds
	defaultOpTimeout = 10 * time.Second
)

// Options are the options of [New]. nil means the zero value.
type Options struct {
	store.Expiry

	// Table is the name of the table, as it is: case counts. "": "larder_entries".
	Table string

	// Schema is the schema of the table; "": where the search_path finds it.
	Schema string

	// MaxValue is the largest value that is taken, in bytes; over it, [store.ErrTooLarge]. 0: 64 MiB.
	MaxValue int

	// OpTimeout bounds a call whose context has no deadline, or each batch of a sweep and each page of a List; over it, [store.ErrUnavailable]. 0: 10 seconds.
	OpTimeout time.Duration
}

// Store is a store in a PostgreSQL table. See the package comment.
type Store struct {
	pool      lender
	schema    string
	table     string // with the schema, quoted
	expiry    store.Expiry
	maxValue  int
	opTimeout time.Duration
	maxConns  int
	sql       *statements
	unnamed   atomic.Bool // statements are not prepared
	choosy    bool        // connections that cannot write are not taken, and not kept
	patience  patience
	calls     sync.Pool // of *call
	late      late
	own       *pool // the pool, if OpenURL has made it
	closed    atomic.Bool
}

var (
	_ store.Toucher   = (*Store)(nil)
	_ store.Lister    = (*Store)(nil)
	_ store.Resumer   = (*Store)(nil)
	_ store.Swapper   = (*Store)(nil)
	_ store.Sweeper   = (*Store)(nil)
	_ store.Inspector = (*Store)(nil)
	_ store.Expirer   = (*Store)(nil)
	_ io.Closer       = (*Store)(nil)
)

// New returns the store in a table of the pool's database. It asks the server nothing. The pool remains the caller's: Close of the Store
// leaves it open.
func New(pool *pgxpool.Pool, o *Options) (*Store, error) {
	if pool == nil {
		return nil, store.Wrap("dbstore", "open", errors.New("no pool was given"))
	}
	s, err := newStore(given{pool}, pool.Config(), o)
	if err != nil {
		return nil, store.Wrap("dbstore", "open", err)
	}
	return s, nil
}

func newStore(pool lender, config *pgxpool.Config, o *Options) (*Store, error) {
	if o == nil {
		o = &Options{}
	}
	s := &Store{pool: pool, schema: o.Schema, expiry: o.Expiry, maxValue: o.MaxValue, opTimeout: o.OpTimeout}
	if s.maxValue == 0 {
		s.maxValue = defaultMaxValue
	}
	if s.opTimeout == 0 {
		s.opTimeout = defaultOpTimeout
	}
	table := o.Table
	if table == "" {
		table = migrations.DefaultTable
	}
	if err := o.Expiry.Validate(); err != nil {
		return nil, err
	}
	if _, err := migrations.All(o.Schema, table); err != nil {
		return nil, err
	}
	switch {
	case s.maxValue < 0 || s.maxValue > largestMaxValue:
		return nil, fmt.Errorf("a MaxValue of %d bytes; it must be from 1 to %d, or 0 for the default", s.maxValue, largestMaxValue)
	case s.opTimeout < 0:
		return nil, fmt.Errorf("the OpTimeout of %v is negative; 0 is the default", s.opTimeout)
	}
	name := pgx.Identifier{table}
	if o.Schema != "" {
		name = pgx.Identifier{o.Schema, table}
	}
	s.table = name.Sanitize()
	s.maxConns = int(config.MaxConns)
	s.choosy = config.ConnConfig.ValidateConnect != nil
	mode := config.ConnConfig.DefaultQueryExecMode
	s.unnamed.Store(mode != pgx.QueryExecModeCacheStatement)
	s.sql = newStatements(s.table, s.expiry)
	s.patience.limit = s.opTimeout
	return s, nil
}

// Expiry returns that of the [Options].
func (s *Store) Expiry() (store.Expiry, error) { return s.expiry, nil }

// Close lets go of the store, and of the pool if [OpenURL] opened it: then it waits for the calls under way, for a moment, and breaks them off after
// that. Whatever is called afterwards fails with an error that wraps [os.ErrClosed].
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	if s.own != nil {
		s.own.close()
	}
	return nil
}

// ready tells whether op may begin: the store is open and ctx has not ended.
func (s *Store) ready(ctx context.Context, op string) error {
	if s.closed.Load() {
		return store.Wrap("dbstore", op, os.ErrClosed)
	}
	if err := ctx.Err(); err != nil {
		return store.Wrap("dbstore", op, err)
	}
	return nil
}

// begin checks what every operation on one key checks.
func (s *Store) begin(ctx context.Context, op, key string) error {
	if err := store.CheckKey(key); err != nil {
		return store.Wrap("dbstore", op, err)
	}
	return s.ready(ctx, op)
}
