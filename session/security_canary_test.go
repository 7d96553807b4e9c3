package session_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larder-go/larder/codec"
	"github.com/larder-go/larder/internal/interleave"
	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
)

// canaries are the secrets of a scenario, and all that anybody could hear of it: logs, errors, panics, pages and headers.
type canaries struct {
	mu     sync.Mutex
	heard  bytes.Buffer
	field  string // value of the fields
	tokens []string
	key    []byte
}

func (c *canaries) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.heard.Write(p)
}

// hear notes a value in every form that somebody may print it in.
func (c *canaries) hear(values ...any) {
	for _, v := range values {
		fmt.Fprintf(c, "%v\n%+v\n%#v\n%s\n%q\n%x\n%d\n", v, v, v, v, v, v, v)
		for _, h := range []slog.Handler{slog.NewTextHandler(c, nil), slog.NewJSONHandler(c, nil)} {
			slog.New(h).Info("printed", "value", v, slog.Group("group", "value", v))
		}
	}
}

// search looks for every secret in every spelling, also those of fmt.
func (c *canaries) search(t *testing.T, what string) {
	t.Helper()
	heard := c.heard.Bytes()
	forms := map[string][]byte{"the field": []byte(c.field), "the field in hex": fmt.Appendf(nil, "%x", c.field), "the field's bytes": fmt.Append(nil, []byte(c.field))[1:]}
	for n, token := range c.tokens {
		forms[fmt.Sprint("token ", n)] = []byte(token)
		c.spell(forms, fmt.Sprint("id ", n), idOf(t, token))
		mac, _ := b64.DecodeString(token[44:])
		c.spell(forms, fmt.Sprint("MAC ", n), mac)
	}
	c.spell(forms, "the key", c.key)
	for form, text := range forms {
		if at := bytes.Index(heard, text); at >= 0 {
			t.Errorf("%s: %s shows up in\n…%q", what, form, heard[max(at-300, 0):at])
		}
	}
}

func (c *canaries) spell(forms map[string][]byte, name string, secret []byte) {
	for form, text := range spellings(secret) {
		forms[name+", "+form] = text
	}
	forms[name+", %v"] = bytes.Trim(fmt.Append(nil, secret[:16]), "[]")
	forms[name+", %#v"] = bytes.TrimSuffix(bytes.TrimPrefix(fmt.Appendf(nil, "%#v", secret[:16]), []byte("[]byte{")), []byte("}"))
	forms[name+", % x"] = fmt.Appendf(nil, "% x", secret[:16])
}

// secretive is a type of somebody who quotes what he chokes on.
type secretive string

func (s secretive) MarshalText() ([]byte, error) {
	return nil, fmt.Errorf("%q is not a good value", string(s))
}

type choosy struct{}

func (*choosy) UnmarshalText(text []byte) error { return fmt.Errorf("%q is not a good value", text) }

// TestCanariesStayHidden plays a scenario of all that can be done with sessions, again and again, with each time another call of the store
// failing, and listens to everything: neither ids, tokens and keys nor what the fields hold may be heard.
func TestCanariesStayHidden(t *testing.T) {
	for name, c := range map[string]codec.Codec{"msgpack": codec.MsgPack, "json": codec.JSON} {
		t.Run(name, func(t *testing.T) {
			for _, fault := range []error{nil, store.ErrUnavailable, store.ErrCorrupt, store.ErrConflict, context.DeadlineExceeded, errPanic} {
				for fails := 1; ; fails += share(1, 4) { // the first calls are those of New
					if calls := scenario(t, c, fault, fails); fault == nil || fails > calls || t.Failed() {
						break
					}
				}
			}
		})
	}
}

var errPanic = errors.New("the store panics")

