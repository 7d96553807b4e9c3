package cli

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder"
	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// lies is said of the file system of the test's folder, which may be one in memory.
const lies = "--accept=persistence,free space,free inodes"

// put opens the store that a URL names, for as long as do runs.
func put(t *testing.T, url string, do func(s store.Store) error) {
	t.Helper()
	s, err := larder.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := do(s); err != nil {
		t.Fatal(err)
	}
}

func setKeys(t *testing.T, n int) func(s store.Store) error {
	return func(s store.Store) error {
		for i := range n {
			if err := s.Set(t.Context(), fmt.Sprint("key-", i), []byte("this-will-be-damaged")); err != nil {
				return err
			}
		}
		return nil
	}
}

func chmod(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// entryFiles are the files of the entries of a folder.
func entryFiles(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "??", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%q, %v", files, err)
	}
	return files
}

func TestDoctorOnFiles(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes and owners are of another kind")
	}
	dir := filepath.Join(t.TempDir(), "data")
	url := "file://" + dir + "?x-timeout=720h"
	put(t, url, setKeys(t, 20))
	at := func() examined { t.Helper(); return doctorAt(t, url, lies) }
	at().well(t)

	chmod(t, dir, 0o755)
	at().wrong(t, "mode", "drwxr-xr-x", "chmod 700")
	files := entryFiles(t, dir)
	chmod(t, files[3], 0o644)
	if e := at(); strings.Join(names(e.Wrong), " ") != "mode files" || !strings.HasPrefix(e.Wrong[1].Value, "others can read 1 of ") {
		t.Errorf("%+v", e.Wrong)
	}
	chmod(t, dir, 0o700)
	at().well(t) // nobody gets to the file any more

	if os.Geteuid() == 0 {
		if err := os.Chown(files[5], 12345, 12345); err != nil {
			t.Fatal(err)
		}
		at().wrong(t, "owner", "1 file of ", "chown -R")
		if err := os.Chown(files[5], 0, 0); err != nil {
			t.Fatal(err)
		}
	}

	old := time.Now().Add(-40 * 24 * time.Hour)
	broken, err := os.ReadFile(files[1])
	if err != nil {
		t.Fatal(err)
	}
	whole := string(broken)
	if err := os.WriteFile(files[1], []byte(strings.ReplaceAll(whole, "this-will-be-damaged", "This-will-be-damaged")), 0o600); err != nil {
		t.Fatal(err)
	}
	at().wrong(t, "damaged", "1 entry", "larder cleanup --idle DUR without --prefix removes it by its age")
	if err := os.Remove(files[1]); err != nil {
		t.Fatal(err)
	}
	at().well(t)

	// What a cleanup should have taken is old by its file and by its record: a store that was used ten days ago.
	put(t, "file://"+dir, func(s store.Store) error {
		_, err := store.Swap(t.Context(), s, "old", store.AnyVersion, &store.Item{Atime: old})
		return err
	})
	at().wrong(t, "cleanup", "none seen for a day: 1 entry should have gone", "run larder cleanup from a timer")
	doctorAt(t, "file://"+dir, lies, "--idle=30d").wrong(t, "cleanup", "none seen for a day: 1 entry", "run larder cleanup from a timer")
	if code := Run(t.Context(), []string{"cleanup", "-q", "--store", url}, nil, &strings.Builder{}, &strings.Builder{}, os.Getenv); code != exitDone {
		t.Fatal(code)
	}
	at().well(t)
	doctorAt(t, "file://"+dir, lies).wrong(t, "idle time-out", "none, and ", "give x-timeout in the URL")
}

// TestDoctorOnWrongClock: the time of a file is that of the last use, where the record in it is older.
func TestDoctorOnWrongClock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	put(t, "file://"+dir, func(s store.Store) error {
		_, err := store.Swap(t.Context(), s, "key", store.AnyVersion, &store.Item{Atime: time.Now().Add(-time.Hour)})
		return err
	})
	for ahead, wrong := range map[time.Duration]bool{time.Hour: true, -time.Minute: false, 0: false} {
		at := time.Now().Add(ahead)
		if err := os.Chtimes(entryFiles(t, dir)[0], at, at); err != nil {
			t.Fatal(err)
		}
		if e := doctorAt(t, "file://"+dir+"?x-timeout=720h", lies); wrong {
			e.wrong(t, "future", "59m", "NTP")
		} else {
			e.well(t)
		}
	}
}

