package boltstore

import (
	"errors"
	"fmt"
	"os"

	berrors "go.etcd.io/bbolt/errors"

	"github.com/larder-go/larder/store"
)

// ErrLocked says that somebody else holds the file. It wraps [store.ErrUnavailable].
var ErrLocked = fmt.Errorf("%w: the file is held by another process, or twice by this one, and bbolt lets only one hold it; "+
	"stop the holder, or clean up inside it with cleanup.Loop", store.ErrUnavailable)

// errNoBucket says that somebody deleted our buckets under our hands.
var errNoBucket = fmt.Errorf("%w: the store's buckets are no longer in the database; open the store again to create them",
	store.ErrUnavailable)

// cause says in the words of package store what bbolt and the system say; both can be asked for.
func cause(err error) error {
	switch {
	case err == nil || errors.Is(err, store.ErrUnavailable) || errors.Is(err, os.ErrClosed):
		return err
	case errors.Is(err, berrors.ErrDatabaseNotOpen) || errors.Is(err, berrors.ErrTxClosed):
		return fmt.Errorf("%w: %w", os.ErrClosed, err)
	}
	return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
}
