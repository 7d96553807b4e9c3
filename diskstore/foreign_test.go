package diskstore_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/diskstore"
	"github.com/larder-go/larder/store"
)

// treeHash sums up all that is under dir: names, modes, times, links and contents.
func treeHash(t *testing.T, dir string, but func(path string) bool) string {
	t.Helper()
	h := sha256.New()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		if but(filepath.ToSlash(rel)) {
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		fmt.Fprintln(h, rel, info.Mode())
		switch {
		case info.Mode().IsRegular():
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(h, "%v %x\n", info.ModTime(), data)
		case info.Mode()&fs.ModeSymlink != 0:
			to, _ := os.Readlink(path)
			fmt.Fprintln(h, to)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// TestForeign fills the store's folder with what is not the store's, old enough to be swept, and looks whether it is still the same when everything
// has been done that can be done.
func TestForeign(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	write := func(path string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("not yours"), 0o644); err != nil {
			t.Fatal(err)
		}
		old := time.Now().Add(-1000 * time.Hour)
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	name := fileName("some key")
	shard := name[:2]
	other := "00"
	if shard == other {
		other = "01"
	}
	for _, path := range []string{
		"README", "tmp-mine", "cc0/" + name, "zz/" + name, shard + "/README", shard + "/" + name + ".bak", shard + "/" + strings.ToUpper(name) + "x",
		shard + "/" + name[:63], shard + "/tmp-12345678", shard + "/tmp-" + strings.Repeat("G", 32), other + "/" + name, shard + "/.nfs0001", shard + "/sub/" + name,
		shard + "/" + name[:2] + strings.Repeat("ab", 31) + "/inside", // a folder with the name of an entry
	} {
		write(filepath.Join(dir, path))
	}
	write(filepath.Join(outside, name))
	write(filepath.Join(outside, "tmp-"+strings.Repeat("0", 32)))
	linkName := shard + strings.Repeat("cd", 31)
	for from, to := range map[string]string{
		filepath.Join(dir, shard, linkName):                          filepath.Join(outside, name),
		filepath.Join(dir, shard, "tmp-"+strings.Repeat("1", 32)):    filepath.Join(outside, name),
		filepath.Join(dir, "ff", "..", "fe"):                         outside,
		filepath.Join(dir, "larder-link"):                            outside,
		filepath.Join(dir, shard, shard+strings.Repeat("ef", 31)):    "nowhere",
		filepath.Join(dir, shard, "tmp-"+strings.Repeat("2", 32)+""): ".",
	} {
		if err := os.Symlink(to, filepath.Clean(from)); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, dir, &diskstore.Options{Expiry: store.Expiry{Timeout: time.Hour}})
	mine := make(map[string]bool)
	ours := func(path string) bool { return path == "larder-store" || mine[path] || mine[filepath.Dir(path)] }
	keys := make([]string, 0, 50)
	for i := 0; len(keys) < cap(keys); i++ {
		key := fmt.Sprint("key-", i)
		n := fileName(key)
		if n[:2] == "fe" {
			continue
		}
		mine[n[:2]+"/"+n] = true
		if _, err := os.Lstat(filepath.Join(dir, n[:2])); err != nil {
			mine[n[:2]] = true
		}
		keys = append(keys, key)
	}
	before := treeHash(t, dir, ours) + treeHash(t, outside, ours)
	for range 2 {
		for _, key := range keys {
			if err := s.Set(t.Context(), key, []byte(key)); err != nil {
				t.Fatal(err)
			}
		}
		n := 0
		for info, err := range s.List(t.Context(), "") {
			if err != nil {
				if !errors.Is(err, store.ErrCorrupt) {
					t.Fatal(err)
				}
				continue
			}
			if !strings.HasPrefix(info.Key, "key-") {
				t.Errorf("List yields what is not the store's")
			}
			n++
		}
		if n != len(keys) {
			t.Errorf("List yields %d entries, want %d", n, len(keys))
		}
		if _, err := s.Cleanup(t.Context(), time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range keys {
		if err := s.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	if after := treeHash(t, dir, ours) + treeHash(t, outside, ours); after != before {
		t.Error("something that is not the store's has changed")
	}
}

// TestSymlinks puts links in the place of a folder and of an entry, under a store that has them open and one that has not.
func TestSymlinks(t *testing.T) {
	for _, tt := range []string{"opened", "fresh"} {
		t.Run(tt, func(t *testing.T) {
			dir, outside := t.TempDir(), t.TempDir()
			s := open(t, dir, nil)
			if err := s.Set(t.Context(), "key", []byte("mine")); err != nil {
				t.Fatal(err)
			}
			path := entryFile(dir, "key")
			secret := filepath.Join(outside, filepath.Base(path))
			if err := os.Rename(path, secret); err != nil { // even a good entry is not read through a link
				t.Fatal(err)
			}
			if err := os.Symlink(secret, path); err != nil {
				t.Fatal(err)
			}
			before := treeHash(t, outside, func(string) bool { return false })
			if tt == "fresh" {
				s = open(t, dir, nil)
			}
			if _, err := s.Get(t.Context(), "key"); !errors.Is(err, store.ErrCorrupt) {
				t.Errorf("Get of a link says %v", err)
			}
			if _, err := s.Swap(t.Context(), "key", "", &store.Item{}); !errors.Is(err, store.ErrCorrupt) {
				t.Errorf("Swap on a link says %v", err)
			}
			if _, err := s.Cleanup(t.Context(), 1); err != nil {
				t.Error(err)
			}
			if err := s.Set(t.Context(), "key", []byte("again")); err != nil {
				t.Fatal(err)
			}
			wantValue(t, s, "key", []byte("again"))

			// Now the folder itself.
			shard := filepath.Dir(path)
			if err := os.RemoveAll(shard); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(outside, shard); err != nil {
				t.Fatal(err)
			}
			if tt == "fresh" {
				s = open(t, dir, nil)
			}
			if err := s.Set(t.Context(), "key", nil); !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("Set under a folder that is a link says %v", err)
			}
			if err := s.Delete(t.Context(), "key"); !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("Delete under a folder that is a link says %v", err)
			}
			if v, err := s.Get(t.Context(), "key"); err == nil {
				t.Errorf("Get under a folder that is a link says %q", v)
			}
			if _, err := s.Cleanup(t.Context(), 1); err != nil {
				t.Error(err)
			}
			if after := treeHash(t, outside, func(string) bool { return false }); after != before {
				t.Error("something outside has changed")
			}
		})
	}
}

// TestFolderForEntry puts a folder in the place of an entry. It stays, whatever is asked for.
func TestFolderForEntry(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, nil)
	path := entryFile(dir, "key")
	if err := os.MkdirAll(filepath.Join(path, "inside"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, get := s.Get(t.Context(), "key")
	_, contains := s.Contains(t.Context(), "key")
	_, swap := s.Swap(t.Context(), "key", "", &store.Item{})
	for _, err := range []error{get, contains, swap, s.Set(t.Context(), "key", nil), s.Delete(t.Context(), "key")} {
		if !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%v; want ErrUnavailable", err)
		}
	}
	for info, err := range s.List(t.Context(), "") {
		t.Errorf("List yields %v, %v", info, err)
	}
	if n, err := s.Cleanup(t.Context(), 1); n != 0 || err != nil {
		t.Errorf("Cleanup: %d, %v", n, err)
	}
	if _, err := os.Stat(filepath.Join(path, "inside")); err != nil {
		t.Error(err)
	}
	if temps, _ := filepath.Glob(filepath.Join(dir, "*", "tmp-*")); len(temps) > 0 {
		t.Errorf("%d temporary files are left", len(temps))
	}
}

// TestFolderRemoved removes a folder under two open stores. What one of them writes then goes to a new one, where the other finds it.
func TestFolderRemoved(t *testing.T) {
	dir := t.TempDir()
	s, other := open(t, dir, nil), open(t, dir, nil)
	for range 2 {
		if err := s.Set(t.Context(), "key", []byte("value")); err != nil {
			t.Fatal(err)
		}
		n := 0
		for range other.List(t.Context(), "") {
			n++
		}
		if n != 1 {
			t.Errorf("the other lists %d entries", n)
		}
		wantValue(t, other, "key", []byte("value"))
		if err := os.RemoveAll(filepath.Dir(entryFile(dir, "key"))); err != nil {
			t.Fatal(err)
		}
		for _, s := range []store.Store{s, other} {
			if _, err := s.Get(t.Context(), "key"); err != store.ErrNotFound {
				t.Fatal(err)
			}
		}
	}
	if err := s.Set(t.Context(), "key", []byte("value")); err != nil {
		t.Fatal(err)
	}
	wantValue(t, other, "key", []byte("value"))
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := s.Set(t.Context(), "key", []byte("value")); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Set after all was removed: %v", err)
	}
	if _, err := s.Get(t.Context(), "key"); err != store.ErrNotFound {
		t.Errorf("Get after all was removed: %v", err)
	}
}
