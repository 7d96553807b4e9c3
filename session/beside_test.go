package session

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// What a request sees and does beside others that come between its steps.

// begins is a handler that begins its response and then goes on.
func begins(act func(s *Session)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s := From(r.Context())
		s.Subject()
		w.Write([]byte("it begins"))
		act(s)
	}
}

// TestSavesDoNotRebase: what a save finds that others have stored does not become what this request counts from, for its handler has not read it.
func TestSavesDoNotRebase(t *testing.T) {
	increment := func(s *Session) { n, _ := Get[int](s, "n"); s.Set("n", n+1) }
	saves := map[string]func(s *Session){
		"the last use, at the first byte": func(*Session) {},
		"another field":                   func(s *Session) { s.Set("page", "p") },
		"a Save":                          func(s *Session) { s.Set("page", "p"); s.Save() },
	}
	for name, save := range saves {
		for _, more := range []int{1, 5} {
			bubble(t, Options{Merge: map[string]Merger{"n": Sum[int]()}}, func(t *testing.T, _ *ledger, site *site) {
				b := site.browser()
				b.set(t, "n", 1)
				tab := b.twin()
				time.Sleep(2 * time.Hour)
				b.serve(func(w http.ResponseWriter, r *http.Request) {
					s := From(r.Context())
					n, _ := Get[int](s, "n")
					tab.do(increment)
					save(s)
					w.Write([]byte("it begins"))
					ok(t, s.Set("n", n+more))
				})
				var n int
				tab.do(func(s *Session) { n, _ = Get[int](s, "n") })
				same(t, name, n, 2+more)
			})
		}
	}
}

// TestClearOfNothing: to clear a session without fields is no change that waits for others to add some.
func TestClearOfNothing(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, _ *ledger, site *site) {
		b := site.browser()
		b.login(t, "ann")
		tab := b.twin()
		b.serve(begins(func(s *Session) {
			ok(t, s.Clear())
			tab.set(t, "cart", "tea")
			ok(t, s.Reload())
			cart, _ := Get[string](s, "cart")
			same(t, "cart after Reload", cart, "tea")
		}))
		time.Sleep(2 * time.Hour)
		b.do(func(s *Session) { ok(t, s.Clear()); ok(t, s.Set("cart", "milk")); tab.set(t, "theme", "dark") })
		same(t, "cart", tab.get("cart"), "milk")
	})
}

// TestLostBurst: all tabs that come back with the id whose renewal's answer was lost get one new id, and none of them is logged out.
func TestLostBurst(t *testing.T) {
	for _, last := range []int{0, 20, 39} {
		bubble(t, Options{}, func(t *testing.T, _ *ledger, site *site) {
			b := site.browser()
			b.login(t, "ann")
			b.twin().renew(t) // its answer is lost
			time.Sleep(10 * time.Minute)
			sent := 0
			tabs := make([]*browser, 40)
			for n := range tabs {
				tabs[n] = b.twin()
				same(t, "subject in a tab", tabs[n].subject(), "ann")
				if tabs[n].sent() != nil {
					sent++
				}
			}
			same(t, "new ids", sent, 1)
			if last > 0 {
				tabs[last].jar = tabs[0].jar // a browser has one jar
			}
			time.Sleep(time.Minute)
			same(t, "subject a minute later", tabs[last].subject(), "ann")
		})
	}
}

// TestRememberBesideRenew: who asks to be remembered gets a cookie that lasts, also if another tab has renewed the session meanwhile.
func TestRememberBesideRenew(t *testing.T) {
	for name, act := range map[string]func(s *Session) error{"alone": func(*Session) error { return nil }, "with a renewal": (*Session).Renew} {
		bubble(t, Options{}, func(t *testing.T, _ *ledger, site *site) {
			b := site.browser()
			b.login(t, "ann")
			tab := b.twin()
			b.do(func(s *Session) { ok(t, s.Remember(0)); ok(t, act(s)); tab.renew(t) })
			must(t, b.sent() != nil && b.sent().MaxAge > 0, "%s: no cookie that outlives the browser: %v", name, b.sent())
			time.Sleep(10 * 24 * time.Hour)
			same(t, name, b.subject(), "ann")
		})
	}
}

// TestNoTokenOfAnAlias: an id that another tab has renewed before it was sent is not sent any more.
func TestNoTokenOfAnAlias(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, _ *ledger, site *site) {
		b := site.browser()
		b.login(t, "ann")
		tab := b.twin()
		b.do(func(s *Session) {
			ok(t, s.Renew())
			ok(t, s.Save())
			tab.do(func(s *Session) { ok(t, s.Remember(0)) })
			ok(t, s.Set("x", "1"))
		})
		must(t, b.sent() == nil, "it was sent")
		same(t, "field", tab.get("x"), "1")
	})
}

