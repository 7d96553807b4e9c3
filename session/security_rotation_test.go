package session_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
)

// TestKeyRotationLogsNobodyOut changes the key in the three steps that Options.Keys describes, while managers of one step and the next serve
// side by side, as they do in a rolling update, and clients come by as seldom as they may.
func TestKeyRotationLogsNobodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old, next := randomBytes(32), randomBytes(32)
		s, calls := counted(store.NewMap(nil))
		step := func(keys ...[]byte) *session.Manager {
			return manage(t, s, session.Options{Keys: keys, Idle: 24 * time.Hour, Lifetime: 30 * 24 * time.Hour})
		}
		steps := []*session.Manager{step(old), step(old, next), step(next, old), step(next)}
		tokens := map[string]string{"": marked(t, steps[0], "mark", "here")}
		tokens["alice"] = logInAs(t, steps[0], "alice", marked(t, steps[0], "mark", "here"))
		tokens["bob"] = visit(t, steps[0], func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			check(t, s.Set("mark", "here"))
			check(t, s.SetSubject("bob"))
			check(t, s.Remember(0))
		}).token
		idle := tokens["bob"]
		come := func(what string, m *session.Manager) {
			t.Helper()
			for subject, token := range tokens {
				mark, of, a := look(t, m, token)
				if mark != "here" || of != subject {
					t.Errorf("%s: the session of %q reads %q of %q", what, subject, mark, of)
				}
				if a.token != "" {
					tokens[subject] = a.token
				}
			}
		}
		for n := range 3 {
			come("before the next step", steps[n])
			time.Sleep(23 * time.Hour) // nearly idle for too long
			for range 3 {              // what one has signed, the other accepts, back and forth
				come("the one", steps[n+1])
				come("the other", steps[n])
			}
			time.Sleep(23 * time.Hour)
		}
		come("at the end", steps[3])
		for subject, token := range tokens {
			if idle := token == idle; idle {
				t.Errorf("the token of %q was never signed with the new key", subject)
			}
		}
		before := calls.Load()
		if _, subject, a := look(t, steps[3], idle); subject != "" || a.token != "" || a.cleared || calls.Load() != before {
			t.Errorf("a token signed with the key that was dropped: subject %q, %d calls of the store", subject, calls.Load()-before)
		}
		if mark, _, _ := look(t, steps[2], idle); mark != "here" {
			t.Error("the same token with the old key still in the ring opens nothing: the session went, not the key")
		}
		// Why there are three steps: who skips the first one lets the new key meet programs that do not have it.
		if mark, _, _ := look(t, steps[0], tokens["alice"]); mark != "" {
			t.Error("a manager accepts a key that it does not have")
		}
	})
}

// TestWeakKeysAreRefused: too short, or never filled in.
func TestWeakKeysAreRefused(t *testing.T) {
	for what, keys := range map[string][][]byte{"short": {randomBytes(31)}, "zeros": {make([]byte, 32)}, "none": {}, "empty": {{}}, "a short one behind": {randomBytes(32), randomBytes(16)}} {
		if _, err := session.New(store.NewMap(nil), &session.Options{Keys: keys}); err == nil {
			t.Errorf("%s: New takes these keys", what)
		}
	}
	keys := [][]byte{randomBytes(32)}
	m := manage(t, store.NewMap(nil), session.Options{Keys: keys})
	token := marked(t, m, "mark", "here")
	clear(keys[0]) // the caller's own
	if mark, _, _ := look(t, m, token); mark != "here" {
		t.Error("the manager uses the memory of the caller's key")
	}
}
