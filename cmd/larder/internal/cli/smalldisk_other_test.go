//go:build !linux

package cli

import "testing"

func smallDisk(t *testing.T) string {
	t.Skip("mounting a file system is done on Linux only")
	return ""
}
