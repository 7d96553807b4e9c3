//go:build !linux

package crashtest

import (
	"context"
	"errors"
	"fmt"
)

// CanCut tells why there can be no power cuts: they need Linux.
func CanCut() error {
	return fmt.Errorf("crashtest: power cuts are made with an ext4 image on Linux: %w", errors.ErrUnsupported)
}

// Cuts cannot cut here.
func Cuts(context.Context, Campaign) (Report, error) { return Report{}, CanCut() }

// Leftovers finds none: without cuts there are no mounts.
func Leftovers() []string { return nil }
