package session_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/internal/interleave"
	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
)

// visits are what the policies are tried with: what a handler does, what it answers, and what it answers while the store is down.
func visits(w http.ResponseWriter, r *http.Request) {
	s := session.From(r.Context())
	var err error
	switch r.URL.Path {
	case "/none":
	case "/read":
		before, ok := session.Get[string](s, "before")
		_, popped := session.Pop[string](s, "absent")
		fmt.Fprintf(w, "%q %v %v %q %v %v %q ", before, ok, popped, s.Subject(), s.Has("before"), s.Info().New, s.Flashes())
		err = s.Decode("before", &before)
		fmt.Fprint(w, len(s.Keys()), err == nil, errors.Is(err, store.ErrNotFound), s.Err() != nil)
		return
	case "/set":
		err = s.Set("n", "1")
	case "/delete":
		err = s.Delete("before")
	case "/clear":
		err = s.Clear()
	case "/flash":
		err = s.Flash("hello")
	case "/renew":
		err = s.Renew()
	case "/login":
		err = s.SetSubject("ann")
	case "/remember":
		err = s.Remember(0)
	case "/destroy":
		err = s.Destroy()
	case "/ignored": // who does not look at errors is not told that it was done
		s.Set("n", "1")
	case "/undone":
		s.Destroy()
	}
	if err != nil && !errors.Is(err, store.ErrUnavailable) {
		panic(err)
	}
	io.WriteString(w, story)
}

var changing = []string{"/set", "/delete", "/clear", "/flash", "/renew", "/login", "/remember", "/destroy", "/ignored", "/undone"}

// TestOutagePolicies: the store is down from the load on. Refuse answers 503 to whoever needs the session, Anonymous to whoever changes it; nobody gets a
// cookie, loses one, or begins a session, and when the store is back all is as it was.
func TestOutagePolicies(t *testing.T) {
	for name, policy := range map[string]session.Outage{"refuse": session.Refuse, "anonymous": session.Anonymous} {
		t.Run(name, func(t *testing.T) {
			th := staging{options: session.Options{Outage: policy}}.open(t, visits)
			v := th.known()
			cookie := v.value
			fine := `"yes" true false "" true false [] 1 true false false`
			if a := v.get("/read"); a.body != fine {
				t.Errorf("before: %q", a.body)
			}
			th.fail(down)
			for _, path := range changing {
				if err := v.get(path).isDown(); err != nil {
					t.Errorf("%s: %v", path, err)
				}
			}
			a := v.get("/read")
			if policy == session.Refuse {
				if err := a.isDown(); err != nil {
					t.Error(err)
				}
			} else if a.status != 200 || a.body != `"" false false "" false true [] 0 false false true` || a.header.Get("Vary") != "Cookie" || a.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%+v", a)
			}
			logged := th.logged.String()
			if strings.Count(logged, "could not be loaded") != len(changing)+1 || strings.Contains(logged, cookie[:20]) {
				t.Error(logged)
			}
			th.take()
			// Who needs no session notices nothing, with a cookie, without, or with one that was made up.
			for _, who := range []*visitor{v, th.visitor(), {th: th, value: strings.Repeat("x", 43) + "." + strings.Repeat("y", 43)}} {
				paths := []string{"/none"}
				if who != v {
					paths = []string{"/none", "/read"}
				}
				for _, path := range paths {
					if a := who.get(path); a.status != 200 || len(a.cookies) > 0 {
						t.Errorf("%s: %+v", path, a)
					}
				}
			}
			if calls := th.take(); len(calls) > 0 {
				t.Errorf("calls of the store: %v", calls)
			}
			// Nor can a first session be begun.
			for _, path := range []string{"/set", "/flash", "/login", "/ignored"} {
				if err := th.visitor().get(path).isDown(); err != nil {
					t.Errorf("%s, first: %v", path, err)
				}
			}
			th.fail(nil)
			if a := v.get("/read"); a.body != fine || len(a.cookies) > 0 || v.value != cookie {
				t.Errorf("after: %+v", a)
			}
			// Down between load and save: what was read is served as long as nothing was changed.
			th.fail(downWhen(isSwap))
			for _, path := range changing {
				if err := v.get(path).isDown(); err != nil {
					t.Errorf("%s, loaded: %v", path, err)
				}
			}
			if a := v.get("/read"); a.body != fine {
				t.Errorf("loaded: %+v", a)
			}
		})
	}
}

// TestOutageOfOthers: the operations of the manager itself tell an outage, and then nobody is logged out.
func TestOutageOfOthers(t *testing.T) {
	th := staging{options: session.Options{Devices: true}}.open(t, visits)
	v := th.known()
	if a := v.get("/login"); a.status != 200 {
		t.Fatal(a)
	}
	devices, err := th.m.Sessions(t.Context(), "ann")
	if err != nil || len(devices) != 1 {
		t.Fatal(devices, err)
	}
	th.fail(down)
	if err := th.m.RevokeAll(t.Context(), "ann"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("RevokeAll: %v", err)
	}
	if err := th.m.Revoke(t.Context(), "ann", devices[0].ID); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Revoke: %v", err)
	}
	if d, err := th.m.Sessions(t.Context(), "ann"); d != nil || !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Sessions: %v, %v", d, err)
	}
	if _, err := session.New(&interleave.Store{Under: th.under, Around: th.call}, &session.Options{Logger: slog.New(slog.DiscardHandler)}); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("New without Keys: %v", err)
	}
	th.fail(nil)
	if a := v.get("/read"); !strings.HasPrefix(a.body, `"yes" true false "ann"`) {
		t.Errorf("%+v", a)
	}
	// The subject's entry alone cannot be reached: that is an outage too, and no revocation.
	th.fail(downWhen(func(c interleave.Call) bool { return strings.Contains(c.Key, "u:") }))
	if err := v.get("/read").isDown(); err != nil {
		t.Error(err)
	}
	th.fail(nil)
	if err := th.m.RevokeAll(t.Context(), "ann"); err != nil {
		t.Error(err)
	}
	if a := v.get("/read"); !strings.HasPrefix(a.body, `"" false false ""`) {
		t.Errorf("%+v", a)
	}
}

