package store

import (
	"context"
	"errors"
	"fmt"
)

// The errors that every store speaks. Test for them with [errors.Is]; besides these a store returns the errors of
// its context, errors that wrap [errors.ErrUnsupported], and, after Close, errors that wrap [os.ErrClosed].
var (
	// ErrNotFound says that no live entry stands under the key. It is always returned bare.
	ErrNotFound = errors.New("store: no such entry")

	// ErrConflict says that a Swap found another version than the one it was given. Load again and decide anew,
	// or let [Update] do so.
	ErrConflict = errors.New("the entry has changed since it was loaded")

	// ErrInvalidKey says that the key breaks the rule of [CheckKey].
	ErrInvalidKey = errors.New("invalid key")

	// ErrInvalidURL says that a URL names no store: it cannot be read, its scheme or a parameter of it is unknown, or it
	// lacks what its backend needs. The text says what to write and shows no password.
	ErrInvalidURL = errors.New("invalid store URL")

	// ErrTooLarge says that the value is over the store's limit. What stood under the key still stands.
	ErrTooLarge = errors.New("value too large")

	// ErrCorrupt says that an entry is there but cannot be read. Set, Delete and Swap with AnyVersion replace it.
	ErrCorrupt = errors.New("corrupt record")

	// ErrUnavailable says that the backend did not answer: whether the entry exists is not known.
	ErrUnavailable = errors.New("store unavailable")
)

// Wrap gives err the one prefix that errors of a store carry, "pkg: op: cause", and settles the two cases that
// authors of stores would otherwise each settle for themselves: [ErrNotFound] stays bare, and a deadline that passed
// is an outage too (a caller who cancels is not). It returns nil for nil.
func Wrap(pkg, op string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrNotFound):
		return ErrNotFound
	case errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, ErrUnavailable):
		return fmt.Errorf("%s: %s: %w: %w", pkg, op, ErrUnavailable, err)
	}
	return fmt.Errorf("%s: %s: %w", pkg, op, err)
}

// unsupported says that s lacks the ability that op needs. The type is shown, never a key.
func unsupported(op string, s Store) error {
	return fmt.Errorf("store: %s: %T: %w", op, s, errors.ErrUnsupported)
}
