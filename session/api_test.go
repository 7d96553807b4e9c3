package session

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/larder-go/larder/store"
)

// TestNoSession: without Handler From is nil, and each method says what is missing.
func TestNoSession(t *testing.T) {
	s := From(t.Context())
	if s != nil {
		t.Fatal("a session from nowhere")
	}
	for name, call := range map[string]func(){
		"Get": func() { Get[int](s, "x") }, "Pop": func() { Pop[int](s, "x") }, "Set": func() { s.Set("x", 1) }, "Delete": func() { s.Delete("x") },
		"Decode": func() { s.Decode("x", nil) }, "Has": func() { s.Has("x") }, "Keys": func() { s.Keys() }, "Clear": func() { s.Clear() },
		"Flash": func() { s.Flash("x") }, "Flashes": func() { s.Flashes() }, "SetSubject": func() { s.SetSubject("x") }, "Subject": func() { s.Subject() },
		"Remember": func() { s.Remember(1) }, "Renew": func() { s.Renew() }, "Destroy": func() { s.Destroy() }, "Save": func() { s.Save() },
		"Err": func() { s.Err() }, "Info": func() { s.Info() },
	} {
		func() {
			defer func() {
				if text, _ := recover().(string); !strings.Contains(text, "Handler does not stand before") {
					t.Errorf("%s of a nil session panics with %q", name, text)
				}
			}()
			call()
		}()
	}
}

// TestTwoManagers: each has its own session in one request, and a Handler that stands there twice does no harm.
func TestTwoManagers(t *testing.T) {
	l := newLedger()
	outer, inner := newSite(t, l, Options{}), newSite(t, l, Options{Prefix: "shop:", Cookie: Cookie{Name: "cart"}})
	h := outer.Handler(inner.Handler(outer.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		must(t, From(r.Context()) == inner.From(r.Context()), "From finds another session than that of the nearest manager")
		must(t, outer.From(r.Context()) != nil && outer.From(r.Context()) != inner.From(r.Context()), "the managers share a session")
		ok(t, outer.From(r.Context()).Set("who", "outer"))
		ok(t, From(r.Context()).Set("who", "inner"))
	}))))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	var names []string
	for _, c := range w.Result().Cookies() {
		names = append(names, c.Name)
	}
	slices.Sort(names)
	same(t, "cookies", strings.Join(names, " "), "__Host-cart __Host-session")
	same(t, "entries", len(l.entries(t)), 2)
	same(t, "Vary", strings.Join(w.Header()["Vary"], " "), "Cookie")
}

func TestNames(t *testing.T) {
	b := newSite(t, newLedger(), Options{}).browser()
	b.do(func(s *Session) {
		for _, name := range []string{"", "\x00", "\x00flash", "\xff", "a\xc3", strings.Repeat("n", 256)} {
			if err := s.Set(name, 1); err == nil || !strings.HasPrefix(err.Error(), "session: set: the name") {
				t.Errorf("Set(%q): %v", name, err)
			}
			ok(t, s.Delete(name))
			same(t, "Has", s.Has(name), false)
		}
		ok(t, s.Flash("hello"))
		same(t, "Has what is hidden", s.Has(flashField), false)
		if err := s.Decode(flashField, new([]string)); err != store.ErrNotFound {
			t.Errorf("Decode of what is hidden: %v", err)
		}
		ok(t, s.Delete(flashField))
		same(t, "messages", len(s.Flashes()), 1)
		for _, name := range []string{"ü", " ", "a\x00", "a.b/c", strings.Repeat("n", 255), "b", "B"} {
			ok(t, s.Set(name, 1))
		}
	})
	b.do(func(s *Session) {
		want := []string{" ", "B", "a\x00", "a.b/c", "b", strings.Repeat("n", 255), "ü"}
		if got := s.Keys(); !slices.Equal(got, want) {
			t.Errorf("Keys are %q", got)
		}
	})
}

// TestKeys: as this request sees them, whatever it has changed.
func TestKeys(t *testing.T) {
	b := newSite(t, newLedger(), Options{}).browser()
	keys := func(want string) func(s *Session) {
		return func(s *Session) { same(t, "keys", strings.Join(s.Keys(), " "), want) }
	}
	b.do(func(s *Session) {
		keys("")(s)
		for _, name := range []string{"c", "a", "b"} {
			ok(t, s.Set(name, name))
		}
		ok(t, s.Flash("not a key"))
		keys("a b c")(s)
	})
	b.do(func(s *Session) {
		keys("a b c")(s)
		ok(t, s.Delete("b"))
		ok(t, s.Set("0", 0))
		ok(t, s.Set("a", "another"))
		keys("0 a c")(s)
		ok(t, s.Set("b", 1))
		keys("0 a b c")(s)
		ok(t, s.Clear())
		keys("")(s)
		ok(t, s.Set("z", 1))
		keys("z")(s)
		_, found := Get[string](s, "a")
		same(t, "a", found, false)
	})
	b.do(keys("z"))
}

func TestPop(t *testing.T) {
	b := newSite(t, newLedger(), Options{}).browser()
	b.set(t, "next", "/cart")
	b.do(func(s *Session) {
		if _, found := Pop[int](s, "next"); found || !s.Has("next") {
			t.Error("Pop of another type takes it out")
		}
		next, found := Pop[string](s, "next")
		must(t, found && next == "/cart" && !s.Has("next"), "Pop returns %q, %v", next, found)
		_, found = Pop[string](s, "next")
		must(t, !found, "it is there twice")
	})
	same(t, "next", b.get("next"), "")
}

