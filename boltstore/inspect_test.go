package boltstore

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

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
	s := newStore(t, openDB(t), &Options{MaxValue: 1000}) // with NoSync
	got := facts(t, s)
	if got["largest value"].Value != "1000 bytes" || !strings.Contains(got["persistence"].Warn, "NoSync") || got["file"].Warn != "" {
		t.Errorf("%+v", got)
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

func TestInspectFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.db")
	c, err := OpenURL(t.Context(), &url.URL{Scheme: "bolt", Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := facts(t, c); got["persistence"].Warn != "" || got["mode"].Warn != "" {
		t.Errorf("%+v", got)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := facts(t, c); runtime.GOOS != "windows" && !strings.Contains(got["mode"].Warn, "chmod 600") {
		t.Errorf("%+v", got)
	}
}

// TestInspectFree: a file that is mostly free pages says so.
func TestInspectFree(t *testing.T) {
	s := newStore(t, openDB(t), nil)
	value := make([]byte, 8<<20)
	for i := range 10 {
		if err := s.Set(t.Context(), fmt.Sprint(i), value); err != nil {
			t.Fatal(err)
		}
	}
	if f := facts(t, s)["file"]; f.Warn != "" {
		t.Errorf("%+v", f)
	}
	for i := range 10 {
		if err := s.Delete(t.Context(), fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if f := facts(t, s)["file"]; !strings.Contains(f.Warn, "bbolt compact") {
		t.Errorf("%+v", f)
	}
}
