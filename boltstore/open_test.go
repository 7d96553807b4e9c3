package boltstore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/larder-go/larder/store"
)

func openPath(ctx context.Context, path, query string) (store.Closer, error) {
	return OpenURL(ctx, &url.URL{Scheme: "bolt", Path: filepath.ToSlash(path), RawQuery: query})
}

func TestOpenURL(t *testing.T) {
	ctx := t.Context()
	t.Chdir(t.TempDir())
	mux := store.Mux{"bolt": OpenURL}
	for _, raw := range []string{
		"bolt:./a%20b.db?x-timeout=1h&x-touch-after=1m&x-bucket=mine&x-max-value=10",
		"bolt:a%20b.db?x-bucket=mine&x-prefix=p:",
	} {
		s, err := mux.Open(ctx, raw)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Set(ctx, "key", []byte("value")); err != nil {
			t.Error(err)
		}
		if err := s.Set(ctx, "big", make([]byte, 11)); strings.Contains(raw, "max") != errors.Is(err, store.ErrTooLarge) {
			t.Errorf("a value over the limit: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("a second Close: %v", err)
		}
		if _, err := s.Get(ctx, "key"); !errors.Is(err, os.ErrClosed) {
			t.Errorf("Get after Close: %v", err)
		}
	}
	info, err := os.Stat("a b.db")
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); os.PathSeparator == '/' && mode != 0o600 {
		t.Errorf("the file's mode is %v: it holds sessions", mode)
	}
	if err := os.WriteFile("text", []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for raw, want := range map[string]string{
		"bolt:":                      "names no path",
		"bolt:///":                   "directory",
		"bolt://host/file.db":        "names a server",
		"bolt:./text":                "no bbolt database",
		"bolt:./none/file.db":        "create it first",
		"bolt:./x.db?x-timeout=-1s":  "x-timeout",
		"bolt:./x.db?x-max-value=-1": "MaxValue",
		"bolt:./x.db?x-bucket=%00":   "NUL",
		"bolt:./x.db?timeout=1s":     "unknown parameter",
	} {
		s, err := mux.Open(ctx, raw)
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Count(err.Error(), "boltstore:") != 1 {
			t.Errorf("%s: %v; want something about %q", raw, err, want)
		}
	}
}

// The folder is synced also where the file stands: who created it may not have come so far. Where that fails, so does the
// opening, and the file is let go of.
func TestOpenSyncsFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "larder.db")
	for i := range 3 {
		var synced []string
		db, err := openFile(t.Context(), path, func(folder string) error {
			synced = append(synced, folder)
			if _, err := os.Stat(path); err != nil {
				t.Errorf("before the file is there: %v", err)
			}
			return syncFolder(folder)
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		if len(synced) != 1 || synced[0] != filepath.Dir(path) {
			t.Errorf("opening %d synced %q", i, synced)
		}
		_, err = openFile(t.Context(), path, func(string) error { return os.ErrPermission })
		if !errors.Is(err, os.ErrPermission) || !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("a folder that cannot be synced: %v", err)
		}
	}
}

const holderEnv = "BOLTSTORE_TEST_HOLD"

// TestHolder is the other process of TestLocked.
func TestHolder(t *testing.T) {
	path := os.Getenv(holderEnv)
	if path == "" {
		t.Skip("only as the child of TestLocked")
	}
	s, err := openPath(t.Context(), path, "")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fmt.Println("held")
	io.Copy(io.Discard, os.Stdin) // until the parent lets go
}

func TestLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "larder.db")
	cmd := exec.Command(os.Args[0], "-test.run=^TestHolder$")
	cmd.Env = append(os.Environ(), holderEnv+"="+path)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
		s, err := openPath(context.Background(), path, "")
		if err != nil {
			t.Fatalf("after the holder let go: %v", err)
		}
		s.Close()
	}()
	out := bufio.NewReader(stdout)
	for line := ""; line != "held\n"; {
		if line, err = out.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}

	begin := time.Now()
	_, err = openPath(t.Context(), path, "")
	if !errors.Is(err, ErrLocked) || !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "cleanup.Loop") {
		t.Errorf("OpenURL of a file held by another process: %v", err)
	}
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err = openPath(ctx, path, ""); !errors.Is(err, ErrLocked) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with a deadline: %v", err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	time.AfterFunc(30*time.Millisecond, cancel)
	if _, err = openPath(cancelled, path, ""); !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnavailable) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	db := openDB(t)
	for name, o := range map[string]*Options{
		"a NUL in the bucket's name": {Bucket: "a\x00b"},
		"a negative timeout":         {Expiry: store.Expiry{Timeout: -1}},
		"a negative limit":           {MaxValue: -1},
		"a limit out of reach":       {MaxValue: 1<<30 + 1},
	} {
		if _, err := New(db, o); err == nil || !strings.HasPrefix(err.Error(), "boltstore: open: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := New(nil, nil); err == nil {
		t.Error("New(nil, nil) has no error")
	}
	closed := openDB(t)
	closed.Close()
	if _, err := New(closed, nil); !errors.Is(err, os.ErrClosed) {
		t.Errorf("New of a closed database: %v", err)
	}
}

// Stores with buckets of their own and buckets of the caller's share a database, and none sees the other.
func TestManyBuckets(t *testing.T) {
	ctx := t.Context()
	db := openDB(t)
	foreign := func(tx *bbolt.Tx) (n int) {
		for _, name := range []string{"theirs", "larder2", "larder.atime"} {
			b := tx.Bucket([]byte(name))
			if string(b.Get([]byte("k"))) == name {
				n++
			}
			n += 10 * (b.Stats().KeyN - 1)
		}
		return n
	}
	err := db.Update(func(tx *bbolt.Tx) error {
		for _, name := range []string{"theirs", "larder2", "larder.atime"} {
			b, err := tx.CreateBucket([]byte(name))
			if err == nil {
				err = b.Put([]byte("k"), []byte(name))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(db, &Options{Bucket: "theirs"}); err == nil {
		t.Error("New takes somebody else's bucket")
	}
	var stores []*Store
	for i := range 50 {
		s := newStore(t, db, &Options{Bucket: []string{"", "atime", "ä"}[i%3] + strings.Repeat("x", i/3)})
		stores = append(stores, s)
		if err := s.Set(ctx, "key", fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	for i, s := range stores {
		if v, err := s.Get(ctx, "key"); err != nil || string(v) != fmt.Sprint(i) {
			t.Errorf("store %d: %q, %v", i, v, err)
		}
		if _, err := s.Swap(ctx, "key", store.AnyVersion, &store.Item{Atime: time.Now().Add(-time.Hour)}); err != nil {
			t.Error(err)
		}
		if n, err := s.Cleanup(ctx, time.Minute); n != 1 || err != nil {
			t.Errorf("store %d: Cleanup: %d, %v", i, n, err)
		}
		checkOrders(t, s, 0)
	}
	if err := db.View(func(tx *bbolt.Tx) error {
		if n := foreign(tx); n != 3 {
			t.Errorf("foreign buckets were touched: %d", n)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestDatabaseClosed(t *testing.T) {
	ctx := t.Context()
	db := openDB(t)
	s := newStore(t, db, nil)
	db.Close()
	_, getErr := s.Get(ctx, "k")
	_, sweepErr := s.Sweep(ctx, store.SweepOptions{})
	for i, err := range []error{getErr, sweepErr, s.Set(ctx, "k", nil), s.Delete(ctx, "k"), s.Touch(ctx, "k")} {
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

// Buckets that somebody deleted are an outage, not an empty store.
func TestBucketsGone(t *testing.T) {
	ctx := t.Context()
	db := openDB(t)
	s := newStore(t, db, nil)
	if err := db.Update(func(tx *bbolt.Tx) error { return tx.DeleteBucket(s.names[records]) }); err != nil {
		t.Fatal(err)
	}
	_, getErr := s.Get(ctx, "k")
	_, sweepErr := s.Sweep(ctx, store.SweepOptions{Idle: 1})
	for i, err := range []error{getErr, sweepErr, s.Set(ctx, "k", nil)} {
		if !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if err := newStore(t, db, nil).Set(ctx, "k", nil); err != nil {
		t.Errorf("after another New: %v", err)
	}
}
