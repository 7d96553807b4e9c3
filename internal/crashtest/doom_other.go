//go:build !linux

package crashtest

import (
	"errors"
	"math/rand/v2"
)

func drawDoom(*rand.Rand) int { return -1 }

// doom is Linux's. Elsewhere kills come from outside only.
func doom(int) error { return errors.ErrUnsupported }
