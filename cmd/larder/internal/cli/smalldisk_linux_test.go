package cli

import (
	"os"
	"syscall"
	"testing"

	"github.com/larder-go/larder/internal/testneed"
)

// smallDisk is a file system of a few megabytes, in memory.
func smallDisk(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		testneed.Missing(t, testneed.Tmpfs, "only root can mount a file system that is soon full")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=8m"); err != nil {
		testneed.Missing(t, testneed.Tmpfs, err.Error())
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}
