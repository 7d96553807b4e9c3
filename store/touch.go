package store

import (
	"context"
	"errors"
)

// Toucher is a Store that can refresh an entry without reading its value. Callers use [Touch].
type Toucher interface {
	Store

	// Touch is a use of the entry under key that reads nothing. It returns [ErrNotFound] where Get would.
	Touch(ctx context.Context, key string) error
}

// Touch refreshes the entry under key: by s's own Touch, or else by a Get whose value is thrown away.
func Touch(ctx context.Context, s Store, key string) error {
	if t, ok := s.(Toucher); ok {
		if err := t.Touch(ctx, key); !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
	}
	_, err := s.Get(ctx, key)
	return err
}
