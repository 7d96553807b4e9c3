package session

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// suspicion is what stands in the log when an old id turns up.
const suspicion = "may have been stolen"

func bubble(t *testing.T, o Options, test func(t *testing.T, l *ledger, site *site)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		test(t, l, newSite(t, l, o))
	})
}

func (b *browser) renew(t testing.TB) {
	t.Helper()
	before := b.token()
	same(t, "status", b.do(func(s *Session) { ok(t, s.Renew()) }), http.StatusOK)
	must(t, b.token() != before, "it has the same id after Renew")
}

// TestGrace: within the grace the old id leads to the session, writes into it, and gets no cookie; past it, it opens nothing and is logged.
func TestGrace(t *testing.T) {
	bubble(t, Options{Grace: time.Minute}, func(t *testing.T, l *ledger, site *site) {
		b := site.browser()
		b.set(t, "name", "Ann")
		old := b.twin()
		b.renew(t)
		same(t, "name by the new id", b.get("name"), "Ann")
		time.Sleep(time.Minute - time.Nanosecond)
		same(t, "name by the old id", old.get("name"), "Ann")
		old.set(t, "late", "yes")
		must(t, old.sent() == nil, "the old id got a cookie: %v", old.sent())
		same(t, "what the old id wrote", b.get("late"), "yes")
		same(t, "log", site.log.take(), "")
		time.Sleep(time.Nanosecond)
		same(t, "name by the old id past its grace", old.get("name"), "")
		must(t, old.sent() == nil, "the old id got a cookie: %v", old.sent())
		log := site.log.take()
		must(t, strings.Contains(log, suspicion) && strings.Count(log, "\n") == 1, "the log says %q", log)
		must(t, !strings.Contains(log, old.token()[:20]) && !strings.Contains(log, b.token()[:20]), "the log shows an id: %s", log)
		same(t, "name by the new id", b.get("name"), "Ann")

		old.set(t, "name", "thief") // begins a session of his own
		same(t, "name by the new id", b.get("name"), "Ann")
	})
}

// TestLostAnswer: whoever missed the answer with the new id works on with the old one, and gets another new one.
func TestLostAnswer(t *testing.T) {
	bubble(t, Options{Grace: time.Minute, Idle: 24 * time.Hour}, func(t *testing.T, l *ledger, site *site) {
		b := site.browser()
		b.set(t, "name", "Ann")
		var lost []*browser
		for n := range 5 {
			answer := b.twin() // it gets the new id, and b does not
			answer.renew(t)
			lost = append(lost, answer)
			if n == 0 {
				same(t, "name in the grace", b.get("name"), "Ann")
				must(t, b.sent() == nil, "a cookie within the grace: %v", b.sent())
			}
			time.Sleep(2 * time.Minute)
		}
		same(t, "name past the grace", b.get("name"), "Ann")
		must(t, b.sent() != nil, "past the grace, no new id was sent")
		same(t, "log", site.log.take(), "")
		b.set(t, "name", "Bob")
		time.Sleep(2 * time.Minute)
		same(t, "name by the id that arrived", b.get("name"), "Bob")
		for _, answer := range lost {
			same(t, "name by an id that was lost", answer.get("name"), "")
		}
		must(t, strings.Contains(site.log.take(), suspicion), "ids that were lost and turn up are not logged")
		same(t, "name", b.get("name"), "Bob")
	})
}

// TestNoGrace: with a negative Grace the old id works only for him who missed the answer.
func TestNoGrace(t *testing.T) {
	bubble(t, Options{Grace: -1}, func(t *testing.T, l *ledger, site *site) {
		b := site.browser()
		b.set(t, "name", "Ann")
		old := b.twin()
		b.renew(t)
		same(t, "name by the new id", b.get("name"), "Ann")
		same(t, "name by the old id", old.get("name"), "")
		must(t, strings.Contains(site.log.take(), suspicion), "it was not logged")
	})
}

// TestRenewKeeps: all that a session is moves to the new id, with what the same request changes.
func TestRenewKeeps(t *testing.T) {
	bubble(t, Options{Devices: true}, func(t *testing.T, l *ledger, site *site) {
		b := site.browser()
		b.do(func(s *Session) {
			ok(t, s.SetSubject("ann"))
			ok(t, s.Set("cart", []string{"tea"}))
			ok(t, s.Remember(0))
		})
		var before, after Info
		b.do(func(s *Session) { before = s.Info() })
		time.Sleep(time.Hour)
		b.do(func(s *Session) { ok(t, s.Renew()); ok(t, s.Set("cart", []string{"tea", "milk"})); ok(t, s.Renew()) })
		b.do(func(s *Session) {
			after = s.Info()
			cart, _ := Get[[]string](s, "cart")
			same(t, "cart", len(cart), 2)
		})
		before.LastSeen, before.IdleUntil, after.LastSeen, after.IdleUntil = time.Time{}, time.Time{}, time.Time{}, time.Time{}
		same(t, "what is known of it", after, before)
		devices, err := site.Sessions(t.Context(), "ann")
		must(t, err == nil && len(devices) == 1, "the devices are %v, %v", devices, err)
	})
}

