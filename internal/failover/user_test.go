package failover

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
)

const users = 6

// site is the program: a handler with sessions, as it stands in the guide.
func site(t testing.TB, s store.Store) http.Handler {
	t.Helper()
	m, err := session.New(s, &session.Options{SaveTimeout: 2 * own, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		sess := session.From(r.Context())
		sess.SetSubject(r.FormValue("name"))
		sess.Set("count", 0)
	})
	mux.HandleFunc("/count", func(w http.ResponseWriter, r *http.Request) {
		sess := session.From(r.Context())
		n, _ := session.Get[int](sess, "count")
		if sess.Subject() != "" {
			n++
			sess.Set("count", n)
		}
		fmt.Fprintf(w, "%q %d", sess.Subject(), n)
	})
	return m.Handler(mux)
}

// user is somebody who is logged in, and counts in his session. He notices when he is logged out, and when a count is gone.
type user struct {
	log
	site   http.Handler
	clock  clock
	rng    *rand.Rand
	name   string
	cookie *http.Cookie
	faults faults
	loses  bool // what was acknowledged may be lost

	count  int // as it was told last
	unsure int // requests since then of which it is not known whether they counted
	steps  []step
}

// step is a count that is less than the one that was acknowledged before.
type step struct {
	at   time.Duration
	lost int
}

var (
	errRefused  = errors.New("503")
	errConflict = errors.New("409")
)

// request returns errRefused where the store does not answer. Anything else that is not 200 is a fault.
func (u *user) request(path string) (body string, err error) {
	r := httptest.NewRequest(http.MethodGet, "https://site.example"+path, nil)
	if u.cookie != nil {
		r.AddCookie(u.cookie)
	}
	w := httptest.NewRecorder()
	u.site.ServeHTTP(w, r)
	set := w.Result().Cookies()
	switch {
	case w.Code == http.StatusServiceUnavailable:
		if len(set) > 0 {
			u.faults.say("a 503 sets a cookie: %v", set)
		}
		return "", errRefused
	case w.Code == http.StatusConflict: // what this request has read is not there any more
		if len(set) > 0 {
			u.faults.say("a 409 sets a cookie: %v", set)
		}
		return "", errConflict
	case w.Code != http.StatusOK:
		return "", fmt.Errorf("status %d", w.Code)
	}
	for _, c := range set {
		if u.cookie = c; c.MaxAge < 0 || c.Value == "" {
			u.faults.say("%s: the cookie of %s was cleared", path, u.name)
		}
	}
	return w.Body.String(), nil
}

func (u *user) login() error {
	u.count, u.unsure = 0, 0
	_, err := u.request("/login?name=" + u.name)
	return err
}

// work counts until it is told to end.
func (u *user) work(quit <-chan struct{}) {
	for {
		select {
		case <-quit:
			return
		case <-time.After(time.Duration(u.rng.IntN(5000)) * time.Microsecond):
		}
		c := call{what: "request", begin: u.clock.now()}
		c.err = u.visit()
		c.end = u.clock.now()
		if c.err != nil && c.err != errRefused && !(c.err == errConflict && u.loses) {
			u.faults.say("%s: %v", u.name, c.err)
		}
		u.add(c)
	}
}

func (u *user) visit() error {
	body, err := u.request("/count")
	if err != nil {
		if err == errRefused {
			u.unsure++
		}
		return err
	}
	var name string
	var n int
	if _, err := fmt.Sscanf(body, "%q %d", &name, &n); err != nil || name != u.name {
		return fmt.Errorf("the session is another, or none: %q", body)
	}
	switch {
	case n > u.count+u.unsure+1:
		return fmt.Errorf("%d, after %d and %d of which nothing is known", n, u.count, u.unsure)
	case n <= u.count:
		u.steps = append(u.steps, step{u.clock.now(), u.count + 1 - n})
	}
	u.count, u.unsure = n, 0
	return nil
}
