package layertest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
)

// program serves sessions from a Layer of its own over a store that others share.
type program struct {
	http.Handler
}

const (
	header = "Session-Token"
	maxAge = 20 * time.Second
)

func newProgram(t *testing.T, slow store.Store, keys [][]byte) *program {
	t.Helper()
	m, err := session.New(store.Layer(store.NewMap(nil), slow, &store.LayerOptions{Loads: true, MaxAge: maxAge}), &session.Options{Header: header, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/who", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, session.From(r.Context()).Subject()) })
	mux.HandleFunc("/has", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, session.From(r.Context()).Has(r.FormValue("name")))
	})
	for path, do := range map[string]func(s *session.Session, r *http.Request) error{
		"/login":      func(s *session.Session, _ *http.Request) error { return s.SetSubject("alice") },
		"/logout":     func(s *session.Session, _ *http.Request) error { return s.Destroy() },
		"/everywhere": func(_ *session.Session, r *http.Request) error { return m.RevokeAll(r.Context(), "alice") },
		"/set":        func(s *session.Session, r *http.Request) error { return s.Set(r.FormValue("name"), true) },
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if err := do(session.From(r.Context()), r); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		})
	}
	return &program{Handler: m.Handler(mux)}
}

// ask sends a request with the token, and returns the answer with the token that is to be sent from then on.
func (p *program) ask(t *testing.T, path, token string) (answer, next string) {
	t.Helper()
	r := httptest.NewRequest("GET", path, nil)
	if token != "" {
		r.Header.Set(header, token)
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Errorf("%s: %d %s", path, w.Code, w.Body)
	}
	if fresh := w.Header().Get(header); fresh != "" {
		token = fresh
	}
	return w.Body.String(), token
}

// TestSessions: who logs out, here or everywhere, is logged out in this program at once, and in others after MaxAge at the latest. An outage aside,
// nobody is logged out who did not.
func TestSessions(t *testing.T) {
	for _, logout := range []string{"/logout", "/everywhere"} {
		t.Run(logout[1:], func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				slow, keys := store.NewMap(nil), [][]byte{[]byte("0123456789abcdefghijklmnopqrstuv")}
				here, there := newProgram(t, slow, keys), newProgram(t, slow, keys)
				_, token := here.ask(t, "/login", "")
				for range 5 { // copies stand in both, and are renewed meanwhile
					for _, p := range []*program{here, there} {
						if who, _ := p.ask(t, "/who", token); who != "alice" {
							t.Fatalf("logged in as %q", who)
						}
					}
					time.Sleep(maxAge * 3 / 4)
				}
				here.ask(t, logout, token)
				if who, _ := here.ask(t, "/who", token); who != "" {
					t.Errorf("still logged in where %s logged out", who)
				}
				time.Sleep(maxAge)
				if who, _ := there.ask(t, "/who", token); who != "" {
					t.Errorf("elsewhere %s is logged in after MaxAge", who)
				}
			})
		})
	}
}

// TestSessionsAtOnce: of requests that change one session at the same time, in two programs with copies of it, none loses its change.
func TestSessionsAtOnce(t *testing.T) {
	slow, keys := store.NewMap(nil), [][]byte{[]byte("0123456789abcdefghijklmnopqrstuv")}
	programs := []*program{newProgram(t, slow, keys), newProgram(t, slow, keys)}
	_, token := programs[0].ask(t, "/login", "")
	const requests = 64
	var wg sync.WaitGroup
	for i := range requests {
		wg.Go(func() {
			p := programs[i%len(programs)]
			p.ask(t, "/who", token)
			p.ask(t, fmt.Sprint("/set?name=field", i), token)
		})
	}
	wg.Wait()
	after := newProgram(t, slow, keys) // which has no copy
	for i := range requests {
		if has, _ := after.ask(t, fmt.Sprint("/has?name=field", i), token); has != "true" {
			t.Errorf("field%d was lost", i)
		}
	}
}
