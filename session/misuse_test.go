package session

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/store"
)

// TestAfterTheHandler: what a goroutine changes when its handler has returned is refused and logged, not lost without a word.
func TestAfterTheHandler(t *testing.T) {
	site := newSite(t, newLedger(), Options{})
	b := site.browser()
	b.login(t, "ann")
	var s *Session
	b.do(func(x *Session) { s = x; s.Subject() })
	for name, err := range map[string]error{"set": s.Set("mail", "sent"), "renew": s.Renew(), "set subject": s.SetSubject("bob"), "clear": s.Clear()} {
		must(t, errors.Is(err, ErrTooLate), "%s after the handler: %v", name, err)
	}
	same(t, "lines of the log", strings.Count(site.log.take(), "came too late"), 4)
	same(t, "field", b.get("mail"), "")
}

// TestRevokeNobody: a session that could not be loaded has no subject; whoever revokes that must not believe that anybody was logged out.
func TestRevokeNobody(t *testing.T) {
	site := newSite(t, newLedger(), Options{Devices: true})
	must(t, site.RevokeAll(t.Context(), "") != nil, "RevokeAll of nobody succeeds")
	must(t, site.Revoke(t.Context(), "", "AAAAAAAAAAAAAAAA") != nil, "Revoke of nobody succeeds")
}

// TestLateDestroy: that a destroy failed when the page has said otherwise already is at least logged.
func TestLateDestroy(t *testing.T) {
	l := newLedger()
	site := newSite(t, l, Options{})
	b := site.browser()
	b.login(t, "ann")
	b.serve(func(w http.ResponseWriter, r *http.Request) {
		s := From(r.Context())
		s.Subject()
		w.Write([]byte("you are logged out"))
		l.fail = func(string, string) error { return errDown }
		must(t, errors.Is(s.Destroy(), store.ErrUnavailable), "Destroy does not say that the store is down")
	})
	must(t, strings.Contains(site.log.take(), "could not be destroyed"), "it was not logged")
}

// TestLateRead: a page that asks for the session after its first byte is one that caches may keep; the log says so, once.
func TestLateRead(t *testing.T) {
	site := newSite(t, newLedger(), Options{})
	b := site.browser()
	for range 2 {
		b.serve(func(w http.ResponseWriter, r *http.Request) {
			w.Write([]byte("hello "))
			w.Write([]byte(From(r.Context()).Subject()))
		})
	}
	same(t, "lines of the log", strings.Count(site.log.take(), "ask before you write"), 1)
}

// TestErrorHasSession: the request of Options.Error is the handler's, so that a page of errors may share a layout that asks for the user.
func TestErrorHasSession(t *testing.T) {
	l := newLedger()
	user := "not asked"
	site := newSite(t, l, Options{Error: func(_ http.ResponseWriter, r *http.Request, _ error) { user = From(r.Context()).Subject() }})
	b := site.browser()
	b.login(t, "ann")
	l.fail = func(string, string) error { return errDown }
	b.subject()
	same(t, "user", user, "")
}

// TestOneCookieTwice: two managers that fight over one cookie are told from two that have one each.
func TestOneCookieTwice(t *testing.T) {
	for name, want := range map[string]int{"": 1, "admin": 0} {
		outer := newSite(t, newLedger(), Options{})
		inner := newSite(t, newLedger(), Options{Cookie: Cookie{Name: name}})
		both := outer.Handler(inner.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { From(r.Context()).Keys() })))
		b := outer.browser()
		for range 2 {
			b.serve(func(w http.ResponseWriter, r *http.Request) { both.ServeHTTP(w, r) })
		}
		same(t, "lines of the log", strings.Count(inner.log.take(), "two managers"), want)
	}
}

// TestLoginThatFailsCostsNobody: MaxSessions signs a device out when the login that leaves no room is through, and not before.
func TestLoginThatFailsCostsNobody(t *testing.T) {
	l := newLedger()
	site := newSite(t, l, Options{MaxSessions: 1})
	one := site.enter(t, "one", "ann")
	l.fail = func(op, space string) error {
		if op == "swap" && space == "s" {
			return errDown
		}
		return nil
	}
	two := site.browser()
	same(t, "status of a login in an outage", two.do(func(s *Session) { s.SetSubject("ann") }), http.StatusServiceUnavailable)
	l.fail = nil
	same(t, "subject of the first device", one.subject(), "ann")
	two.login(t, "ann")
	same(t, "subject of the first device", one.subject(), "")
	same(t, "subject of the second one", two.subject(), "ann")
}

// TestListIsCapped: also without MaxSessions, what each request of a subject reads stays small.
func TestListIsCapped(t *testing.T) {
	site := newSite(t, newLedger(), Options{Devices: true})
	var last *browser
	for range defaultMaxSessions + 20 {
		last = site.browser()
		last.login(t, "ci")
	}
	devices, err := site.Sessions(t.Context(), "ci")
	must(t, err == nil && len(devices) == defaultMaxSessions, "%d devices, %v", len(devices), err)
	same(t, "subject of the last login", last.subject(), "ci")
}

// TestFlashesAreBounded: a client that shows no messages does not fill the store with them.
func TestFlashesAreBounded(t *testing.T) {
	site := newSite(t, newLedger(), Options{})
	b := site.browser()
	for range 3 * maxFlashes {
		b.do(func(s *Session) { ok(t, s.Flash("old")) })
	}
	b.do(func(s *Session) { ok(t, s.Flash("new")) })
	b.do(func(s *Session) {
		messages := s.Flashes()
		must(t, len(messages) == maxFlashes && messages[maxFlashes-1] == "new", "%d messages, the last %q", len(messages), messages[len(messages)-1])
	})
}

// TestLostKey: where the kept key is lost, with all sessions, and a program that starts draws a new one, those that run agree with it within a minute.
func TestLostKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store.NewMap(nil)
		open := func() *site {
			m, err := New(s, &Options{Logger: quiet()})
			if err != nil {
				t.Fatal(err)
			}
			return &site{Manager: m}
		}
		one := open()
		for info := range s.List(t.Context(), "") {
			ok(t, s.Delete(t.Context(), info.Key))
		}
		sites := []*site{one, open()}
		b := one.browser()
		logins := 0
		for n := range 20 {
			time.Sleep(time.Minute)
			if b.site = sites[n%2]; b.subject() == "" {
				logins++
				b.login(t, "ann")
			}
		}
		must(t, logins <= 2, "%d logins in 20 requests", logins)
	})
}

// TestResendNeedsASession: a page that is slow while keys change must not send its old token after the login of another tab.
func TestResendNeedsASession(t *testing.T) {
	bubble(t, Options{Keys: [][]byte{[]byte("another key for tests, 32 bytes.."), testKey}}, func(t *testing.T, l *ledger, now *site) {
		before := newSite(t, l, Options{})
		b := before.browser()
		b.set(t, "cart", "tea")
		b.site = now
		slow := b.twin()
		slow.do(func(s *Session) { s.Keys(); b.login(t, "ann") })
		must(t, slow.sent() == nil, "the slow page sent the token of a session that is over")
		same(t, "subject", b.subject(), "ann")
		other := before.browser()
		other.set(t, "cart", "tea")
		other.site = now
		other.get("cart")
		must(t, other.sent() != nil, "a token that was signed by an old key is not sent again")
	})
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
