package diskstore_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/larder-go/larder/internal/testneed"
	"github.com/larder-go/larder/store"
)

// fullDir is a folder on a file system that is soon full.
func fullDir(t *testing.T, options string) string {
	if os.Getuid() != 0 {
		testneed.Missing(t, testneed.Tmpfs, "only root can mount a file system that is soon full")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		testneed.Missing(t, testneed.Tmpfs, err.Error())
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// TestFull fills a file system, by its bytes and by its inodes. What does not fit is ErrUnavailable, what was there before stays, nothing is left
// lying around, and when something is deleted, writing works again.
func TestFull(t *testing.T) {
	for _, tt := range []struct {
		name, options string
		size          int
	}{
		{"bytes", "size=256k,nr_inodes=10000", 3000},
		{"bytes-large", "size=1m,nr_inodes=10000", 70_000},
		{"inodes", "size=16m,nr_inodes=40", 600},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := fullDir(t, tt.options)
			s := open(t, dir, nil)
			stored := 0
			var err error
			for ; err == nil && stored < 10_000; stored++ {
				err = s.Set(t.Context(), fmt.Sprint("key-", stored), value(tt.size, stored))
			}
			stored--
			if !errors.Is(err, syscall.ENOSPC) || !errors.Is(err, store.ErrUnavailable) {
				t.Fatalf("after %d entries: %v", stored, err)
			}
			// Overwriting needs room for a second slot, or another file: it may fail, and must leave the old value then.
			current := make([]int, stored)
			for i := range current {
				current[i] = i
				err := s.Set(t.Context(), fmt.Sprint("key-", i), value(tt.size, i+1))
				switch {
				case err == nil:
					current[i] = i + 1
				case !errors.Is(err, syscall.ENOSPC):
					t.Fatal(err)
				}
			}
			for i, n := range current {
				wantValue(t, s, fmt.Sprint("key-", i), value(tt.size, n))
			}
			if temps, _ := filepath.Glob(filepath.Join(dir, "*", "tmp-*")); len(temps) > 0 {
				t.Errorf("%d temporary files are left", len(temps))
			}
			for i := range 3 {
				if err := s.Delete(t.Context(), fmt.Sprint("key-", i)); err != nil {
					t.Fatalf("Delete where nothing is free: %v", err)
				}
			}
			if err := s.Set(t.Context(), "key-0", value(tt.size, 7)); err != nil {
				t.Fatalf("Set after Delete: %v", err)
			}
		})
	}
}

func (r role) limit() error {
	signal.Ignore(syscall.SIGXFSZ)
	if r.MaxFile > 0 {
		return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: r.MaxFile, Max: math.MaxUint64})
	}
	if r.MaxFiles > 0 {
		return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: r.MaxFiles, Max: r.MaxFiles})
	}
	return nil
}

// TestLimits writes in a process that may not write so much to a file, so that a write is cut short, or may not open one.
func TestLimits(t *testing.T) {
	for _, tt := range []struct {
		name  string
		role  role
		errno syscall.Errno
	}{
		{"file-size-new", role{Op: "set", Key: "new", Size: 8192, MaxFile: 2048}, syscall.EFBIG},
		{"file-size-slot", role{Op: "set", Key: "old", Size: 600, MaxFile: 4096 + 300}, syscall.EFBIG},
		{"file-size-replace", role{Op: "set", Key: "old", Size: 8192, MaxFile: 2048}, syscall.EFBIG},
		{"open-files-set", role{Op: "set", Key: "old", Size: 600, MaxFiles: 3}, syscall.EMFILE},
		{"open-files-delete", role{Op: "delete", Key: "old", MaxFiles: 3}, syscall.EMFILE},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir, nil)
			if err := s.Set(t.Context(), "old", value(600, 1)); err != nil {
				t.Fatal(err)
			}
			before, err := os.ReadFile(entryFile(dir, "old"))
			if err != nil {
				t.Fatal(err)
			}
			tt.role.Name, tt.role.Dir = "op", dir
			cmd := tt.role.command(t)
			cmd.Stderr = t.Output()
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			var o outcome
			if err := json.Unmarshal(out, &o); err != nil {
				t.Fatal(err)
			}
			if !o.Unavailable || syscall.Errno(o.Errno) != tt.errno {
				t.Errorf("the error is %q", o.Text)
			}
			wantValue(t, s, "old", value(600, 1))
			if after, err := os.ReadFile(entryFile(dir, "old")); err != nil || string(after) != string(before) {
				t.Errorf("the file has changed: %d bytes, %v; it had %d", len(after), err, len(before))
			}
			if ok, err := s.Contains(t.Context(), "new"); ok || err != nil {
				t.Errorf("the new entry: %v, %v", ok, err)
			}
			if temps, _ := filepath.Glob(filepath.Join(dir, "*", "tmp-*")); len(temps) > 0 {
				t.Errorf("%d temporary files are left", len(temps))
			}
		})
	}
}
