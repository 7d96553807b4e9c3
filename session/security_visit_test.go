package session_test

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/larder-go/larder/internal/interleave"
	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
)

// The tests in security_*_test.go are what docs/security.md points at. Here is what they have in common: a site whose handler does what the
// test says, and visits to it. Tokens are made by hand, so that what they are is fixed here too.

const hostCookie = "__Host-session"

var b64 = base64.RawURLEncoding.Strict()

// sign makes a token as token.go describes it.
func sign(key []byte, name string, id []byte) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("larder session\x00" + name + "\x00"))
	h.Write(id)
	return b64.EncodeToString(id) + "." + b64.EncodeToString(h.Sum(nil))
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// idOf is the id within a token.
func idOf(t testing.TB, token string) []byte {
	t.Helper()
	text, _, _ := strings.Cut(token, ".")
	id, err := b64.DecodeString(text)
	if err != nil || len(id) != 32 {
		t.Fatalf("a token does not begin with an id: %d bytes, %v", len(id), err)
	}
	return id
}

// recordKey is where the session of an id stands under the prefix "session:".
func recordKey(id []byte) string {
	sum := sha256.Sum256(id)
	return "session:s:" + b64.EncodeToString(sum[:])
}

// counted counts the calls of a store.
func counted(s store.Store) (store.Store, *atomic.Int64) {
	calls := new(atomic.Int64)
	return &interleave.Store{Under: s, Around: func(_ context.Context, _ interleave.Call, call func() error) error {
		calls.Add(1)
		return call()
	}}, calls
}

// manage makes a manager that keeps quiet and has a key that the tests know, unless o says otherwise.
func manage(t testing.TB, s store.Store, o session.Options) *session.Manager {
	t.Helper()
	if o.Keys == nil {
		o.Keys = raceKeys
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	m, err := session.New(s, &o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// action is what a handler does in one request.
type action func(w http.ResponseWriter, r *http.Request, s *session.Session)

// answer is what a client got.
type answer struct {
	code    int
	header  http.Header
	body    string
	token   string // that a cookie brought
	cleared bool   // the cookie was taken away
}

// visit makes one request with these values of the cookie, and lets the handler do act.
func visit(t testing.TB, m *session.Manager, act action, tokens ...string) answer {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "GET", "https://example.test/", nil)
	for _, token := range tokens {
		if token != "" {
			r.Header.Add("Cookie", hostCookie+"="+token)
		}
	}
	return serve(t, m, act, r)
}

func serve(t testing.TB, m *session.Manager, act action, r *http.Request) answer {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		act(w, r, session.From(r.Context()))
	})).ServeHTTP(w, r)
	a := answer{code: w.Code, header: w.Header(), body: w.Body.String()}
	for _, c := range w.Result().Cookies() {
		switch {
		case !strings.HasSuffix(c.Name, "session"):
		case c.MaxAge < 0:
			a.cleared = true
		default:
			a.token = c.Value
		}
	}
	return a
}

// marked makes a session with a field in it and returns its token.
func marked(t testing.TB, m *session.Manager, field, value string) string {
	t.Helper()
	a := visit(t, m, func(w http.ResponseWriter, _ *http.Request, s *session.Session) { check(t, s.Set(field, value)) })
	if a.token == "" {
		t.Fatalf("a session that begins sends no token: status %d", a.code)
	}
	return a.token
}

// logInAs logs the client with this token in, and returns the one that it has then.
func logInAs(t testing.TB, m *session.Manager, subject, token string) string {
	t.Helper()
	a := visit(t, m, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { check(t, s.SetSubject(subject)) }, token)
	if a.token == "" || a.token == token {
		t.Fatalf("a login sends no new token: status %d", a.code)
	}
	return a.token
}

// look reads the field "mark" and the subject, and nothing else.
func look(t testing.TB, m *session.Manager, tokens ...string) (mark, subject string, a answer) {
	t.Helper()
	a = visit(t, m, func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		mark, _ = session.Get[string](s, "mark")
		subject = s.Subject()
		io.WriteString(w, "seen")
	}, tokens...)
	return mark, subject, a
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// share is how many tries there are: all of them without the race detector or with LARDER_SOAK=1, some of them otherwise.
func share(all, some int) int {
	slow := false
	if info, ok := debug.ReadBuildInfo(); ok {
		slow = slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
	}
	if os.Getenv("LARDER_SOAK") == "" && (slow || testing.Short()) {
		return some
	}
	return all
}
