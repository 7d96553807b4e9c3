// Package pause waits in the way that the contract asks of every store: no longer than a context lets it.
package pause

import (
	"context"
	"time"
)

// For waits for d or until ctx ends, and returns ctx's error in that case. Where d is not positive it only looks at ctx.
func For(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
