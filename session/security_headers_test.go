package session_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/larder-go/larder/internal/interleave"
	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
)

func doSet(_ http.ResponseWriter, _ *http.Request, s *session.Session)     { s.Set("mark", "here") }
func doRead(_ http.ResponseWriter, _ *http.Request, s *session.Session)    { s.Has("mark") }
func doNothing(w http.ResponseWriter, _ *http.Request, _ *session.Session) { io.WriteString(w, "page") }
func doChange(_ http.ResponseWriter, _ *http.Request, s *session.Session)  { s.Set("mark", "there") }
func doRenew(_ http.ResponseWriter, _ *http.Request, s *session.Session)   { s.Renew() }
func doEnd(_ http.ResponseWriter, _ *http.Request, s *session.Session)     { s.Destroy() }
func doSignIn(_ http.ResponseWriter, _ *http.Request, s *session.Session)  { s.SetSubject("alice") }
func doRemember(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
	s.SetSubject("alice")
	s.Remember(0)
}

// with sets a header first, as a handler does.
func with(name, value string, then action) action {
	return func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		w.Header().Add(name, value)
		then(w, r, s)
	}
}

// goldenCases are in testdata/golden/headers.txt, each with the headers of its answer. have: the client comes with a session.
var goldenCases = []struct {
	name string
	o    session.Options
	have bool
	act  action
}{
	{"not used, no session", session.Options{}, false, doNothing},
	{"not used", session.Options{}, true, doNothing},
	{"read, no session", session.Options{}, false, doRead},
	{"read", session.Options{}, true, doRead},
	{"first set", session.Options{}, false, doSet},
	{"set", session.Options{}, true, doChange},
	{"renew", session.Options{}, true, doRenew},
	{"login", session.Options{}, false, doSignIn},
	{"login, with a session", session.Options{}, true, doSignIn},
	{"login, remembered", session.Options{}, true, doRemember},
	{"logout", session.Options{}, true, doEnd},
	{"logout, no session", session.Options{}, false, doEnd},
	{"logout, then set", session.Options{}, true, func(w http.ResponseWriter, r *http.Request, s *session.Session) { doEnd(w, r, s); doSet(w, r, s) }},
	{"redirect after a login", session.Options{}, true, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		doSignIn(w, r, s)
		http.Redirect(w, r, "/home", http.StatusSeeOther)
	}},
	{"cookie with a name, Strict", session.Options{Cookie: session.Cookie{Name: "id-session", SameSite: http.SameSiteStrictMode}}, false, doSet},
	{"cookie with SameSite=None, Partitioned", session.Options{Cookie: session.Cookie{SameSite: http.SameSiteNoneMode, Partitioned: true}}, false, doSet},
	{"cookie with SameSite=None, Partitioned, logout", session.Options{Cookie: session.Cookie{SameSite: http.SameSiteNoneMode, Partitioned: true}}, true, doEnd},
	{"cookie with a domain", session.Options{Cookie: session.Cookie{Domain: "example.test"}}, false, doSet},
	{"cookie with a domain, logout", session.Options{Cookie: session.Cookie{Domain: "example.test"}}, true, doEnd},
	{"cookie with a path", session.Options{Cookie: session.Cookie{Path: "/app"}}, false, doSet},
	{"cookie with a path, logout", session.Options{Cookie: session.Cookie{Path: "/app"}}, true, doEnd},
	{"cookie that scripts can read", session.Options{Cookie: session.Cookie{Readable: true}}, false, doSet},
	{"cookie that is persistent", session.Options{Cookie: session.Cookie{Persistent: true}}, false, doSet},
	{"insecure cookie", session.Options{Cookie: session.Cookie{Insecure: true}}, false, doSet},
	{"insecure cookie, logout", session.Options{Cookie: session.Cookie{Insecure: true}}, true, doEnd},
	{"header, first set", session.Options{Header: "session-token"}, false, doSet},
	{"header, read", session.Options{Header: "Session-Token"}, true, doRead},
	{"header, login", session.Options{Header: "Session-Token"}, true, doSignIn},
	{"header, logout", session.Options{Header: "Session-Token"}, true, doEnd},
	{"Authorization, first set", session.Options{Header: "Authorization"}, false, doSet},
	{"Authorization, read", session.Options{Header: "Authorization"}, true, doRead},
	{"own Cache-Control, read", session.Options{}, true, with("Cache-Control", "private, max-age=60", doRead)},
	{"own Cache-Control, first set", session.Options{}, false, with("Cache-Control", "public, max-age=60", doSet)},
	{"own Cache-Control, logout", session.Options{}, true, with("Cache-Control", "public, max-age=60", doEnd)},
	{"own Vary", session.Options{}, true, with("Vary", "Accept-Encoding", doRead)},
	{"own Vary names it", session.Options{}, true, with("Vary", "Accept, cookie", doRead)},
	{"own Vary names all", session.Options{}, true, with("Vary", "*", doRead)},
	{"own cookies", session.Options{}, false, with("Set-Cookie", "theme=dark", with("Set-Cookie", "__Host-session=mine", with("Set-Cookie", "__Host-session2=other", doSet)))},
	{"outage", session.Options{Prefix: "down:"}, true, with("Cache-Control", "public", with("Set-Cookie", "theme=dark", doChange))},
	{"outage, nothing changed", session.Options{Prefix: "down:"}, true, doRead},
	{"outage, anonymous", session.Options{Prefix: "down:", Outage: session.Anonymous}, true, doRead},
	{"ended meanwhile", session.Options{}, true, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		w.Header().Set("Location", "/done")
		doChange(w, r, s)
		elsewhere(r, doEnd)
	}},
	{"own error answer", session.Options{Prefix: "down:", Error: func(w http.ResponseWriter, _ *http.Request, _ error) {
		http.Error(w, "later", http.StatusServiceUnavailable)
	}}, true,
		with("Cache-Control", "public", with("Etag", `"1"`, doChange))},
	{"no content", session.Options{}, true, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		doRead(w, r, s)
		w.WriteHeader(http.StatusNoContent)
	}},
	{"not modified", session.Options{}, true, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		doRead(w, r, s)
		w.WriteHeader(http.StatusNotModified)
	}},
}