func TestDoctorOnBolt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes and owners are of another kind")
	}
	path := filepath.Join(t.TempDir(), "data.db")
	url := "bolt://" + path + "?x-timeout=720h"
	put(t, url, setKeys(t, 20))
	at := func() examined { t.Helper(); return doctorAt(t, url, lies) }
	at().well(t)
	chmod(t, path, 0o640)
	at().wrong(t, "mode", "-rw-r-----", "chmod 600")
	chmod(t, path, 0o600)
	if os.Geteuid() == 0 {
		if err := os.Chown(filepath.Dir(path), 12345, 12345); err != nil {
			t.Fatal(err)
		}
		at().wrong(t, "owner", "root has the file", "chown")
		if err := os.Chown(path, 12345, 12345); err != nil {
			t.Fatal(err)
		}
		at().well(t)
	}
	put(t, "bolt://"+path, func(s store.Store) error {
		_, err := store.Swap(t.Context(), s, "old", store.AnyVersion, &store.Item{Atime: time.Now().Add(-40 * 24 * time.Hour)})
		return err
	})
	at().wrong(t, "cleanup", "none seen for a day: 1 entry should have gone", "cleanup.Loop in the program that holds the store")
	put(t, url, func(s store.Store) error {
		if _, err := s.Cleanup(t.Context(), 0); err != nil {
			return err
		}
		value := make([]byte, 8<<20)
		for i := range 10 {
			if err := s.Set(t.Context(), fmt.Sprint(i), value); err != nil {
				return err
			}
		}
		return nil
	})
	at().well(t)
	put(t, url, func(s store.Store) error {
		for i := range 10 {
			if err := s.Delete(t.Context(), fmt.Sprint(i)); err != nil {
				return err
			}
		}
		return nil
	})
	at().wrong(t, "file", "are free", "bbolt compact")
	put(t, url, func(store.Store) error { // while a program holds it
		if e := at(); e.code != exitLocked {
			t.Errorf("%d, %s", e.code, e.stderr)
		}
		return nil
	})
}

// TestDoctorOnFullDisk: a file system in memory, and one with no room left.
func TestDoctorOnFullDisk(t *testing.T) {
	dir := smallDisk(t)
	for _, url := range []string{"file://" + dir + "/data?x-timeout=720h", "bolt://" + dir + "/data.db?x-timeout=720h"} {
		put(t, url, setKeys(t, 5))
		doctorAt(t, url).wrong(t, "persistence", "tmpfs", "move the store to a disk")
		doctorAt(t, url, "--accept", "persistence").well(t)
	}
	ballast, err := os.Create(filepath.Join(dir, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	defer ballast.Close()
	for err == nil {
		_, err = ballast.Write(make([]byte, 4096))
	}
	for _, url := range []string{"file://" + dir + "/data?x-timeout=720h", "bolt://" + dir + "/data.db?x-timeout=720h"} {
		doctorAt(t, url, "--accept", "persistence").wrong(t, "free space", "0 bytes of ", "make room")
	}
}

// TestDoctorOnPasswords: who can read the URL, can read what is in the store.
func TestDoctorOnPasswords(t *testing.T) {
	server := testserver.NewRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	lock(t, server.Addr)
	url := "redis://:sekret@" + server.Addr + "?x-timeout=1h"
	doctorAt(t, url).well(t)
	for _, args := range [][]string{{url}, {"--store", url}} {
		e := doctorBy(t, larder.Mux(), nil, args...)
		e.wrong(t, "password", "on the command line", "LARDER_STORE_FILE")
		if strings.Contains(fmt.Sprint(e), "sekret") {
			t.Errorf("it shows the password: %+v", e)
		}
	}
	file := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(file, []byte(url+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{envStoreFile: file}
	doctorBy(t, larder.Mux(), env).well(t)
	if runtime.GOOS == "windows" {
		return
	}
	for _, mode := range []fs.FileMode{0o644, 0o640, 0o604} {
		chmod(t, file, mode)
		doctorBy(t, larder.Mux(), env).wrong(t, "password", "in a file of mode "+mode.String(), "chmod 600")
	}
	// Where there is no password, there is nothing to hide.
	plain := "file://" + filepath.Join(t.TempDir(), "data") + "?x-timeout=1h"
	put(t, plain, setKeys(t, 1))
	if err := os.WriteFile(file, []byte(plain), 0o644); err != nil {
		t.Fatal(err)
	}
	doctorBy(t, larder.Mux(), env, lies).well(t)
	doctorBy(t, larder.Mux(), nil, lies, plain).well(t)
}
