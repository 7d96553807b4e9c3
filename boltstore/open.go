package boltstore

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

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
	path, err := filePath(u)
	if err != nil {
		return nil, err
	}
	p := store.NewParams(u)
	o := &Options{Expiry: p.Expiry(), Bucket: p.String("x-bucket"), MaxValue: p.Int("x-max-value")}
	if err := p.Done(); err != nil {
		return nil, err
	}
	db, err := openFile(ctx, path)
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

// filePath returns the path that u names: its path, or what follows "bolt:".
func filePath(u *url.URL) (string, error) {
	path := u.Path
	if u.Opaque != "" {
		var err error
		if path, err = url.PathUnescape(u.Opaque); err != nil {
			return "", errors.New("the path in the URL is not percent-encoded as it must be")
		}
	}
	switch {
	case u.Host != "":
		return "", errors.New("the URL names a host; a file is bolt:///abs/file.db or bolt:./file.db")
	case path == "" || strings.HasSuffix(path, "/"):
		return "", errors.New("the URL names no file; write bolt:///abs/file.db or bolt:./file.db")
	}
	if len(path) > 2 && path[0] == '/' && filepath.VolumeName(path[1:]) != "" { // file:///C:/x on Windows
		path = path[1:]
	}
	return filepath.FromSlash(path), nil
}

// openFile opens the database. bbolt waits for the file's lock without an ear for ctx, so it is asked again and again.
func openFile(ctx context.Context, path string) (*bbolt.DB, error) {
	_, err := os.Stat(path)
	created := errors.Is(err, os.ErrNotExist)
	options := *bbolt.DefaultOptions
	options.Timeout = lockRetry // shorter than its own pause: it tries once
	options.FreelistType = bbolt.FreelistMapType
	giveUp := time.Now().Add(lockWait)
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		db, err := bbolt.Open(path, 0o600, &options)
		switch {
		case err == nil:
			if created {
				err = syncFolder(filepath.Dir(path))
			}
			if err != nil {
				db.Close()
				return nil, cause(err)
			}
			return db, nil
		case !errors.Is(err, berrors.ErrTimeout):
			return nil, openError(err)
		case time.Now().After(giveUp):
			return nil, ErrLocked
		}
		if err := pause(ctx, lockRetry); errors.Is(err, context.DeadlineExceeded) {
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

// syncFolder makes the name of a new file survive a power cut; bbolt syncs only what is in the file.
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