type elsewhereKey struct{}

// elsewhere makes another request with the same cookie, while this one is under way.
func elsewhere(r *http.Request, act action) { r.Context().Value(elsewhereKey{}).(func(action))(act) }

// TestGoldenHeaders holds what clients and caches are told, to the letter. After a change that is meant, write the file anew with
// LARDER_GOLDEN=write, and read the difference.
func TestGoldenHeaders(t *testing.T) {
	var got bytes.Buffer
	for _, c := range goldenCases {
		synctest.Test(t, func(t *testing.T) { // so that Max-Age is to the second
			fmt.Fprintf(&got, "# %s\n", c.name)
			down := false
			s := &interleave.Store{Under: store.NewMap(nil), Around: func(_ context.Context, _ interleave.Call, call func() error) error {
				if down {
					return store.ErrUnavailable
				}
				return call()
			}}
			m := manage(t, s, c.o)
			token := ""
			if c.have {
				token = answerOf(t, m, c.o, doSet, "").token
			}
			down = c.o.Prefix == "down:"
			a := answerOf(t, m, c.o, c.act, token)
			fmt.Fprintln(&got, a.code)
			var lines []string
			for name, values := range a.header {
				for _, value := range values {
					lines = append(lines, name+": "+goldenToken.ReplaceAllString(value, "TOKEN"))
				}
			}
			slices.Sort(lines)
			fmt.Fprintln(&got, strings.Join(append(lines, ""), "\n"))
		})
	}
	path := filepath.Join("testdata", "golden", "headers.txt")
	if os.Getenv("LARDER_GOLDEN") == "write" {
		check(t, os.MkdirAll(filepath.Dir(path), 0o755))
		check(t, os.WriteFile(path, got.Bytes(), 0o644))
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	gotLines, wantLines := strings.Split(got.String(), "\n"), strings.Split(strings.ReplaceAll(string(want), "\r\n", "\n"), "\n")
	section := ""
	for n := range max(len(gotLines), len(wantLines)) {
		if n >= len(gotLines) || n >= len(wantLines) || gotLines[n] != wantLines[n] {
			t.Fatalf("%s: line %d is\n%s\nwant\n%s", section, n+1, strings.Join(gotLines[n:min(n+3, len(gotLines))], "\n"), strings.Join(wantLines[n:min(n+3, len(wantLines))], "\n"))
		}
		if strings.HasPrefix(gotLines[n], "# ") {
			section = gotLines[n]
		}
	}
}

var goldenToken = regexp.MustCompile(`[A-Za-z0-9_-]{43}\.[A-Za-z0-9_-]{43}`)

// answerOf makes a request over https with the token where o says.
func answerOf(t *testing.T, m *session.Manager, o session.Options, act action, token string) answer {
	request := func() *http.Request {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "https://example.test/app/", nil)
		switch {
		case token == "":
		case o.Header == "Authorization":
			r.Header.Set("Authorization", "Bearer "+token)
		case o.Header != "":
			r.Header.Set(o.Header, token)
		default:
			r.Header.Set("Cookie", cookieName(o)+"="+token)
		}
		return r
	}
	r := request()
	r = r.WithContext(context.WithValue(r.Context(), elsewhereKey{}, func(act action) { serve(t, m, act, request()) }))
	a := serve(t, m, act, r)
	if o.Header != "" {
		a.token = a.header.Get("Session-Token")
	}
	return a
}

