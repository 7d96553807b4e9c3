package session

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestOldIDsAreWorthless: an id that was renewed opens nothing once the next one has been used, however many renewals follow, and whatever of them nobody
// has used yet.
func TestOldIDsAreWorthless(t *testing.T) {
	for _, renewals := range []int{1, 2, 5} {
		bubble(t, Options{}, func(t *testing.T, _ *ledger, site *site) {
			b := site.browser()
			b.login(t, "ann")
			b.get("x") // the id of the login is used
			thief := b.twin()
			for range renewals {
				b.renew(t)
				time.Sleep(10 * time.Minute)
			}
			if renewals == 1 {
				b.get("x")
				time.Sleep(time.Minute)
			}
			same(t, "subject by an id of long ago", thief.subject(), "")
			must(t, strings.Contains(site.log.take(), suspicion), "it was not logged")
			must(t, thief.sent() == nil, "the thief got a cookie")
			same(t, "subject", b.subject(), "ann")
		})
	}
}

// TestRenewAtOnce: requests under way with one id, each of which renews, as on a site that renews at each, make one new id and not a chain of them.
func TestRenewAtOnce(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, l *ledger, site *site) {
		b := site.browser()
		b.login(t, "ann")
		sent := 0
		for range 40 {
			tab := b.twin()
			same(t, "status", tab.do(func(s *Session) { same(t, "subject", s.Subject(), "ann"); ok(t, s.Renew()) }), http.StatusOK)
			if tab.sent() != nil {
				sent++
			}
		}
		same(t, "new ids", sent, 1)
	})
}

// TestLongRequest: a request that lasts past the grace of a renewal in another tab had the session before, and keeps it.
func TestLongRequest(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, _ *ledger, site *site) {
		b := site.browser()
		b.login(t, "ann")
		renewed := func() *browser {
			tab := b.twin()
			tab.renew(t)
			tab.get("x")
			time.Sleep(time.Minute)
			return tab
		}
		var tab *browser
		same(t, "status", b.do(func(s *Session) { s.Subject(); tab = renewed(); ok(t, s.Set("loaded", "before")) }), http.StatusOK)
		must(t, b.sent() == nil, "it got a cookie, which would push the new one out")
		same(t, "field", tab.get("loaded"), "before")
		b = tab
		same(t, "status", b.do(func(s *Session) { tab = renewed(); ok(t, s.Set("loaded", "after")) }), http.StatusOK)
		must(t, b.sent() == nil, "it got a cookie, which would push the new one out")
		same(t, "field of a request that came before the renewal and asked after its grace", tab.get("loaded"), "after")
	})
}

// TestDestroyFar: a destroy that returns nil has destroyed, however often the session was renewed since it was loaded.
func TestDestroyFar(t *testing.T) {
	for _, renewals := range []int{1, maxHops, maxHops + 1, 100, maxRenewals + 1} {
		bubble(t, Options{}, func(t *testing.T, _ *ledger, site *site) {
			b := site.browser()
			b.login(t, "ann")
			tab := b.twin()
			b.do(func(s *Session) {
				s.Subject()
				for range renewals {
					tab.renew(t)
				}
				err := s.Destroy()
				lives := tab.subject() == "ann"
				must(t, lives == (err != nil), "after %d renewals Destroy returned %v; the session lives: %v", renewals, err, lives)
				must(t, err == nil || renewals > maxRenewals, "after %d renewals: %v", renewals, err)
			})
		})
	}
}

// TestLostLogin: a login whose answer got lost can be done again at once, by the cookie that it has made worthless.
func TestLostLogin(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, _ *ledger, site *site) {
		b := site.browser()
		b.set(t, "cart", "tea")
		b.twin().login(t, "ann")
		b.login(t, "ann")
		same(t, "subject", b.subject(), "ann")
		same(t, "cart, which the lost one has taken along", b.get("cart"), "")
	})
}

// TestStream: a stream that saves now and then keeps its session alive beside other tabs, and learns of their changes and of its end.
func TestStream(t *testing.T) {
	stream := func(b *browser, act func(s *Session)) {
		b.serve(func(w http.ResponseWriter, r *http.Request) {
			s := From(r.Context())
			s.Subject()
			w.Write([]byte("it begins"))
			act(s)
		})
	}
	bubble(t, Options{Idle: time.Hour}, func(t *testing.T, _ *ledger, site *site) {
		b := site.browser()
		b.login(t, "ann")
		tab := b.twin()
		stream(b, func(s *Session) {
			time.Sleep(time.Minute)
			tab.set(t, "theme", "dark")
			for range 100 {
				time.Sleep(time.Minute)
				ok(t, s.Save())
			}
			ok(t, s.Reload())
			theme, _ := Get[string](s, "theme")
			same(t, "theme in the stream", theme, "dark")
			tab.do(func(s *Session) { ok(t, s.Renew()) })
			tab.get("x")
			time.Sleep(time.Minute)
			ok(t, s.Reload())
			ok(t, s.Set("by", "the stream"))
			ok(t, s.Reload())
		})
		same(t, "subject", tab.subject(), "ann")
		same(t, "field", tab.get("by"), "the stream")
	})
	ends := map[string]func(t *testing.T, tab *browser){
		"destroy":    func(t *testing.T, tab *browser) { tab.do(func(s *Session) { ok(t, s.Destroy()) }) },
		"revoke all": func(t *testing.T, tab *browser) { ok(t, tab.site.RevokeAll(t.Context(), "ann")) },
	}
	for name, end := range ends {
		bubble(t, Options{Idle: time.Hour}, func(t *testing.T, _ *ledger, site *site) {
			b := site.browser()
			b.login(t, "ann")
			tab := b.twin()
			stream(b, func(s *Session) {
				end(t, tab)
				must(t, errors.Is(s.Reload(), ErrEnded), "%s: Reload does not say that the session is over", name)
				must(t, errors.Is(s.Set("x", 1), ErrEnded), "%s: Set does not say that the session is over", name)
			})
			stream(b, func(s *Session) { ok(t, s.Reload()) }) // there is none, and none has ended meanwhile
		})
	}
	bubble(t, Options{Idle: time.Hour}, func(t *testing.T, _ *ledger, site *site) { // without asking, it learns when the use is to be recorded
		b := site.browser()
		b.login(t, "ann")
		tab := b.twin()
		stream(b, func(s *Session) {
			ends["destroy"](t, tab)
			time.Sleep(30 * time.Minute)
			must(t, errors.Is(s.Save(), ErrEnded), "Save does not say that the session is over")
		})
		same(t, "status", b.last.StatusCode, http.StatusOK)
	})
}

// TestInfoEnded: who comes back with the cookie of a session that is over can be told so.
func TestInfoEnded(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, _ *ledger, site *site) {
		ended := func(b *browser) (is bool) {
			b.do(func(s *Session) { is = s.Info().Ended })
			return is
		}
		b := site.browser()
		same(t, "nobody", ended(b), false)
		b.login(t, "ann")
		same(t, "logged in", ended(b), false)
		out := b.twin()
		ok(t, site.RevokeAll(t.Context(), "ann"))
		same(t, "revoked", ended(b), true)
		out.do(func(s *Session) { ok(t, s.Destroy()) })
		same(t, "logged out", ended(out), false)
		b.login(t, "ann")
		time.Sleep(26 * time.Hour)
		same(t, "run out", ended(b), true)
		b.jar["__Host-session"] = "nonsense"
		same(t, "forged", ended(b), false)
	})
}