// TestAfterTheEnd: what a request learns when Reload has said that the session is over.
func TestAfterTheEnd(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, _ *ledger, site *site) {
		b := site.browser()
		b.login(t, "ann")
		tab := b.twin()
		same(t, "status", b.do(func(s *Session) {
			s.Subject()
			tab.do(func(s *Session) { ok(t, s.Destroy()) })
			must(t, errors.Is(s.Reload(), ErrEnded), "Reload does not say that it is over")
			must(t, s.Info().Ended && s.Info().Subject == "" && s.Subject() == "", "Info is %+v", s.Info())
		}), http.StatusOK)
	})
}

// TestLateChangeOfAnEnded: a change after the first byte of a session that ended meanwhile is logged as lost.
func TestLateChangeOfAnEnded(t *testing.T) {
	site := newSite(t, newLedger(), Options{})
	b := site.browser()
	b.login(t, "ann")
	tab := b.twin()
	b.serve(begins(func(s *Session) { ok(t, s.Set("paid", true)); tab.do(func(s *Session) { ok(t, s.Destroy()) }) }))
	must(t, strings.Contains(site.log.take(), "are lost"), "it was not logged")
}

// TestReadBesideDestroy: a request that only reads is served, also if its id had to be renewed for it.
func TestReadBesideDestroy(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, _ *ledger, site *site) {
		b := site.browser()
		b.login(t, "ann")
		b.twin().renew(t) // its answer is lost
		time.Sleep(10 * time.Minute)
		same(t, "status", b.do(func(s *Session) { s.Subject(); b.twin().do(func(s *Session) { ok(t, s.Destroy()) }) }), http.StatusOK)
		must(t, b.sent() == nil, "it got a cookie")
	})
}

// TestLoginTwice: of two logins at once, under a cap that leaves room for one, the one that began last is the one that stays.
func TestLoginTwice(t *testing.T) {
	bubble(t, Options{MaxSessions: 1}, func(t *testing.T, l *ledger, site *site) {
		site.browser().login(t, "ann")
		time.Sleep(time.Minute)
		first, second, stage := site.browser(), site.browser(), 0
		l.fail = func(op, space string) error { // each is enrolled before either writes its record
			if op == "swap" && space == "s" {
				if stage++; stage <= 2 {
					wait := time.Duration(stage) * time.Second
					l.mu.Unlock()
					time.Sleep(wait)
					l.mu.Lock()
				}
			}
			return nil
		}
		done := make(chan bool)
		go func() { first.do(func(s *Session) { s.SetSubject("ann") }); close(done) }()
		time.Sleep(100 * time.Millisecond)
		same(t, "status of the second login", second.do(func(s *Session) { s.SetSubject("ann") }), http.StatusOK)
		<-done
		l.fail = nil
		same(t, "subject by the second", second.subject(), "ann")
		same(t, "subject by the first", first.subject(), "")
	})
}

// TestHijackedGoesOn: who has hijacked a connection goes on with the session when the handler has returned.
func TestHijackedGoesOn(t *testing.T) {
	site := newSite(t, newLedger(), Options{})
	b := site.browser()
	b.login(t, "ann")
	returned, got := make(chan bool), make(chan error, 3)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(returned)
		site.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s := From(r.Context())
			s.Subject()
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				got <- err
				return
			}
			go func() {
				defer conn.Close()
				<-returned
				<-r.Context().Done()
				got <- s.Set("x", "1")
				got <- s.Save()
				got <- s.Reload()
			}()
		})).ServeHTTP(w, r)
	}))
	defer srv.Close()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\nCookie: __Host-session=" + b.token() + "\r\n\r\n"))
	for _, op := range []string{"Set", "Save", "Reload"} {
		if err := <-got; err != nil {
			t.Errorf("%s: %v", op, err)
		}
	}
	same(t, "field", b.get("x"), "1")
}

// TestAfterAPanic: when the handler has panicked, changes are refused as when it has returned.
func TestAfterAPanic(t *testing.T) {
	site := newSite(t, newLedger(), Options{})
	b := site.browser()
	b.login(t, "ann")
	var s *Session
	func() {
		defer func() { recover() }()
		b.do(func(x *Session) { s = x; s.Subject(); panic(http.ErrAbortHandler) })
	}()
	must(t, errors.Is(s.Set("mail", "sent"), ErrTooLate), "Set returns nil, and what it sets is lost")
}
