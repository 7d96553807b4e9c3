//go:build unix

package cli

import (
	"io/fs"
	"syscall"
)

// owner is the number of the user whose file this is, or -1.
func owner(info fs.FileInfo) int {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(stat.Uid)
	}
	return -1
}
