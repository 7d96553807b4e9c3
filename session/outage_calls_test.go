package session_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/larder-go/larder/internal/interleave"
	"github.com/larder-go/larder/session"
)

// deeds are what requests do to a session that has the field "before".
var deeds = map[string]func(s *session.Session) error{
	"read":           func(s *session.Session) error { s.Keys(); return nil },
	"set":            func(s *session.Session) error { return s.Set("n", "1") },
	"clear":          func(s *session.Session) error { return s.Clear() },
	"flash":          func(s *session.Session) error { return s.Flash("hello") },
	"renew":          func(s *session.Session) error { return s.Renew() },
	"renew, set":     func(s *session.Session) error { s.Renew(); return s.Set("n", "1") },
	"remember":       func(s *session.Session) error { return s.Remember(0) },
	"login":          func(s *session.Session) error { s.Set("n", "1"); return s.SetSubject("bob") },
	"login again":    func(s *session.Session) error { return s.SetSubject("ann") },
	"nobody":         func(s *session.Session) error { return s.SetSubject("") },
	"destroy":        func(s *session.Session) error { return s.Destroy() },
	"destroy, begin": func(s *session.Session) error { s.Destroy(); return s.Set("n", "1") },
}

// stages are what the visitor has when the deed is done.
var stages = map[string]func(th *theater) *visitor{
	"nobody's": (*theater).known,
	"ann's": func(th *theater) *visitor {
		v := th.known()
		v.aside(func(s *session.Session) { need(s.SetSubject("ann")) })
		v.aside(func(s *session.Session) { s.Keys() }) // the new id is used
		return v
	},
	"new id": func(th *theater) *visitor { // nobody has used it yet
		v := th.known()
		v.aside(func(s *session.Session) { need(s.Renew()) })
		return v
	},
	"old id": func(th *theater) *visitor { // the answer with the new one was lost
		v := th.known()
		old := v.value
		v.aside(func(s *session.Session) { need(s.Renew()) })
		v.value = old
		return v
	},
}

// sight is a session as a reader sees it.
func (v *visitor) sight() (seen string) {
	v.th.t.Helper()
	v.aside(func(s *session.Session) {
		fields := map[string]string{}
		for _, name := range s.Keys() {
			fields[name], _ = session.Get[string](s, name)
		}
		i := s.Info()
		seen = fmt.Sprintf("%v, flashes %q, of %q, remembered %v, new %v", fields, s.Flashes(), i.Subject, i.Remembered, i.New)
	})
	return seen
}

const nothing = `map[], flashes [], of "", remembered false, new true`

// faults are how a store fails from its n-th call on, or in that one alone.
var faults = map[string]func(n int) func(interleave.Call, func() error) error{
	"one call":  func(n int) func(interleave.Call, func() error) error { return downWhen(countdown(n, false)) },
	"from then": func(n int) func(interleave.Call, func() error) error { return downWhen(countdown(n, true)) },
	"lost":      func(n int) func(interleave.Call, func() error) error { return lostWhen(countdown(n, false)) },
	"lost, down": func(n int) func(interleave.Call, func() error) error {
		lost, dead := lostWhen(countdown(n, false)), downWhen(countdown(n+1, true))
		return func(c interleave.Call, call func() error) error {
			return dead(c, func() error { return lost(c, call) })
		}
	},
}

func countdown(n int, on bool) func(interleave.Call) bool {
	return func(interleave.Call) bool { n--; return n == 0 || on && n < 0 }
}

// TestOutageAtEachCall has the store fail at each of its calls, before it did anything or with its answer lost, for every operation, and holds: the
// client gets what it asked for, or 503 and no cookie; then its session is as before, or whole as it was to be, and another try succeeds.
func TestOutageAtEachCall(t *testing.T) {
	h := func(w http.ResponseWriter, r *http.Request) {
		name, _ := url.QueryUnescape(r.URL.RawQuery)
		if err := deeds[name](session.From(r.Context())); err != nil {
			session.ErrorHandler(w, r, err)
			return
		}
		io.WriteString(w, story)
	}
	for _, devices := range []bool{false, true} {
		if !devices && os.Getenv("LARDER_SOAK") == "" {
			continue // with a list of devices there are the same calls, and more
		}
		// No grace, so that a login that was lost holds nobody up; each use is written, so that each request may fail in that too.
		th := staging{options: session.Options{Grace: -1, TouchAfter: -1, Devices: devices}}.open(t, h)
		tried := 0
		for stage, enter := range stages {
			for deed := range deeds {
				path := "/?" + url.QueryEscape(deed)
				th.fail(nil)
				v := enter(th)
				if a := v.get(path); a.status != 200 {
					t.Fatalf("%s, %s: %+v", stage, deed, a)
				}
				done := v.sight()
				for how, fault := range faults {
					for n, met := 1, true; met; n++ {
						th.fail(nil)
						v := enter(th)
						cookie, before := v.value, enter(th).sight()
						met = false
						th.take()
						th.fail(fault(n))
						a := v.get(path)
						met = len(th.take()) >= n
						th.fail(nil)
						tried++
						if err := judge(a, v, cookie, before, done, deed, how, th); err != nil {
							t.Errorf("%s, %s, %s at call %d, devices %v: %v", stage, deed, how, n, devices, err)
						}
					}
				}
			}
		}
		t.Logf("%d outages", tried)
	}
}

func judge(a reply, v *visitor, cookie, before, done, deed, how string, th *theater) error {
	if a.err == nil && a.status == 200 {
		if seen := v.sight(); seen != done {
			return fmt.Errorf("answered, and the session is %s, want %s", seen, done)
		}
		return nil
	}
	if err := a.isDown(); err != nil {
		// Destroy is done before what comes after it fails.
		if !strings.HasPrefix(deed, "destroy") || a.status != 503 || v.value != "" {
			return err
		}
	}
	seen := v.sight()
	login := strings.HasPrefix(deed, "login") || deed == "nobody"
	switch {
	case seen == before || seen == done:
	case seen == nothing && (strings.HasPrefix(deed, "destroy") || login && strings.HasPrefix(how, "lost")): // the old id is dead, and the new one lost
	default:
		return fmt.Errorf("503, and the session is %s, neither %s nor %s", seen, before, done)
	}
	if v.value == "" {
		v.value = cookie
	}
	a = v.get("/?" + url.QueryEscape(deed))
	if a.status != 200 {
		return fmt.Errorf("another try: %+v", a)
	}
	if again := v.sight(); seen == before && again != done {
		return fmt.Errorf("after another try the session is %s, want %s", again, done)
	}
	return nil
}