// TestLoginKillsTheOldID: past a login the old id reaches nothing. A request that was under way with it is answered, but gets no cookie that would
// push the login's out of the browser.
func TestLoginKillsTheOldID(t *testing.T) {
	bubble(t, Options{Grace: time.Minute}, func(t *testing.T, l *ledger, site *site) {
		b := site.browser()
		b.set(t, "cart", "tea")
		old := b.twin()
		b.login(t, "ann")
		same(t, "cart", b.get("cart"), "tea")
		same(t, "subject", b.subject(), "ann")
		for _, wait := range []time.Duration{0, time.Minute - time.Nanosecond} {
			time.Sleep(wait)
			same(t, "cart by the old id", old.get("cart"), "")
			same(t, "subject by the old id", old.subject(), "")
			same(t, "status of a change by the old id", old.do(func(s *Session) { s.Set("cart", "milk") }), http.StatusConflict)
			must(t, old.sent() == nil, "the old id got a cookie: %v", old.sent())
			same(t, "status of a logout by the old id", old.do(func(s *Session) { ok(t, s.Destroy()) }), http.StatusOK)
			must(t, old.sent() == nil, "the old id got a cookie: %v", old.sent())
			same(t, "log", site.log.take(), "")
		}
		again := old.twin()
		same(t, "status of a login by the old id", again.do(func(s *Session) { s.SetSubject("eve") }), http.StatusOK)
		same(t, "cart after it", again.get("cart"), "")
		same(t, "subject after it", again.subject(), "eve")
		time.Sleep(time.Nanosecond)
		same(t, "cart by the old id past its grace", old.get("cart"), "")
		must(t, strings.Contains(site.log.take(), suspicion), "it was not logged")
		same(t, "cart", b.get("cart"), "tea")
	})
}

// TestLogins: from whom to whom, and what becomes of the fields.
func TestLogins(t *testing.T) {
	for _, c := range []struct {
		from, to string
		keeps    bool
	}{{"", "ann", true}, {"ann", "ann", true}, {"ann", "bob", false}, {"ann", "", false}} {
		bubble(t, Options{Devices: true}, func(t *testing.T, l *ledger, site *site) {
			b := site.browser()
			b.do(func(s *Session) { ok(t, s.Set("cart", "tea")); ok(t, s.Flash("hello")); ok(t, s.SetSubject(c.from)) })
			time.Sleep(time.Hour)
			before := b.twin()
			b.do(func(s *Session) {
				ok(t, s.Set("early", "yes"))
				ok(t, s.SetSubject(c.to))
				same(t, "subject at once", s.Subject(), c.to)
				same(t, "cart at once", s.Has("cart"), c.keeps)
				ok(t, s.Set("late", "yes"))
			})
			name := c.from + " to " + c.to
			must(t, b.token() != before.token(), "%s: it has the same id", name)
			b.do(func(s *Session) {
				same(t, name+": subject", s.Subject(), c.to)
				same(t, name+": cart", s.Has("cart"), c.keeps)
				same(t, name+": what was set before the login", s.Has("early"), c.keeps)
				same(t, name+": message", len(s.Flashes()) == 1, c.keeps)
				same(t, name+": what was set after the login", s.Has("late"), true)
				same(t, name+": created", s.Info().Created, time.Now())
			})
			for subject, want := range map[string]int{"ann": 0, "bob": 0, c.to: 1} {
				devices, err := site.Sessions(t.Context(), subject)
				must(t, subject == "" || err == nil && len(devices) == want, "%s: %s has %d devices, %v", name, subject, len(devices), err)
			}
		})
	}
}

// TestLostAnswerLate: the old id leads on for as long as the session lasts that was last used by it.
func TestLostAnswerLate(t *testing.T) {
	bubble(t, Options{Grace: 10 * time.Minute, Idle: time.Hour}, func(t *testing.T, l *ledger, site *site) {
		b := site.browser()
		b.set(t, "name", "Ann")
		b.twin().renew(t)
		time.Sleep(10*time.Minute - 1)
		same(t, "name in the grace", b.get("name"), "Ann")
		time.Sleep(time.Hour)
		same(t, "name an hour later", b.get("name"), "Ann")
		must(t, b.sent() != nil, "no new id was sent")
	})
}

// TestRememberAfterSave: the new id of a login that was saved, and only then remembered, works for as long as it says, also if it is used late.
func TestRememberAfterSave(t *testing.T) {
	bubble(t, Options{Idle: time.Hour, RememberFor: 100 * time.Hour}, func(t *testing.T, l *ledger, site *site) {
		for _, renew := range []func(s *Session) error{(*Session).Renew, func(s *Session) error { return s.SetSubject("ann") }} {
			b := site.browser()
			b.set(t, "name", "Ann")
			b.do(func(s *Session) { ok(t, renew(s)); ok(t, s.Save()); ok(t, s.Remember(0)) })
			time.Sleep(99 * time.Hour)
			same(t, "name", b.get("name"), "Ann")
		}
		same(t, "log", site.log.take(), "")
	})
}