func cookieName(o session.Options) string {
	name := "session"
	if o.Cookie.Name != "" {
		name = o.Cookie.Name
	}
	switch {
	case o.Cookie.Insecure:
		return name
	case o.Cookie.Domain != "" || o.Cookie.Path != "":
		return "__Secure-" + name
	}
	return "__Host-" + name
}

// TestPlainHTTPIsLoud: a Secure cookie over plain http on this machine is told of once, in the log; leaving Secure out takes an option that
// is loud itself, at each start.
func TestPlainHTTPIsLoud(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	lines := func() int { return strings.Count(log.String(), "level=WARN") }
	m := manage(t, store.NewMap(nil), session.Options{Logger: logger})
	for _, url := range []string{"https://example.test/", "http://example.test/", "https://localhost/"} {
		if a := serve(t, m, doSet, httptest.NewRequest("GET", url, nil)); a.token == "" || lines() != 0 {
			t.Errorf("%s: %s", url, log.String())
		}
	}
	for _, url := range []string{"http://localhost:8080/", "http://127.0.0.1/", "http://[::1]:80/"} {
		a := serve(t, m, doSet, httptest.NewRequest("GET", url, nil))
		if line := a.header.Get("Set-Cookie"); !strings.Contains(line, "; Secure") || lines() != 1 {
			t.Errorf("%s: %q, %d warnings", url, line, lines())
		}
	}
	log.Reset()
	m = manage(t, store.NewMap(nil), session.Options{Logger: logger, Cookie: session.Cookie{Insecure: true}})
	if lines() != 1 || !strings.Contains(log.String(), "NOT SECURE") {
		t.Errorf("Insecure is set, and the log says %q", log.String())
	}
	a := serve(t, m, doSet, httptest.NewRequest("GET", "http://localhost/", nil))
	if line := a.header.Get("Set-Cookie"); !strings.HasPrefix(line, "session=") || strings.Contains(line, "Secure") || lines() != 1 {
		t.Errorf("Insecure: %q, %d warnings", line, lines())
	}
	for what, c := range map[string]session.Cookie{
		"None without Secure": {Insecure: true, SameSite: http.SameSiteNoneMode}, "Partitioned without Secure": {Insecure: true, Partitioned: true},
		"a prefix": {Name: "__Host-x"}, "a prefix in other letters": {Name: "__sEcure-x"}, "a name with a space": {Name: "a b"}, "a name with =": {Name: "a=b"},
		"a domain with a line end": {Domain: "a\r\nSet-Cookie: x=y"}, "a path with a semicolon": {Path: "/; Domain=evil.test"}, "a path that is not one": {Path: "app"},
	} {
		if _, err := session.New(store.NewMap(nil), &session.Options{Keys: raceKeys, Cookie: c, Logger: logger}); err == nil {
			t.Errorf("%s: New takes this cookie", what)
		}
	}
}
