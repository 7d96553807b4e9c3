package larder_test

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
)

// TestGuideStreamLearns: the guide's stream ends when its user logs out elsewhere, and not before.
func TestGuideStreamLearns(t *testing.T) {
	m, err := session.New(store.NewMap(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	cookie := loggedIn(m, "alice")
	for _, revokeAt := range []int{0, 2} {
		server := httptest.NewServer(m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			stream(&revoking{ResponseWriter: w, at: revokeAt, revoke: func() {
				if err := m.RevokeAll(r.Context(), "alice"); err != nil {
					t.Error(err)
				}
			}}, r)
		})))
		r, err := http.NewRequest("GET", server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.AddCookie(cookie)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		events := 0
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			if lines.Text() != "" {
				events++
			}
		}
		resp.Body.Close()
		if want := map[int]int{0: 3, 2: 2}[revokeAt]; events != want {
			t.Errorf("logged out at event %d, the stream has %d events, not %d", revokeAt, events, want)
		}
		server.Close()
	}
}

// revoking logs the user out elsewhere just when an event is sent.
type revoking struct {
	http.ResponseWriter
	events, at int
	revoke     func()
}

func (w *revoking) FlushError() error {
	if w.events++; w.events == w.at {
		w.revoke()
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// TestTooLate: what is changed when the handler has returned is refused, as the guide says.
func TestTooLate(t *testing.T) {
	v := newSite(t, &session.Options{Logger: slog.New(slog.DiscardHandler)})
	var kept *session.Session
	v.visit(func(s *session.Session) { s.Set("x", 1); kept = s })
	if err := kept.Set("x", 2); !errors.Is(err, session.ErrTooLate) {
		t.Errorf("a change after the handler: %v", err)
	}
	v.visit(func(s *session.Session) {
		if n, _ := session.Get[int](s, "x"); n != 1 {
			t.Errorf("x is %d", n)
		}
	})
}

// TestClearAtLogin: who does not believe in what stood in the session before the login calls Clear after SetSubject, as docs/security.md says.
func TestClearAtLogin(t *testing.T) {
	v := newSite(t, nil)
	v.visit(func(s *session.Session) { s.Set("planted", 1) })
	v.visit(func(s *session.Session) {
		if err := errors.Join(s.SetSubject("alice"), s.Clear(), s.Set("own", 1)); err != nil {
			t.Error(err)
		}
	})
	v.visit(func(s *session.Session) {
		if s.Subject() != "alice" || s.Has("planted") || !s.Has("own") {
			t.Errorf("%q has %q", s.Subject(), s.Keys())
		}
	})
}

// TestRepeatedLogin: a login whose answer got lost may be sent again.
func TestRepeatedLogin(t *testing.T) {
	v := newSite(t, nil)
	v.visit(func(s *session.Session) { s.Set("x", 1) })
	before := v.cookie
	login := func(s *session.Session) {
		if err := errors.Join(s.SetSubject("alice"), s.Flash("Welcome back.")); err != nil {
			t.Error(err)
		}
	}
	v.visit(login)
	lost := v.cookie
	v.cookie = before
	v.visit(login)
	if v.cookie == lost || v.cookie == before {
		t.Error("the repetition has no session of its own")
	}
	v.visit(func(s *session.Session) {
		if s.Subject() != "alice" || s.Has("x") {
			t.Errorf("after the repetition: %q, %q", s.Subject(), s.Keys())
		}
	})
}

// TestRevokeGoesOn: "log out everywhere" is done also where the client that asked for it has gone.
func TestRevokeGoesOn(t *testing.T) {
	m, err := session.New(deaf{store.NewMap(nil)}, &session.Options{Devices: true})
	if err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for what, end := range map[string]func() error{
		"RevokeAll": func() error { return m.RevokeAll(gone, "alice") },
		"Revoke": func() error {
			list, err := m.Sessions(t.Context(), "alice")
			if err != nil || len(list) != 1 {
				t.Fatal(list, err)
			}
			return m.Revoke(gone, "alice", list[0].ID)
		},
	} {
		loggedIn(m, "alice")
		if err := end(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if list, err := m.Sessions(t.Context(), "alice"); err != nil || len(list) > 0 {
			t.Errorf("after %s: %v, %v", what, list, err)
		}
	}
}

// deaf is a store that does nothing for a context that is over, as one behind a network does.
type deaf struct{ store.Store }

func (s deaf) Load(ctx context.Context, key string) (*store.Item, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return store.Load(ctx, s.Store, key)
}

func (s deaf) Peek(ctx context.Context, key string) (*store.Item, error) { return s.Load(ctx, key) }

func (s deaf) Swap(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	return store.Swap(ctx, s.Store, key, old, item)
}

func (s deaf) Delete(ctx context.Context, key string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return s.Store.Delete(ctx, key)
}
