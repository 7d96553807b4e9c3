package diskstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"github.com/larder-go/larder/internal/record"
	"github.com/larder-go/larder/store"
)

// Options are the options of [Open]. nil means the zero value.
type Options struct {
	store.Expiry

	// MaxValue is the largest value that is taken, in bytes; over it, [store.ErrTooLarge]. 0: 64 MiB. At most 1 GiB.
	MaxValue int

	// AllowNetworkFS lets a store open on a network file system, where several machines, or a crash, may lose what it
	// promises.
	AllowNetworkFS bool
}

const defaultMaxValue = 64 << 20

// Store is a folder of entries. Make one with [Open]. It serves many goroutines, and many processes may open one folder.
type Store struct {
	expiry   store.Expiry
	maxValue int
	shards   shards
	closed   chan struct{}
	close    sync.Once
	buffers  sync.Pool // of *[]byte
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

// Open opens the store in the folder dir, and makes the folder if it is missing. A folder that holds other things is
// taken too: the store leaves alone what it has not written. Close lets go of it.
func Open(dir string, o *Options) (*Store, error) {
	if o == nil {
		o = &Options{}
	}
	s := &Store{expiry: o.Expiry, maxValue: o.MaxValue, closed: make(chan struct{})}
	if s.maxValue == 0 {
		s.maxValue = defaultMaxValue
	}
	s.buffers.New = func() any {
		b := make([]byte, firstRead)
		return &b
	}
	switch err := o.Validate(); {
	case err != nil:
		return nil, fmt.Errorf("diskstore: open: %w", err)
	case dir == "":
		return nil, errors.New("diskstore: open: the path of the folder is empty")
	case s.maxValue < 0 || s.maxValue > record.MaxValue:
		return nil, fmt.Errorf("diskstore: open: MaxValue must lie between 1 and %d bytes", record.MaxValue)
	}
	root, err := openRoot(filepath.Clean(dir), o.AllowNetworkFS)
	if err != nil {
		return nil, wrap("open", err)
	}
	s.shards.init(root)
	return s, nil
}

// OpenURL is the [store.Opener] of "file:" URLs.
func OpenURL(ctx context.Context, u *url.URL) (store.Closer, error) {
	p := store.NewParams(u)
	o := &Options{
		Expiry:         p.Expiry(),
		MaxValue:       p.Int("x-max-value"),
		AllowNetworkFS: p.Bool("x-allow-network-fs"),
	}
	path := p.Path()
	if err := p.Done(); err != nil {
		return nil, store.Wrap("diskstore", "open", err)
	}
	if err := ctx.Err(); err != nil {
		return nil, wrap("open", err)
	}
	s, err := Open(path, o)
	if err != nil {
		return nil, err // not s: a nil *Store is no nil Closer
	}
	return s, nil
}

// Expiry returns that of the [Options].
func (s *Store) Expiry() (store.Expiry, error) { return s.expiry, nil }

// Close waits for the calls that are at work, and lets go of the folder. Whatever is called afterwards fails with an error that wraps
// [os.ErrClosed].
func (s *Store) Close() error {
	s.close.Do(func() {
		close(s.closed)
		s.shards.close()
	})
	return nil
}

// ready tells whether an operation may begin: the store is open and ctx has not ended.
func (s *Store) ready(ctx context.Context) error {
	select {
	case <-s.closed:
		return os.ErrClosed
	default:
		return ctx.Err()
	}
}

// begin checks what every operation on one key checks, and finds the key's place.
func (s *Store) begin(ctx context.Context, key string) (place, error) {
	if err := store.CheckKey(key); err != nil {
		return place{}, err
	}
	if err := s.ready(ctx); err != nil {
		return place{}, err
	}
	return placeOf(key), nil
}
