package diskstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/larder-go/larder/internal/folder"
	"github.com/larder-go/larder/store"
)

var (
	errNotFile   = corrupt("something else than a file stands in its place")
	errMisplaced = corrupt("it stands in another one's place")
)

// refused is an error of Open's own judgement, not of the file system.
type refused struct{ error }

func (r refused) Unwrap() error { return r.error }

// wrap gives an error its prefix, and calls what the file system refused by the contract's name.
func wrap(op string, err error) error {
	if err == nil || err == store.ErrNotFound {
		return err
	}
	return store.Wrap("diskstore", op, classify(err))
}

// classify returns an outage for what a file system call returned; the errors of the contract, of contexts and of
// closed stores pass.
func classify(err error) error {
	for _, known := range []error{
		store.ErrNotFound, store.ErrConflict, store.ErrInvalidKey, store.ErrTooLarge, store.ErrCorrupt, store.ErrUnavailable,
		context.Canceled, context.DeadlineExceeded, os.ErrClosed,
	} {
		if errors.Is(err, known) {
			return err
		}
	}
	var own refused
	if errors.As(err, &own) {
		return err
	}
	err = folder.Cause(err)
	return fmt.Errorf("%w: %w%s", store.ErrUnavailable, err, advice(err))
}

// advice says what the user can do.
func advice(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return " (make room, of bytes or of inodes, on the store's file system; the old value stands)"
	case errors.Is(err, syscall.EDQUOT):
		return " (make room in the user's quota; the old value stands)"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return " (raise the limit of open files; a store holds up to 256)"
	case errors.Is(err, syscall.EROFS):
		return " (mount the store's file system for writing)"
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ELOOP):
		return " (something else stands where the store has a folder; move it away)"
	case errors.Is(err, syscall.EISDIR):
		return " (a folder stands where the store has a file; move it away)"
	case errors.Is(err, fs.ErrPermission):
		return " (the store's folder and files must belong to the user that opens it)"
	case errors.Is(err, syscall.EFBIG):
		return " (raise the limit of the size of files; the old value stands)"
	case errors.Is(err, fs.ErrNotExist):
		return " (the store's folder was removed under it; open it again)"
	case errors.Is(err, syscall.EIO), errors.Is(err, io.ErrShortWrite):
		return " (look into the system's log for a failing disk)"
	}
	return ""
}
