package larder_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
)

// The code of docs/sessions.md and docs/timeouts.md. TestDocsCode compares it with the pages line by line; docs_behaviour_test.go runs it.

type shop struct {
	sessions *session.Manager
	users    map[string]string // passwords, in clear: this is a test
}

func countVisits(w http.ResponseWriter, r *http.Request) {
	sess := session.From(r.Context())
	visits, _ := session.Get[int](sess, "visits")
	if err := sess.Set("visits", visits+1); err != nil {
		session.ErrorHandler(w, r, err)
		return
	}
	fmt.Fprintf(w, "Visit %d\n", visits+1)
}

func (s *shop) login(w http.ResponseWriter, r *http.Request) {
	user, ok := s.check(r.PostFormValue("name"), r.PostFormValue("password"))
	if !ok {
		http.Error(w, "Name or password is wrong.", http.StatusUnprocessableEntity)
		return
	}
	sess := session.From(r.Context())
	err := sess.SetSubject(user)
	if err == nil && r.PostFormValue("remember") != "" {
		err = sess.Remember(0) // for Options.RememberFor, and the cookie outlives the browser
	}
	if err == nil {
		err = sess.Flash("Welcome back.")
	}
	if err != nil {
		session.ErrorHandler(w, r, err)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (s *shop) check(name, password string) (user string, ok bool) {
	known, ok := s.users[name]
	return name, ok && known == password
}

func loginPage(w http.ResponseWriter, r *http.Request) {
	if session.From(r.Context()).Info().Ended {
		fmt.Fprintln(w, "Your session is over. Please log in again.")
	}
	fmt.Fprintln(w, `<form method="post" action="/login">…</form>`)
}

func membersOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sess := session.From(r.Context())
		switch {
		case sess.Err() != nil: // an outage is not a logout
			session.ErrorHandler(w, r, sess.Err())
		case sess.Subject() == "":
			http.Redirect(w, r, "/login", http.StatusSeeOther)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func (s *shop) logout(w http.ResponseWriter, r *http.Request) {
	if err := session.From(r.Context()).Destroy(); err != nil {
		session.ErrorHandler(w, r, err)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (s *shop) logoutEverywhere(w http.ResponseWriter, r *http.Request) {
	sess := session.From(r.Context())
	var err error
	if user := sess.Subject(); user != "" { // "" may be a second click, or an outage, which Destroy tells
		err = s.sessions.RevokeAll(r.Context(), user)
	}
	if err == nil {
		err = sess.Destroy() // it is over already; this takes the cookie away too
	}
	if err != nil {
		session.ErrorHandler(w, r, err)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (s *shop) passwordChanged(r *http.Request) error {
	sess := session.From(r.Context())
	user := sess.Subject()
	if user == "" {
		return errors.Join(errors.New("nobody is logged in"), sess.Err())
	}
	if err := s.sessions.RevokeAll(r.Context(), user); err != nil {
		return err
	}
	return sess.SetSubject(user)
}

func (s *shop) devices(w http.ResponseWriter, r *http.Request) {
	sess := session.From(r.Context())
	list, err := s.sessions.Sessions(r.Context(), sess.Subject())
	if err != nil {
		session.ErrorHandler(w, r, err)
		return
	}
	for _, d := range list {
		here := d.ID == sess.Info().Device
		fmt.Fprintf(w, "%s %q, last seen %s, here: %t\n", d.ID, d.Label, d.LastSeen.Format(time.DateTime), here)
	}
}

func (s *shop) signOut(w http.ResponseWriter, r *http.Request) {
	// Revoke goes by the subject too, so nobody signs out the devices of others.
	err := s.sessions.Revoke(r.Context(), session.From(r.Context()).Subject(), r.PostFormValue("device"))
	if err != nil {
		session.ErrorHandler(w, r, err)
		return
	}
	http.Redirect(w, r, "/devices", http.StatusSeeOther)
}

func (s *shop) home(w http.ResponseWriter, r *http.Request) {
	for _, message := range session.From(r.Context()).Flashes() {
		fmt.Fprintln(w, message)
	}
}

type cart map[string]int // how many of what

func merging() *session.Options {
	return &session.Options{
		Merge: map[string]session.Merger{
			"visits": session.Sum[int](),
			"cart": session.MergeFunc(func(base, mine, theirs cart) (cart, error) {
				if theirs == nil {
					theirs = cart{}
				}
				for item := range base {
					theirs[item] -= base[item]
				}
				for item := range mine {
					theirs[item] += mine[item]
				}
				maps.DeleteFunc(theirs, func(_ string, n int) bool { return n <= 0 })
				return theirs, nil
			}),
		},
	}
}

func stream(w http.ResponseWriter, r *http.Request) {
	sess := session.From(r.Context())
	if err := sess.Set("following", true); err != nil { // begins the session, if there is none: its cookie goes out with the first byte
		session.ErrorHandler(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	for n := range 3 {
		fmt.Fprintf(w, "data: %d\n\n", n)
		if http.NewResponseController(w).Flush() != nil {
			return
		}
		sess.Set("seen", n)
		if err := sess.Reload(); err != nil { // saves now, and not when the stream ends; ErrEnded: the user has logged out elsewhere
			return
		}
	}
}

func (s *shop) pay(w http.ResponseWriter, r *http.Request) {
	sess := session.From(r.Context())
	sess.Delete("cart")
	if err := sess.Save(); err != nil { // nothing has been sent yet: nobody pays for a cart that could not be taken
		session.ErrorHandler(w, r, err)
		return
	}
	fmt.Fprintln(w, "Thank you.")
}

func renewEvery(d time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sess := session.From(r.Context())
		if last, _ := session.Get[time.Time](sess, "renewed"); sess.Subject() != "" && time.Since(last) > d {
			sess.Renew()
			sess.Set("renewed", time.Now())
		}
		next.ServeHTTP(w, r)
	})
}

func rotation(oldKey, newKey []byte) []*session.Options {
	first := &session.Options{Keys: [][]byte{oldKey, newKey}} // signs with the old one, accepts both
	then := &session.Options{Keys: [][]byte{newKey, oldKey}}  // when all programs have the first
	last := &session.Options{Keys: [][]byte{newKey}}          // when the longest idle time-out has passed
	return []*session.Options{first, then, last}
}

func key() ([]byte, error) {
	return base64.StdEncoding.DecodeString(os.Getenv("SESSION_KEY")) // openssl rand -base64 32
}

// keptKey reads the key that New has put into the store.
func keptKey(ctx context.Context, s store.Store) ([]byte, error) {
	entry, err := s.Get(ctx, "session:key")
	if err != nil {
		return nil, err
	}
	return entry[4:], nil // behind "LS", the version of the format, and 'K'
}

func TestVisits(t *testing.T) {
	m, err := session.New(store.NewMap(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(m.Handler(http.HandlerFunc(countVisits))) // TLS, for the cookie is Secure
	defer server.Close()
	browser := server.Client()
	browser.Jar, _ = cookiejar.New(nil)
	for _, want := range []string{"Visit 1\n", "Visit 2\n"} {
		resp, err := browser.Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		if got := text(t, resp); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// loggedIn returns the cookie of somebody who is logged in.
func loggedIn(m *session.Manager, user string) *http.Cookie {
	w := httptest.NewRecorder()
	m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session.From(r.Context()).SetSubject(user)
	})).ServeHTTP(w, httptest.NewRequest("POST", "https://example.com/login", nil))
	return w.Result().Cookies()[0]
}

// down is a store whose server does not answer.
type down struct{ store.Store }

func (down) Load(context.Context, string) (*store.Item, error) { return nil, store.ErrUnavailable }

func (down) Peek(context.Context, string) (*store.Item, error) { return nil, store.ErrUnavailable }

func (down) Swap(context.Context, string, store.Version, *store.Item) (store.Version, error) {
	return "", store.ErrUnavailable
}
