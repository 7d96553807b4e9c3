package store

import (
	"context"
	"io"
	"time"
)

// Store is what an author of a store must write; [the package documentation] states the rules that each method keeps,
// and package storetest tests them. Everything else is an ability: see [Toucher], [Lister], [Swapper] and [Sweeper].
//
// [the package documentation]: https://pkg.go.dev/github.com/larder-go/larder/store
type Store interface {
	// Contains reports whether a live entry stands under key. It is not a use.
	Contains(ctx context.Context, key string) (bool, error)

	// Get returns the value under key, or [ErrNotFound]. It is a use. The slice belongs to the caller.
	Get(ctx context.Context, key string) ([]byte, error)

	// Set puts value under key, whether or not something stood there, without a deadline. It is a use.
	// The store keeps a copy; value stays the caller's.
	Set(ctx context.Context, key string, value []byte) error

	// Delete removes what stands under key. That nothing stood there is not an error.
	Delete(ctx context.Context, key string) error

	// Cleanup removes the entries that are absent by the store's own [Expiry] and, where idle > 0, those that
	// nobody has used for idle, and returns how many it removed, also together with an error.
	Cleanup(ctx context.Context, idle time.Duration) (removed int, err error)
}

// Closer is a Store that holds something that must be let go: what [Mux.Open] returns.
type Closer interface {
	Store
	io.Closer
}