func TestFlash(t *testing.T) {
	l := newLedger()
	b := newSite(t, l, Options{}).browser()
	b.do(func(s *Session) { ok(t, s.Flash("one")); ok(t, s.Flash("two")) })
	b.do(func(s *Session) { ok(t, s.Flash("three")) })
	b.do(func(s *Session) {
		same(t, "messages", strings.Join(s.Flashes(), " "), "one two three")
		same(t, "messages again", len(s.Flashes()), 0)
		ok(t, s.Flash("four"))
	})
	b.do(func(s *Session) { same(t, "messages", strings.Join(s.Flashes(), " "), "four") })
	l.took()
	b.do(func(s *Session) { same(t, "messages", len(s.Flashes()), 0) })
	same(t, "store calls", strings.Join(l.took(), ", "), "load s")
}

// TestManyGoroutines: one session, used from many at once, by every method.
func TestManyGoroutines(t *testing.T) {
	b := newSite(t, newLedger(), Options{}).browser()
	b.set(t, "n", 0)
	var wg sync.WaitGroup
	b.do(func(s *Session) {
		for n := range 8 {
			name := string(rune('a' + n))
			for _, call := range []func(){
				func() { ok(t, s.Set(name, n)) }, func() { s.Has(name) }, func() { s.Keys() }, func() { s.Flash(name) }, func() { s.Info() },
				func() { Get[int](s, name) }, func() { ok(t, s.Save()) }, func() { s.Subject() }, func() { ok(t, s.Err()) }, func() { ok(t, s.Renew()) },
			} {
				wg.Go(call)
			}
		}
		wg.Wait()
	})
	b.do(func(s *Session) {
		same(t, "fields", len(s.Keys()), 9)
		same(t, "messages", len(s.Flashes()), 8)
	})
}

// TestTooLate: after the first byte, what needs a new cookie is refused, and the rest is saved at the end or by Save.
func TestTooLate(t *testing.T) {
	l := newLedger()
	site := newSite(t, l, Options{})
	late := func(act func(s *Session)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("begun")); act(From(r.Context())) }
	}
	b := site.browser()
	b.serve(late(func(s *Session) {
		for name, err := range map[string]error{"set": s.Set("x", 1), "set subject": s.SetSubject("ann"), "flash": s.Flash("x"), "renew": s.Renew(),
			"remember": s.Remember(0)} {
			if !errors.Is(err, ErrTooLate) || !strings.HasPrefix(err.Error(), "session: "+name+": ") {
				t.Errorf("%s after the first byte: %v", name, err)
			}
		}
	}))
	same(t, "entries", len(l.entries(t)), 0)
	b.set(t, "x", 1)
	b.serve(late(func(s *Session) {
		must(t, errors.Is(s.Renew(), ErrTooLate), "Renew after the first byte")
		must(t, errors.Is(s.SetSubject("ann"), ErrTooLate), "SetSubject after the first byte")
		must(t, errors.Is(s.Remember(0), ErrTooLate), "Remember after the first byte")
		ok(t, s.Set("x", "saved"))
		ok(t, s.Save())
		ok(t, s.Set("y", "at the end"))
	}))
	same(t, "status", b.last.StatusCode, http.StatusOK)
	same(t, "x", b.get("x"), "saved")
	same(t, "y", b.get("y"), "at the end")
	b.serve(late(func(s *Session) { ok(t, s.Destroy()) }))
	same(t, "entries", len(l.entries(t)), 0)
	same(t, "changes that the log says are lost", strings.Count(site.log.take(), "came too late"), 8)
}

func TestDestroy(t *testing.T) {
	l := newLedger()
	site := newSite(t, l, Options{})
	b := site.browser()
	b.login(t, "ann")
	old := b.twin()
	b.do(func(s *Session) {
		ok(t, s.Set("x", 1))
		ok(t, s.Destroy())
		same(t, "subject", s.Subject(), "")
		same(t, "fields", len(s.Keys()), 0)
		must(t, s.Info().New, "info is %+v", s.Info())
		ok(t, s.Destroy())
	})
	same(t, "Max-Age", b.sent().MaxAge, -1)
	same(t, "cookies", len(b.jar), 0)
	same(t, "subject by the old cookie", old.subject(), "")
	same(t, "status", old.do(func(s *Session) { ok(t, s.Destroy()) }), http.StatusOK)
	same(t, "Max-Age", old.sent().MaxAge, -1)

	b.login(t, "ann")
	was := b.token()
	b.do(func(s *Session) { ok(t, s.Destroy()); ok(t, s.Flash("goodbye")) }) // the flash begins another
	must(t, b.token() != was && b.token() != "" && len(b.last.Cookies()) == 1, "the cookies are %v", b.last.Cookies())
	b.do(func(s *Session) {
		same(t, "subject", s.Subject(), "")
		same(t, "messages", strings.Join(s.Flashes(), " "), "goodbye")
	})
}

func TestSubjects(t *testing.T) {
	b := newSite(t, newLedger(), Options{}).browser()
	b.do(func(s *Session) {
		for _, bad := range []string{strings.Repeat("s", 1025), "\xff"} {
			if err := s.SetSubject(bad); err == nil || !strings.HasPrefix(err.Error(), "session: set subject: ") {
				t.Errorf("%d bytes: %v", len(bad), err)
			}
		}
	})
	same(t, "cookies", len(b.jar), 0)
	for _, subject := range []string{strings.Repeat("s", 1024), "a\x00b", "ünï", " "} {
		b.login(t, subject)
		same(t, "subject", b.subject(), subject)
		ok(t, b.site.RevokeAll(t.Context(), subject))
		same(t, "subject after RevokeAll", b.subject(), "")
	}
}
