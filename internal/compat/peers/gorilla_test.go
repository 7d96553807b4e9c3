package peers

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gorilla/sessions"
)

var gorillaKey = []byte("0123456789abcdef0123456789abcdef")

// newGorillaCookie is gorilla/sessions with everything in the cookie, signed and not encrypted; there are no calls of a store.
func newGorillaCookie(testing.TB) *contender {
	c := newGorilla("gorilla-cookie", sessions.NewCookieStore(gorillaKey))
	c.watch = func(bool) int { return 0 }
	c.raw = func(context.Context) error { return nil }
	return c
}

// newGorillaFile is gorilla/sessions with a file per session; the calls of its store are reading and writing that file.
func newGorillaFile(t testing.TB) *contender {
	dir := t.TempDir()
	c := newGorilla("gorilla-file", sessions.NewFilesystemStore(dir, gorillaKey))
	var file string
	var data []byte
	var written time.Time
	writes := false
	c.watch = func(on bool) int {
		names, _ := filepath.Glob(filepath.Join(dir, "session_*"))
		if len(names) != 1 {
			t.Fatalf("%d files of gorilla/sessions", len(names))
		}
		file = names[0]
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if on {
			written = info.ModTime().Add(-time.Hour)
			if err := os.Chtimes(file, written, written); err != nil {
				t.Fatal(err)
			}
			return 0
		}
		writes = !info.ModTime().Equal(written)
		if data, err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
		if writes {
			return 2
		}
		return 1
	}
	c.raw = func(context.Context) error {
		if _, err := os.ReadFile(file); err != nil || !writes {
			return err
		}
		return os.WriteFile(file, data, 0o600)
	}
	return c
}

func newGorilla(name string, store sessions.Store) *contender {
	return &contender{
		name: name,
		handler: func(do work, got *fields) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if err := useGorilla(store, w, r, do, got); err != nil {
					panic(err)
				}
				w.Write(answer)
			})
		},
		create: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s, _ := store.Get(r, "session")
			f := someFields()
			for name, value := range map[any]any{"name": f.name, "count": f.count, "admin": f.admin, "roles": f.roles, "created": f.created} {
				s.Values[name] = value
			}
			if err := s.Save(r, w); err != nil {
				panic(err)
			}
		}),
	}
}

func useGorilla(store sessions.Store, w http.ResponseWriter, r *http.Request, do work, got *fields) error {
	if do == nothing {
		return nil
	}
	s, err := store.Get(r, "session")
	if err != nil {
		return err
	}
	got.name, _ = s.Values["name"].(string)
	switch do {
	case readAll:
		got.count, _ = s.Values["count"].(int64)
		got.admin, _ = s.Values["admin"].(bool)
		got.roles, _ = s.Values["roles"].([]string)
		got.created, _ = s.Values["created"].(time.Time)
	case modify:
		got.count, _ = s.Values["count"].(int64)
		got.count++
		s.Values["count"] = got.count
		err = s.Save(r, w)
	}
	return err
}
