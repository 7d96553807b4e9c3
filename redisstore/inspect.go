package redisstore

import (
	"context"

	"github.com/larder-go/larder/store"
)

// Inspect is [store.Inspector]'s.
func (s *Store) Inspect(ctx context.Context) ([]store.Fact, error) {
	return nil, s.ready(ctx, "inspect")
}
