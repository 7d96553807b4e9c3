package cli

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
)

// browsers are the other browsers of a script, by name: the cookies of each are its own.
type browsers struct{}

// asBrowser NAME goes on in the browser of that name, which is a new one the first time.
func asBrowser(ts *testscript.TestScript, _ bool, args []string) {
	all := ts.Value(browsers{}).(map[string]*http.Client)
	if all[args[0]] == nil {
		jar, err := cookiejar.New(nil)
		ts.Check(err)
		all[args[0]] = &http.Client{Jar: jar}
	}
	demoOf(ts).client = all[args[0]]
}

// TestSignOut: what rm --subject does to a store, and what it says.
func TestSignOut(t *testing.T) {
	for _, devices := range []bool{true, false} {
		for _, abilities := range []bool{true, false} {
			m := keep{store.NewMap(nil)}
			s := store.Closer(m)
			if !abilities {
				s = plain{m.Map}
			}
			enter(t, s, devices)
			before := keysOf(t, m)
			args := []string{"rm", "--subject", "anna", "--prefix", "app:"}
			known := "would sign anna out everywhere: 1 session\n  \"Lynx\\x1b\", last seen "
			if !devices {
				known = "how many they are is not known"
			}
			if code, stdout, stderr := run(t, t.Context(), s, append(args, "-n")...); code != exitDone || !strings.Contains(stdout, known) || stderr != "" {
				t.Errorf("-n: %d, %q, %q", code, stdout, stderr)
			}
			if after := keysOf(t, m); after != before {
				t.Errorf("-n has changed %q to %q", before, after)
			}
			code, stdout, _ := run(t, t.Context(), s, append(args, "--json")...)
			if code != exitDone || !strings.Contains(stdout, `{"subject":"anna","devices":`) || strings.Contains(stdout, `"devices":null`) == devices || !strings.HasSuffix(stdout, `"dry_run":false}`+"\n") {
				t.Errorf("%d, %q", code, stdout)
			}
			if gone, left := len(strings.Fields(before))-1, len(strings.Fields(keysOf(t, m))); gone != left {
				t.Errorf("%d entries are left, want %d", left, gone)
			}
			if code, _, stderr := run(t, t.Context(), s, args...); code != exitNoKey || !strings.Contains(stderr, "no session of this subject") {
				t.Errorf("again: %d, %q", code, stderr)
			}
		}
	}
}

// TestSignOutUsage: what makes no sense is refused, and nothing is put into a store that knows of no sessions.
func TestSignOutUsage(t *testing.T) {
	s := keep{store.NewMap(nil)}
	for _, test := range []struct {
		args  []string
		code  int
		error string
	}{
		{[]string{"--subject", ""}, exitUsage, "--subject is empty"},
		{[]string{"--subject", "anna", "key"}, exitUsage, "takes no arguments"},
		{[]string{"--prefix", "p", "key"}, exitUsage, "--prefix is for --subject"},
		{[]string{"--subject", "anna", "--prefix", ""}, exitUsage, "--prefix must be"},
		{[]string{"--subject", "anna", "--prefix", "\xff"}, exitUsage, "--prefix must be"},
		{[]string{}, exitUsage, "a key is missing"},
		{[]string{"--subject", "anna"}, exitNoKey, `--prefix names it (larder-demo: of larder demo)`},
	} {
		if code, stdout, stderr := run(t, t.Context(), s, append([]string{"rm"}, test.args...)...); code != test.code || stdout != "" || !strings.Contains(stderr, test.error) {
			t.Errorf("%q: %d, %q, %q", test.args, code, stdout, stderr)
		}
	}
	if keys := keysOf(t, s); keys != "" {
		t.Errorf("the store holds %q", keys)
	}
	// What cannot be read can be removed; an outage is one.
	enter(t, s, true)
	for key := range strings.FieldsSeq(keysOf(t, s)) {
		if strings.HasPrefix(key, "app:u:") {
			s.Set(t.Context(), key, []byte("damaged"))
		}
	}
	if code, stdout, stderr := run(t, t.Context(), s, "rm", "--subject", "anna", "--prefix", "app:"); code != exitDone || !strings.Contains(stdout, "signed anna out") {
		t.Errorf("%d, %q, %q", code, stdout, stderr)
	}
	down := downStore{store.NewMap(nil)}
	if code, stdout, stderr := run(t, t.Context(), down, "rm", "--subject", "anna"); code != exitError || stdout != "" || !strings.Contains(stderr, "store unavailable") {
		t.Errorf("%d, %q, %q", code, stdout, stderr)
	}
}

type downStore struct{ store.Store }

func (downStore) Close() error { return nil }

func (downStore) Get(context.Context, string) ([]byte, error) {
	return nil, store.Wrap("test", "get", errors.Join(store.ErrUnavailable))
}

// enter logs anna and ben in, each with a browser that was there before, and returns the tokens that they got.
func enter(t *testing.T, s store.Store, devices bool) (tokens []string) {
	t.Helper()
	m, err := session.New(s, &session.Options{Prefix: "app:", Devices: devices, Idle: time.Hour, Logger: slog.New(slog.DiscardHandler),
		Label: func(*http.Request) string { return "Lynx\x1b" }})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"anna", "ben"} {
		var cookies []*http.Cookie
		visit := func(do func(s *session.Session) error) {
			h := m.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if err := do(session.From(r.Context())); err != nil {
					t.Error(err)
				}
			}))
			r := httptest.NewRequest("GET", "https://example.org/", nil)
			for _, c := range cookies {
				r.AddCookie(c)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if got := w.Result().Cookies(); len(got) > 0 {
				cookies, tokens = got, append(tokens, got[0].Value)
			}
		}
		visit(func(s *session.Session) error { return errors.Join(s.Set("count", 3), s.Set("pin", "12\u009b34")) })
		visit(func(s *session.Session) error { return s.SetSubject(name) })
		visit(func(s *session.Session) error { return s.Flash("hello") })
	}
	return tokens
}

func keysOf(t *testing.T, s store.Store) string {
	t.Helper()
	var keys []string
	for info, err := range store.List(t.Context(), s, "") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, info.Key)
	}
	slices.Sort(keys)
	return strings.Join(keys, "\n")
}
