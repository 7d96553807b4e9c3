package boltstore

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/larder-go/larder/internal/testneed"
	"github.com/larder-go/larder/store"
)

// A full disk is reported with its errno, what stood there stands, and the store goes on when there is room again.
func TestDiskFull(t *testing.T) {
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
	ctx := t.Context()
	s, err := openPath(ctx, filepath.Join(dir, "larder.db"), "")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Set(ctx, "key", []byte("old")); err != nil {
		t.Fatal(err)
	}
	ballast := filepath.Join(dir, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	f.Close()
	for range 3 {
		err := s.Set(ctx, "key", make([]byte, 1<<20))
		if !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("Set on a full disk: %v", err)
		}
		if v, err := s.Get(ctx, "key"); string(v) != "old" || err != nil {
			t.Errorf("the old value: %q, %v", v, err)
		}
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := s.Set(ctx, "key", make([]byte, 1<<20)); err != nil {
		t.Errorf("Set when there is room again: %v", err)
	}
	if v, err := s.Get(ctx, "key"); len(v) != 1<<20 || err != nil {
		t.Errorf("the new value: %d bytes, %v", len(v), err)
	}
	checkOrders(t, s.(*Store), 0)
}
