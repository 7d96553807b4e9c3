package session_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/larder-go/larder/session"
)

// dead checks that these tokens open nothing, that a read with them is answered without a cookie, and that what is set with them goes
// elsewhere, or nowhere.
func dead(t *testing.T, m *session.Manager, what string, tokens ...string) {
	t.Helper()
	for n, token := range tokens {
		mark, subject, a := look(t, m, token)
		if mark != "" || subject != "" || a.code != http.StatusOK || a.token != "" || a.cleared {
			t.Errorf("%s: token %d of %d reads %q of %q, status %d, cookie %v", what, n, len(tokens), mark, subject, a.code, a.token != "" || a.cleared)
		}
		a = visit(t, m, func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
			s.Set("mark", "from the grave")
			io.WriteString(w, "set")
		}, token)
		if a.token == token || a.code != http.StatusConflict && a.token == "" {
			t.Errorf("%s: token %d of %d is set on: status %d", what, n, len(tokens), a.code)
		}
		if mark, subject, _ := look(t, m, token); mark != "" || subject != "" {
			t.Errorf("%s: token %d of %d came back: %q of %q", what, n, len(tokens), mark, subject)
		}
	}
}

func alive(t *testing.T, m *session.Manager, what, token, subject string) {
	t.Helper()
	if mark, of, a := look(t, m, token); mark != "here" || of != subject {
		t.Errorf("%s: the session that should live reads %q of %q, status %d", what, mark, of, a.code)
	}
}

func renewed(t *testing.T, m *session.Manager, token string) string {
	t.Helper()
	a := visit(t, m, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { check(t, s.Renew()) }, token)
	if a.token == "" || a.token == token {
		t.Fatalf("Renew sends no new token: status %d", a.code)
	}
	return a.token
}

func destroyed(t *testing.T, m *session.Manager, token string) {
	t.Helper()
	a := visit(t, m, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { check(t, s.Destroy()) }, token)
	if !a.cleared {
		t.Errorf("Destroy leaves the client its cookie: status %d", a.code)
	}
}

func device(t *testing.T, m *session.Manager, token string) (id string) {
	t.Helper()
	visit(t, m, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { id = s.Info().Device }, token)
	return id
}

// TestOldTokensAreDead: after each way in which a session ends or changes its id, every token that it ever had is worthless, on every store.
func TestOldTokensAreDead(t *testing.T) {
	for _, b := range raceStores {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			s := b.open(t)
			m := manage(t, s, session.Options{Devices: true, Grace: time.Hour}) // nothing dies because its grace is over
			strict := manage(t, s, session.Options{Devices: true, Grace: -1})
			ctx := t.Context()

			first := marked(t, strict, "mark", "here")
			renewed(t, strict, first)
			alive(t, strict, "Renew, answer lost", first, "") // and that renewed it again
			second := renewed(t, strict, first)
			alive(t, strict, "Renew", second, "")
			dead(t, strict, "Renew", first)

			first = marked(t, m, "mark", "here")
			second = logInAs(t, m, "alice", first)
			dead(t, m, "login, new id unused", first)
			alive(t, m, "login", second, "alice")
			dead(t, m, "login", first)
			third := logInAs(t, m, "alice", second)
			dead(t, m, "login again", first, second)
			alive(t, m, "login again", third, "alice")

			fourth := renewed(t, m, third)
			alive(t, m, "Renew within the grace", third, "alice")
			destroyed(t, m, fourth)
			dead(t, m, "Destroy by the new id", first, second, third, fourth)

			first = marked(t, m, "mark", "here")
			second = renewed(t, m, first)
			third = renewed(t, m, second)
			destroyed(t, m, first)
			dead(t, m, "Destroy by an old id", first, second, third)

			var alices []string
			for range 3 {
				token := logInAs(t, m, "alice", marked(t, m, "mark", "here"))
				alices = append(alices, token, renewed(t, m, token))
			}
			bob := logInAs(t, m, "bob", marked(t, m, "mark", "here"))
			check(t, m.Revoke(ctx, "bob", device(t, m, alices[0])))
			alive(t, m, "Revoke for another subject", alices[0], "alice")
			check(t, m.Revoke(ctx, "alice", device(t, m, alices[0])))
			dead(t, m, "Revoke", alices[:2]...)
			alive(t, m, "Revoke of another device", alices[3], "alice")
			check(t, m.RevokeAll(ctx, "alice"))
			dead(t, m, "RevokeAll", alices...)
			alive(t, m, "RevokeAll of another subject", bob, "bob")
			again := logInAs(t, m, "alice", marked(t, m, "mark", "here"))
			dead(t, m, "RevokeAll and a new login", alices...)
			alive(t, m, "a login after RevokeAll", again, "alice")

			capped := manage(t, s, session.Options{MaxSessions: 1, Grace: time.Hour})
			newest := logInAs(t, capped, "alice", marked(t, capped, "mark", "here"))
			dead(t, capped, "MaxSessions", again)
			alive(t, capped, "MaxSessions", newest, "alice")
		})
	}
}
