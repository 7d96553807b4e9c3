package session_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/internal/interleave"
	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
)

// attacks are what somebody does who has planted a cookie of his own in the victim's browser, and so has its token too.
var attacks = []struct {
	name string
	act  action
}{
	{"nothing", func(http.ResponseWriter, *http.Request, *session.Session) {}},
	{"read", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Keys() }},
	{"set", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Set("planted", "field") }},
	{"renew", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Renew() }},
	{"renew and set", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Renew(); s.Set("planted", "field") }},
	{"remember", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Remember(0) }},
	{"log in", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.SetSubject("mallory") }},
	{"log in as nobody", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.SetSubject("") }},
	{"destroy", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Destroy() }},
	{"destroy and set", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Destroy()
		s.Set("planted", "field")
	}},
}

// TestFixation plants a token that the server issued, has the victim log in with it, and the attacker do something before each call of the
// store that the login makes, or the victim log in before each call that the attacker's request makes, and after it, once or twice. Whatever
// he has in the end opens nothing of the victim's: not at once, not in the grace, not after it.
func TestFixation(t *testing.T) {
	for _, attack := range attacks {
		t.Run(attack.name, func(t *testing.T) {
			for _, nested := range []string{"attack within login", "login within attack"} {
				for _, own := range []string{"", "mallory"} { // the planted session may be logged in already
					for at := 1; ; at++ {
						within := false
						synctest.Test(t, func(t *testing.T) {
							within = fixation(t, attack.act, strings.HasPrefix(attack.name, "destroy"), nested, own, at)
						})
						if !within || t.Failed() {
							break
						}
					}
				}
			}
		})
	}
}

// fixation plays it with the second request before call at of the first one. It returns whether there was such a call. Where the attack
// destroys, and meets the login under way, it may end the victim's session: that is what Destroy is for, and who has planted a token can log out.
func fixation(t *testing.T, attack action, destroys bool, nested, own string, at int) (within bool) {
	var during func()
	calls := 0
	s := &interleave.Store{Under: store.NewMap(nil), Around: func(_ context.Context, _ interleave.Call, call func() error) error {
		if during != nil {
			if calls++; calls == at {
				now := during
				during, within = nil, true
				now()
			}
		}
		return call()
	}}
	m := manage(t, s, session.Options{Devices: true, Grace: time.Minute})
	planted := marked(t, m, "mark", "here")
	if own != "" {
		planted = logInAs(t, m, own, planted)
	}
	attackers := []string{planted}
	hit := func() {
		for range 2 { // the second time with what the first one brought
			if a := visit(t, m, attack, attackers[len(attackers)-1]); a.token != "" {
				attackers = append(attackers, a.token)
			}
		}
	}
	var victims answer
	login := func() {
		victims = visit(t, m, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			s.SetSubject("alice")
			s.Set("secret", "alice's")
		}, planted)
	}
	if nested == "attack within login" {
		during = hit
		login()
	} else {
		during = login
		hit()
	}
	if during != nil {
		during()
	}
	hit()
	what := fmt.Sprintf("%s %d of %q", nested, at, own)
	if slices.Contains(attackers, victims.token) || victims.code == http.StatusOK && victims.token == "" {
		t.Fatalf("%s: the login is answered by status %d, and the attacker's own token", what, victims.code)
	}
	for _, when := range []time.Duration{0, 59 * time.Second, 2 * time.Second, time.Hour} {
		time.Sleep(when)
		for _, token := range attackers {
			visit(t, m, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				if s.Subject() == "alice" || s.Has("secret") {
					t.Errorf("%s: after %v the attacker is %q, and reads %v", what, when, s.Subject(), s.Keys())
				}
				s.Set("planted", "after the login")
			}, token)
		}
		if victims.token == "" {
			continue // 409: it was not done
		}
		visit(t, m, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if destroys && len(s.Keys()) == 0 && s.Subject() == "" {
				return
			}
			if planted, _ := session.Get[string](s, "planted"); s.Subject() != "alice" || !s.Has("secret") || planted == "after the login" {
				t.Errorf("%s: after %v the victim is %q, with %v, planted %q", what, when, s.Subject(), s.Keys(), planted)
			}
			if own != "" && s.Has("mark") {
				t.Errorf("%s: the victim has a field of %q", what, own)
			}
		}, victims.token)
	}
	return within
}

// TestTossedCookies: a neighbour's subdomain tosses in a cookie of the same name, which __Host- forbids, and so browsers send two that are
// both valid, in either order. A login ends the planted one, or leaves it behind; a logout ends both.
func TestTossedCookies(t *testing.T) {
	for _, order := range []string{"planted first", "planted last"} {
		m := manage(t, store.NewMap(nil), session.Options{})
		cookies := func(own, planted string) []string {
			if order == "planted first" {
				return []string{planted, own}
			}
			return []string{own, planted}
		}
		planted := marked(t, m, "mark", "planted")
		own := marked(t, m, "mark", "own")
		a := visit(t, m, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { check(t, s.SetSubject("alice")) }, cookies(own, planted)...)
		own = a.token
		_, subject, _ := look(t, m, cookies(own, planted)...)
		if _, attacker, _ := look(t, m, planted); attacker != "" {
			t.Errorf("%s: the planted token became %q", order, attacker)
		}
		if order == "planted first" && subject != "alice" {
			t.Errorf("%s: after her login the victim is %q", order, subject)
		}
		bystander := logInAs(t, m, "bob", "")
		a = visit(t, m, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { check(t, s.Destroy()) }, append(cookies(own, planted), bystander+"x")...)
		if !a.cleared {
			t.Errorf("%s: the logout leaves the cookie", order)
		}
		dead(t, m, order+", logout", own, planted)
		if _, subject, _ := look(t, m, bystander); subject != "bob" {
			t.Errorf("%s: the logout ended a session whose token was not there", order)
		}
	}
}

// TestCookieThatBrowsersGuard: the names that a browser lets nobody toss in are compared to the letter. A proxy or a server that trims more than
// it should would give them away.
func TestCookieThatBrowsersGuard(t *testing.T) {
	m := manage(t, store.NewMap(nil), session.Options{})
	token := marked(t, m, "mark", "here")
	for _, name := range []string{"__host-session", "\u2000__Host-session", "\u00a0__Host-session", "\x85__Host-session", "__Host-session\u2000", "$__Host-session", ""} {
		r, _ := http.NewRequestWithContext(t.Context(), "GET", "https://example.test/", nil)
		r.Header.Set("Cookie", name+"="+token)
		serve(t, m, func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
			if s.Has("mark") {
				t.Errorf("a cookie by the name of %q opens the session", name)
			}
			io.WriteString(w, "seen")
		}, r)
	}
}
