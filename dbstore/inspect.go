package dbstore

import (
	"context"

	"github.com/larder-go/larder/store"
)

// Inspect is [store.Inspector]'s.
func (s *Store) Inspect(ctx context.Context) ([]store.Fact, error) {
	if err := s.ready(ctx, "inspect"); err != nil {
		return nil, err
	}
	return nil, nil
}
