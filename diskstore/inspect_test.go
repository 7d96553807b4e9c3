package diskstore_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/larder-go/larder/diskstore"
	"github.com/larder-go/larder/store"
)

func facts(t *testing.T, s store.Store) map[string]store.Fact {
	t.Helper()
	list, err := store.Inspect(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	byName := make(map[string]store.Fact)
	for _, f := range list {
		if _, twice := byName[f.Name]; twice || f.Name == "" || f.Value == "" {
			t.Errorf("%+v", f)
		}
		byName[f.Name] = f
	}
	return byName
}

func TestInspect(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	s := open(t, dir, &diskstore.Options{MaxValue: 1000})
	got := facts(t, s)
	if got["largest value"].Value != "1000 bytes" || got["persistence"].Value == "" {
		t.Errorf("%+v", got)
	}
	if runtime.GOOS == "linux" && (got["free space"].Value == "" || !strings.Contains(got["persistence"].Value, "the file system is ")) {
		t.Errorf("%+v", got)
	}
	if runtime.GOOS != "windows" {
		for mode, warns := range map[os.FileMode]string{0o700: "", 0o755: "can see", 0o750: "can see", 0o777: "can remove"} {
			if err := os.Chmod(dir, mode); err != nil {
				t.Fatal(err)
			}
			if f := facts(t, s)["mode"]; warns == "" && f.Warn != "" || !strings.Contains(f.Warn, warns) {
				t.Errorf("%v: %+v", mode, f)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Inspect(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	s.Close()
	if _, err := s.Inspect(t.Context()); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
}

// TestInspectInMemory: a store that a restart of the machine empties says so.
func TestInspectInMemory(t *testing.T) {
	dir := memoryDir(t)
	s := open(t, dir, nil)
	if f := facts(t, s)["persistence"]; strings.Contains(f.Value, "tmpfs") != strings.Contains(f.Warn, "in memory") {
		t.Errorf("%+v", f)
	}
}
