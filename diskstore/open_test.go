package diskstore_test

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/diskstore"
	"github.com/larder-go/larder/store"
)

func TestOpenMakesFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	s := open(t, dir, nil)
	if err := s.Set(t.Context(), "key", nil); err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]os.FileMode{
		dir: 0o700, filepath.Dir(entryFile(dir, "key")): 0o700, entryFile(dir, "key"): 0o600, filepath.Join(dir, "larder-store"): 0o600,
	} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != mode {
			t.Errorf("%s has the mode %v, want %v", filepath.Base(path), info.Mode(), mode)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	taken := t.TempDir()
	if err := os.WriteFile(filepath.Join(taken, "larder-store"), []byte("larder diskstore, layout 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(taken, "larder-store")
	for what, open := range map[string]func() (*diskstore.Store, error){
		"an empty path":       func() (*diskstore.Store, error) { return diskstore.Open("", nil) },
		"another layout":      func() (*diskstore.Store, error) { return diskstore.Open(taken, nil) },
		"a file":              func() (*diskstore.Store, error) { return diskstore.Open(file, nil) },
		"a negative MaxValue": func() (*diskstore.Store, error) { return diskstore.Open(taken, &diskstore.Options{MaxValue: -1}) },
		"a MaxValue of 2 GiB": func() (*diskstore.Store, error) {
			return diskstore.Open(taken, &diskstore.Options{MaxValue: 1<<31 - 1})
		},
		"a negative Timeout": func() (*diskstore.Store, error) {
			return diskstore.Open(taken, &diskstore.Options{Expiry: store.Expiry{Timeout: -1}})
		},
	} {
		s, err := open()
		if err == nil || s != nil {
			t.Errorf("%s is taken", what)
			continue
		}
		if !strings.HasPrefix(err.Error(), "diskstore: open: ") || strings.Count(err.Error(), "diskstore: ") != 1 {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestOpenWhereNoFolderCanBe says so, rather than that one was removed: in the file system of /proc, or under a working folder that is gone.
func TestOpenWhereNoFolderCanBe(t *testing.T) {
	var paths []string
	if _, err := os.Stat("/proc/self"); err == nil {
		paths = append(paths, "/proc/nope/x")
	}
	gone := filepath.Join(t.TempDir(), "gone")
	if err := os.Mkdir(gone, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(gone)
	if os.Remove(gone) == nil {
		paths = append(paths, "x")
	}
	for _, path := range paths {
		s, err := diskstore.Open(path, nil)
		if s != nil || !errors.Is(err, fs.ErrNotExist) || errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "cannot be made") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestOpenURL(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, tt := range []struct{ url, path, err string }{
		{"file://" + filepath.ToSlash(dir) + "/a?x-timeout=1h&x-touch-after=1m&x-max-value=10", "a", ""},
		{"file:./b?x-allow-network-fs", "b", ""},
		{"file:c%20d", "c d", ""},
		{"file://localhost" + filepath.ToSlash(dir) + "/e", "e", ""},
		{"file://server/dir", "", "three slashes"},
		{"file://user:secret@localhost/dir", "", "three slashes"},
		{"file:./f?x-bucket=b", "", "x-bucket"},
		{"file:./f?x-timeout=-1h", "", "x-timeout"},
		{"file:./f?x-max-value=lots", "", "x-max-value"},
		{"file:./f#g", "", "%23"},
		{"file:", "", "names no path"},
	} {
		u, err := url.Parse(tt.url)
		if err != nil {
			t.Fatal(err)
		}
		s, err := diskstore.OpenURL(t.Context(), u)
		if tt.err != "" {
			if err == nil || s != nil || !strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: %v; want an error with %q", tt.url, err, tt.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.url, err)
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, tt.path, "larder-store")); err != nil {
			t.Errorf("%s: %v", tt.url, err)
		}
		if tt.path == "a" {
			if err := s.Set(t.Context(), "key", make([]byte, 11)); !errors.Is(err, store.ErrTooLarge) {
				t.Errorf("x-max-value: %v", err)
			}
		}
		if err := errors.Join(s.Close(), s.Close()); err != nil {
			t.Error(err)
		}
	}
}

// TestWaitEnds lets a call wait for the lock of a folder that another process, or another store of this one, holds: it ends with its
// context, and with Close.
func TestWaitEnds(t *testing.T) {
	dir := t.TempDir()
	s, other := open(t, dir, nil), open(t, dir, nil)
	if err := s.Set(t.Context(), "key", nil); err != nil {
		t.Fatal(err)
	}
	release := diskstore.HoldLock(t, other, "key")
	defer release()

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	began := time.Now()
	err := s.Set(ctx, "key", []byte("new"))
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("after the deadline: %v", err)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %v", took)
	}
	ctx, cancel = context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if err := s.Delete(ctx, "key"); !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnavailable) {
		t.Errorf("after the cancel: %v", err)
	}
	if _, err := s.Get(t.Context(), "key"); err != nil {
		t.Errorf("a reader waits for nobody: %v", err)
	}
	time.AfterFunc(20*time.Millisecond, func() { s.Close() })
	if err := s.Set(t.Context(), "key", []byte("new")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// TestHardLink copies an entry by giving it a second name, as backups do. An overwrite leaves the copy alone.
func TestHardLink(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, nil)
	if err := s.Set(t.Context(), "key", []byte("old")); err != nil {
		t.Fatal(err)
	}
	backup := filepath.Join(dir, "backup")
	if err := os.Link(entryFile(dir, "key"), backup); err != nil {
		t.Skip(err)
	}
	before, _ := os.ReadFile(backup)
	if err := s.Set(t.Context(), "key", []byte("new")); err != nil {
		t.Fatal(err)
	}
	if after, err := os.ReadFile(backup); err != nil || string(after) != string(before) {
		t.Error("the copy has changed")
	}
	wantValue(t, s, "key", []byte("new"))
}
