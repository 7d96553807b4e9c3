package session_test

import (
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
)

// TestForever: who wants no limit must not get sessions that are over at once because times overflow: a century works, and more is refused.
func TestForever(t *testing.T) {
	const century = 100 * 365 * 24 * time.Hour
	for name, o := range map[string]func(d time.Duration) session.Options{
		"Idle":        func(d time.Duration) session.Options { return session.Options{Idle: d} },
		"Lifetime":    func(d time.Duration) session.Options { return session.Options{Lifetime: d} },
		"RememberFor": func(d time.Duration) session.Options { return session.Options{RememberFor: d} },
		"all": func(d time.Duration) session.Options {
			return session.Options{Idle: d, Lifetime: d, RememberFor: d, Grace: d}
		},
	} {
		for _, d := range []time.Duration{century + 1, math.MaxInt64} {
			options := o(d)
			options.Keys = raceKeys
			if _, err := session.New(store.NewMap(nil), &options); err == nil {
				t.Errorf("%s: New takes %v", name, d)
			}
		}
		m := manage(t, store.NewMap(nil), o(century))
		a := visit(t, m, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if s.Remember(century+1) == nil {
				t.Error("Remember takes more than a century")
			}
			check(t, s.Set("mark", "here"))
			check(t, s.SetSubject("alice"))
			check(t, s.Remember(century))
		})
		alive(t, m, name, a.token, "alice")
		alive(t, m, name, renewed(t, m, a.token), "alice")
		alive(t, m, name, marked(t, m, "mark", "here"), "")
	}
}
