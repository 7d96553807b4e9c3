package boltstore

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/larder-go/larder/internal/testneed"
)

// TestInspectFileSystem: a file in memory, and one that cannot grow, say so; through a link too.
func TestInspectFileSystem(t *testing.T) {
	if os.Geteuid() != 0 {
		testneed.Missing(t, testneed.Tmpfs, "only root can mount a file system that is soon full")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		testneed.Missing(t, testneed.Tmpfs, err.Error())
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	s, err := openPath(t.Context(), filepath.Join(link, "larder.db"), "")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	got := facts(t, s)
	if !strings.Contains(got["persistence"].Value, "tmpfs") || !strings.Contains(got["persistence"].Warn, "in memory") || got["free space"].Warn != "" || got["free space"].Value == "" {
		t.Errorf("%+v", got)
	}
	ballast, err := os.Create(filepath.Join(dir, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	defer ballast.Close()
	for err == nil {
		_, err = ballast.Write(make([]byte, 4096))
	}
	if f := facts(t, s)["free space"]; !strings.Contains(f.Warn, "cannot grow") {
		t.Errorf("%+v", f)
	}
}
