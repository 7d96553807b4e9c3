package boltstore

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/larder-go/larder/internal/pause"
	"github.com/larder-go/larder/store"
)

const (
	lockWait  = 1500 * time.Millisecond // how long OpenURL waits for the file
	lockRetry = 25 * time.Millisecond
)

// OpenURL is the [store.Opener] of "bolt:" URLs; see the package comment for the parameters. The file is created where
// it does not stand. Where somebody else holds it, the error wraps [ErrLocked]. Close of what it returns closes the
// file.
func OpenURL(ctx context.Context, u *url.URL) (store.Closer, error) {
	s, err := openURL(ctx, u)
	if err != nil {
		return nil, store.Wrap("boltstore", "open", err)
	}
	return s, nil
}

func openURL(ctx context.Context, u *url.URL) (*Store, error) {
	p := store.NewParams(u)
	path := p.Path()
	o := &Options{Expiry: p.Expiry(), Bucket: p.String("x-bucket"), MaxValue: p.Int("x-max-value")}
	if err := p.Done(); err != nil {
		return nil, err
	}
	db, err := openFile(ctx, path, syncFolder)
	if err != nil {
		return nil, err
	}
	s, err := New(db, o)
	if err != nil {
		db.Close()
		return nil, errors.Unwrap(err) // OpenURL gives it its prefix
	}
	s.ownsDB, s.commits.alone = true, true
	return s, nil
}

// openFile opens the database. bbolt waits for the file's lock without an ear for ctx, so it is asked again and again.
// The folder is synced each time, not only by who creates the file: he may have been killed before he did it.
func openFile(ctx context.Context, path string, syncFolder func(string) error) (*bbolt.DB, error) {
	options := *bbolt.DefaultOptions
	options.Timeout = lockRetry // shorter than its own pause: it tries once
	// The free list stays the sorted one that is bbolt's default. The other kind allocates faster, but sorts the whole list at each
	// commit: with 27,000 free pages a cleanup took half as long again.

	giveUp := time.Now().Add(lockWait)
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		db, err := bbolt.Open(path, 0o600, &options)
		switch {
		case err == nil:
			if err := syncFolder(filepath.Dir(path)); err != nil {
				db.Close()
				return nil, cause(err)
			}
			return db, nil
		case !errors.Is(err, berrors.ErrTimeout):
			return nil, openError(err)
		case time.Now().After(giveUp):
			return nil, ErrLocked
		}
		if err := pause.For(ctx, lockRetry); errors.Is(err, context.DeadlineExceeded) {
			return nil, fmt.Errorf("%w: %w", ErrLocked, err)
		} else if err != nil {
			return nil, err
		}
	}
}

// openError says what is wrong with the file. It is the outcome of a look at it, so nothing that time would heal is
// called an outage.
func openError(err error) error {
	switch {
	case errors.Is(err, berrors.ErrInvalid) || errors.Is(err, berrors.ErrChecksum) || errors.Is(err, berrors.ErrVersionMismatch):
		return fmt.Errorf("the file is no bbolt database, or a damaged one: %w", err)
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("the folder of the file does not exist; create it first: %w", err)
	}
	return cause(err)
}

// syncFolder makes the names in a folder survive a power cut; bbolt syncs only what is in the file.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !cannotSyncFolders {
		return err
	}
	return nil
}
