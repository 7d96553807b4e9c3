package diskstore_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/diskstore"
	"github.com/larder-go/larder/store"
)

func open(t testing.TB, dir string, o *diskstore.Options) *diskstore.Store {
	t.Helper()
	s, err := diskstore.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// value returns n bytes that tell their number.
func value(n, i int) []byte { return bytes.Repeat(fmt.Appendf(nil, "%08d", i), n/8+1)[:n] }

// fileName is the name of the file of an entry, worked out apart from the store.
func fileName(key string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(key))) }

func wantValue(t testing.TB, s store.Store, key string, want []byte) {
	t.Helper()
	got, err := s.Get(context.Background(), key)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("Get: %d bytes, %v; want the %d that were set", len(got), err, len(want))
	}
}

// TestOverwriteSizes walks through sizes around the borders of slots and of files with one slot, back and forth, and reads each value through
// a second handle too.
func TestOverwriteSizes(t *testing.T) {
	dir := t.TempDir()
	s, other := open(t, dir, nil), open(t, dir, nil)
	sizes := []int{0, 1, 600, 3900, 4000, 4020, 4100, 600, 8000, 8100, 8200, 12000, 60000, 65400, 65440, 65500, 70000, 1 << 20, 100, 0}
	for i, n := range append(sizes, sizes...) {
		for round := range 3 {
			v := value(n, i*3+round)
			if err := s.Set(t.Context(), "key", v); err != nil {
				t.Fatalf("%d bytes: %v", n, err)
			}
			wantValue(t, s, "key", v)
			wantValue(t, other, "key", v)
		}
	}
	if temps, _ := filepath.Glob(filepath.Join(dir, "*", "tmp-*")); len(temps) > 0 {
		t.Errorf("%d temporary files are left", len(temps))
	}
}

// TestExpiry runs on a clock of its own: every time that counts is the store's, none the file system's.
func TestExpiry(t *testing.T) {
	synctest.Test(t, testExpiry)
}

func testExpiry(t *testing.T) {
	s := open(t, t.TempDir(), &diskstore.Options{Expiry: store.Expiry{Timeout: 50 * time.Millisecond, TouchAfter: -1}})
	for _, key := range []string{"a", "b", "c"} {
		if err := s.Set(t.Context(), key, nil); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(30 * time.Millisecond)
	if err := s.Touch(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(30 * time.Millisecond)
	if n, err := s.Cleanup(t.Context(), 0); n != 2 || err != nil {
		t.Fatalf("Cleanup removed %d, %v; want 2", n, err)
	}
	if ok, err := s.Contains(t.Context(), "a"); !ok || err != nil {
		t.Fatalf("the touched entry: %v, %v", ok, err)
	}
	n := 0
	for info, err := range s.List(t.Context(), "") {
		if err != nil || info.Key != "a" {
			t.Fatal(info, err)
		}
		n++
	}
	if n != 1 {
		t.Fatalf("List yields %d entries, want 1", n)
	}
	if err := s.Delete(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), "a"); err != store.ErrNotFound {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), "a"); !errors.Is(err, os.ErrClosed) {
		t.Fatal(err)
	}
}