// TestLostAnswers: a save was done and its answer lost. When the handler tries again, a Merger does not add the same once more.
func TestLostAnswers(t *testing.T) {
	var th *theater
	th = staging{options: session.Options{Merge: map[string]session.Merger{"count": session.Sum[int]()}}}.open(t, func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		if r.URL.Path == "/stream" {
			s.Keys()
			w.(http.Flusher).Flush()
		}
		count, _ := session.Get[int](s, "count")
		need(s.Set("count", count+1))
		if r.URL.Path == "/renew" {
			need(s.Renew())
		} else {
			need(s.Flash("hello"))
		}
		n := 0
		th.fail(lostWhen(func(c interleave.Call) bool { n++; return r.URL.Path != "/renew" || n == 2 }))
		if err := s.Save(); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("Save: %v", err)
		}
		th.fail(nil)
		need(s.Save())
	})
	for _, path := range []string{"/save", "/stream", "/renew"} {
		v := th.known()
		v.aside(func(s *session.Session) { need(s.Set("count", 7)) })
		if a := v.get(path); a.err != nil || a.status != 200 {
			t.Errorf("%s: %+v", path, a)
		}
		v.aside(func(s *session.Session) {
			if count, _ := session.Get[int](s, "count"); count != 8 {
				t.Errorf("%s: count %d", path, count)
			}
			if m := s.Flashes(); path != "/renew" && len(m) != 1 {
				t.Errorf("%s: flashes %q", path, m)
			}
		})
	}
}

// TestSaveTimeout: a store that hangs is given up after SaveTimeout, whatever part of the save it hangs in, and that is an outage. What only follows the
// save does not undo it.
func TestSaveTimeout(t *testing.T) {
	hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() } // bare, as a careless author may return it
	for _, path := range append([]string{"/conflicts"}, changing...) {
		synctest.Test(t, func(t *testing.T) {
			var hanging bool
			under := store.NewMap(nil)
			s := &interleave.Store{Under: under, Around: func(ctx context.Context, c interleave.Call, call func() error) error {
				switch {
				case !hanging || c.Op == "load" || strings.Contains(c.Key, "u:"):
					return call()
				case path == "/conflicts":
					return store.Wrap("fake", c.Op, store.ErrConflict)
				}
				return hang(ctx)
			}}
			m, err := session.New(s, &session.Options{Keys: raceKeys, SaveTimeout: 3 * time.Second, Devices: true, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			th := &theater{t: t, m: m, under: under, options: session.Options{Keys: raceKeys, Devices: true}}
			v := th.known()
			hanging = true
			r := httptest.NewRequestWithContext(t.Context(), "GET", strings.Replace(path, "conflicts", "set", 1), nil)
			r.Header.Set("Cookie", "__Host-session="+v.value)
			w := httptest.NewRecorder()
			begun := time.Now()
			m.Handler(http.HandlerFunc(visits)).ServeHTTP(w, r)
			a := reply{status: w.Code, header: w.Header(), body: w.Body.String()}
			if err := a.isDown(); err != nil {
				t.Errorf("%s: %v", path, err)
			}
			if took := time.Since(begun); took != 3*time.Second {
				t.Errorf("%s took %v", path, took)
			}
			v.want("before", "yes")
		})
	}
}

// TestSlowSubject: the session is saved, and the list of devices hangs. That is given up, logged, and no reason to refuse the answer.
func TestSlowSubject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hanging bool
		log := &lockedBuffer{}
		s := &interleave.Store{Under: store.NewMap(nil), Around: func(ctx context.Context, c interleave.Call, call func() error) error {
			if hanging && c.Op == "swap" && strings.Contains(c.Key, "u:") {
				<-ctx.Done()
				return ctx.Err()
			}
			return call()
		}}
		o := session.Options{Keys: raceKeys, SaveTimeout: 3 * time.Second, Devices: true, Logger: slog.New(slog.NewTextHandler(log, nil)), TouchAfter: -1}
		m, err := session.New(s, &o)
		if err != nil {
			t.Fatal(err)
		}
		th := &theater{t: t, m: m, under: s, options: o}
		v := th.known()
		v.aside(func(s *session.Session) { need(s.SetSubject("ann")) })
		for _, path := range []string{"/set", "/destroy"} {
			time.Sleep(time.Second) // in the bubble
			hanging = true
			r := httptest.NewRequestWithContext(t.Context(), "GET", path, nil)
			r.Header.Set("Cookie", "__Host-session="+v.value)
			w := httptest.NewRecorder()
			begun := time.Now()
			m.Handler(http.HandlerFunc(visits)).ServeHTTP(w, r)
			hanging = false
			if took := time.Since(begun); w.Code != 200 || took != 3*time.Second || !strings.Contains(log.String(), "list") {
				t.Errorf("%s: status %d after %v, logged %s", path, w.Code, took, log)
			}
			v.want("n", map[string]string{"/set": "1"}[path])
		}
	})
}