// scenario plays one, in which a call of the store fails, and returns how many there were.
func scenario(t *testing.T, c codec.Codec, fault error, fails int) (calls int) {
	heard := &canaries{field: "canary" + rand.Text(), key: randomBytes(32)}
	s := &interleave.Store{Under: store.NewMap(nil), Around: func(_ context.Context, _ interleave.Call, call func() error) error {
		switch calls++; {
		case fault == errPanic && calls < 3: // in New
			return call()
		case calls != fails || fault == nil:
			return call()
		case fault == errPanic:
			panic("store: this must not happen")
		}
		return store.Wrap("store", "call", fault)
	}}
	o := &session.Options{Keys: [][]byte{heard.key}, Codec: c, Devices: true, Grace: -1, TouchAfter: -1, Unreadable: session.Unreadable(fails % 3), Outage: session.Outage(fails % 2),
		SaveTimeout: 20 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(heard, &slog.HandlerOptions{Level: slog.LevelDebug - 4, AddSource: true})),
		Error: func(w http.ResponseWriter, r *http.Request, err error) {
			heard.hear(err)
			session.ErrorHandler(w, r, err)
		},
		Merge: map[string]session.Merger{"mark": session.MergeFunc(func(base, mine, theirs string) (string, error) { return mine, errors.New("no merge") })}}
	m, err := session.New(s, o)
	if err != nil {
		t.Fatal(err)
	}
	heard.hear(m, o, *o, struct{ O session.Options }{*o}, []any{m, o})
	token := ""
	step := func(act action, tokens ...string) {
		a, trace := visitOrPanic(t, m, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			heard.hear(s, w, r.Context(), []any{s}, struct{ S *session.Session }{s})
			act(w, r, s)
			heard.hear(s, s.Info(), s.Err(), w)
		}, tokens...)
		if a.token != "" {
			token = a.token
			heard.tokens = append(heard.tokens, token)
		}
		a.header.Del("Set-Cookie")
		heard.hear(a.code, a.header, a.body, trace)
	}
	step(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		heard.hear(s.Set("mark", heard.field), s.Set("list", []string{heard.field}), s.Set("number", 1<<40), s.Flash(heard.field))
		heard.hear(s.Set("bad", secretive(heard.field)), s.Set("bad", func() {}), s.Set("bad", map[any]any{heard.field: make(chan int)}), s.Set("\x00"+heard.field, 1), s.Set(strings.Repeat(heard.field, 50), 1))
	})
	first := token
	step(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		session.Get[int](s, "mark") // each of these does not fit, and is logged
		session.Get[choosy](s, "mark")
		session.Get[time.Time](s, "mark")
		session.Get[[]int](s, "list")
		session.Get[int8](s, "number")
		session.Get[map[string]int](s, "mark")
		heard.hear(s.Decode("mark", new(bool)), s.Decode("mark", new(choosy)), s.Decode("mark", nil), s.Decode("list", new(choosy)))
		heard.hear(s.Renew())
	}, token)
	step(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Has("mark") }, token)
	step(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Has("mark") }, first) // too late
	step(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		heard.hear(s.SetSubject("alice"), s.Remember(0), s.Set("mark", heard.field+"2"))
	}, token)
	step(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Has("mark")
		under, _ := visitOrPanic(t, m, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Set("mark", heard.field+"3") }, token)
		heard.hear(under.code, s.Set("mark", heard.field+"4"), s.Save(), s.Renew())
	}, token)
	quietly := func(what func() error) { // as a job would that has no server to catch its panics
		defer func() { heard.hear(recover()) }()
		heard.hear(what())
	}
	quietly(func() error { _, err := m.Sessions(t.Context(), "alice"); return err })
	step(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		w.WriteHeader(http.StatusOK)
		heard.hear(s.Set("late", heard.field), s.Renew(), s.SetSubject("bob"))
	}, token)
	step(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Set("mark", heard.field)
		panic(s)
	}, token)
	damage(t, s.Under, token, heard.field)
	step(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		heard.hear(s.Set("mark", 1), s.Destroy())
	}, token)
	quietly(func() error { return m.Revoke(t.Context(), "alice", strings.Repeat("A", 16)) })
	quietly(func() error { return m.RevokeAll(t.Context(), "alice") })
	heard.search(t, fmt.Sprintf("call %d fails by %v", fails, fault))
	for _, text := range []string{"after its grace", "a field cannot be read", "a field cannot be stored", "a record cannot be read", "merge:", "panic serving"} {
		if fault == nil && !bytes.Contains(heard.heard.Bytes(), []byte(text)) {
			t.Errorf("nothing says %q: the scenario leaves out what it is for", text)
		}
	}
	return calls
}

// damage makes of a session a record that cannot be read and has the canary in it.
func damage(t *testing.T, s store.Store, token, field string) {
	if token != "" {
		check(t, s.Set(t.Context(), recordKey(idOf(t, token)), []byte("LS\x01S"+field)))
	}
}

// visitOrPanic is visit for handlers that may panic; the trace is what a server would log of that.
func visitOrPanic(t testing.TB, m *session.Manager, act action, tokens ...string) (a answer, trace string) {
	a.header = http.Header{}
	defer func() {
		if err := recover(); err != nil {
			trace = fmt.Sprintf("http: panic serving: %v\n%s", err, debug.Stack())
		}
	}()
	return visit(t, m, act, tokens...), ""
}

// TestRealServerLogsNoID lets net/http itself log a panic, and slog be the default one.
func TestRealServerLogsNoID(t *testing.T) {
	heard := &canaries{field: "canary" + rand.Text(), key: randomBytes(32)}
	m := manage(t, store.NewMap(nil), session.Options{Keys: [][]byte{heard.key}, Logger: slog.New(slog.NewJSONHandler(heard, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	token := marked(t, m, "mark", heard.field)
	heard.tokens = []string{token}
	srv := httptest.NewUnstartedServer(m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		s.Has("mark")
		panic(s)
	})))
	srv.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(heard, nil), slog.LevelError)
	srv.Start()
	defer srv.Close()
	r, _ := http.NewRequestWithContext(t.Context(), "GET", srv.URL, nil)
	r.Header.Set("Cookie", hostCookie+"="+token)
	if resp, err := srv.Client().Do(r); err == nil {
		resp.Body.Close()
		t.Error("the panic was answered")
	}
	srv.Close()
	if !bytes.Contains(heard.heard.Bytes(), []byte("panic serving")) {
		t.Error("the server logs no panic")
	}
	heard.search(t, "a panic")
}

// TestCanaryIsHeard: what listens above would hear.
func TestCanaryIsHeard(t *testing.T) {
	heard := &canaries{field: "x", key: randomBytes(32)}
	id := [32]byte(randomBytes(32))
	heard.hear(struct {
		id  [32]byte
		key []byte
	}{id, heard.key}, sign(heard.key, hostCookie, id[:]))
	forms := map[string][]byte{}
	heard.spell(forms, "id", id[:])
	found := 0
	for _, text := range forms {
		if bytes.Contains(heard.heard.Bytes(), text) {
			found++
		}
	}
	if found < 5 {
		t.Errorf("%d of %d spellings are found where an id is printed", found, len(forms))
	}
}
