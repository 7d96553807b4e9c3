package session_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/larder-go/larder/internal/interleave"
	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
)

// theater is a real server whose handler uses sessions, with a store that notes each call and fails when it is told to.
type theater struct {
	*httptest.Server
	t       testing.TB
	m       *session.Manager
	under   store.Store
	options session.Options
	logged  *lockedBuffer

	mu    sync.Mutex
	calls []interleave.Call
	fault func(c interleave.Call, call func() error) error // nil: none
}

// staging is how a theater is built. The zero value is a manager over a Map, with its handler at the top of an HTTP/1 server.
type staging struct {
	options session.Options
	under   store.Store
	h2      bool
	inside  func(http.Handler) http.Handler // middleware between the session and the handler
	outside func(http.Handler) http.Handler // before the session
}

// noLeaks fails t where goroutines are left at its end.
func noLeaks(t testing.TB) {
	known := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, known) })
}

// open starts the server. What its handler leaves behind, in goroutines, fails t.
func (g staging) open(t testing.TB, h http.HandlerFunc) *theater {
	t.Helper()
	if g.under == nil {
		noLeaks(t)
	}
	th := &theater{t: t, under: g.under, options: g.options, logged: &lockedBuffer{}}
	if th.under == nil {
		th.under = store.NewMap(nil)
	}
	th.options.Keys = raceKeys
	th.options.Logger = slog.New(slog.NewTextHandler(th.logged, nil))
	var err error
	if th.m, err = session.New(&interleave.Store{Under: th.under, Around: th.call}, &th.options); err != nil {
		t.Fatal(err)
	}
	th.take()
	var handler http.Handler = h
	if g.inside != nil {
		handler = g.inside(handler)
	}
	handler = th.m.Handler(handler)
	if g.outside != nil {
		handler = g.outside(handler)
	}
	th.Server = httptest.NewUnstartedServer(handler)
	th.Config.ErrorLog = log.New(th.logged, "", 0)
	if th.EnableHTTP2 = g.h2; g.h2 {
		th.StartTLS()
	} else {
		th.Start()
	}
	th.Client().Transport.(*http.Transport).DisableCompression = true
	t.Cleanup(func() {
		th.Client().CloseIdleConnections()
		th.Close()
	})
	return th
}

func (th *theater) call(_ context.Context, c interleave.Call, call func() error) error {
	th.mu.Lock()
	th.calls = append(th.calls, c)
	fault := th.fault
	th.mu.Unlock()
	if fault != nil {
		return fault(c, call)
	}
	return call()
}

// fail has each call go through fault from now on.
func (th *theater) fail(fault func(c interleave.Call, call func() error) error) {
	th.mu.Lock()
	defer th.mu.Unlock()
	th.fault = fault
}

// take returns the calls since it was last asked.
func (th *theater) take() []interleave.Call {
	th.mu.Lock()
	defer th.mu.Unlock()
	defer func() { th.calls = nil }()
	return th.calls
}

// saves counts the records that were written, or tried to be.
func saves(calls []interleave.Call) (n int) {
	for _, c := range calls {
		if c.Op == "swap" && c.New != nil && strings.Contains(c.Key, "s:") {
			n++
		}
	}
	return n
}

// saved is saves of the calls so far.
func (th *theater) saved() int {
	th.mu.Lock()
	defer th.mu.Unlock()
	return saves(th.calls)
}

var errDown = fmt.Errorf("fake: call: %w: connection refused", store.ErrUnavailable)

func down(interleave.Call, func() error) error { return errDown }

// downWhen has the calls fail that are chosen.
func downWhen(chosen func(c interleave.Call) bool) func(interleave.Call, func() error) error {
	return func(c interleave.Call, call func() error) error {
		if chosen(c) {
			return errDown
		}
		return call()
	}
}

// lostWhen has the calls that are chosen done, and their answers lost.
func lostWhen(chosen func(c interleave.Call) bool) func(interleave.Call, func() error) error {
	return func(c interleave.Call, call func() error) error {
		if err := call(); err != nil || !chosen(c) {
			return err
		}
		return errDown
	}
}

// visitor is a client with a jar for the one cookie. Secure cookies go over plain http here, so that what is tested is what is deployed.
type visitor struct {
	th    *theater
	value string
}

func (th *theater) visitor() *visitor { return &visitor{th: th} }

// known is a visitor who has a session with the field "before".
func (th *theater) known() *visitor {
	th.t.Helper()
	v := th.visitor()
	v.aside(func(s *session.Session) {
		if err := s.Set("before", "yes"); err != nil {
			th.t.Error(err)
		}
	})
	if v.value == "" {
		th.t.Fatal("no session could be begun")
	}
	return v
}

// reply is what came back. err is of the request or of reading its body.
type reply struct {
	status  int
	header  http.Header
	trailer http.Header
	body    string
	cookies []*http.Cookie // of ours
	err     error
}

func (v *visitor) request(method, path string, body io.Reader) *http.Request {
	r, err := http.NewRequestWithContext(v.th.t.Context(), method, v.th.URL+path, body)
	if err != nil {
		v.th.t.Fatal(err)
	}
	if v.value != "" {
		r.Header.Set("Cookie", "__Host-session="+v.value)
	}
	return r
}

func (v *visitor) get(path string) reply { return v.do(v.request("GET", path, nil)) }

func (v *visitor) do(r *http.Request) (a reply) {
	resp, err := v.th.Client().Do(r)
	if err != nil {
		return reply{err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	a = reply{status: resp.StatusCode, header: resp.Header, trailer: resp.Trailer, body: string(body), err: err}
	v.keep(resp.Cookies(), &a)
	return a
}

func (v *visitor) keep(cookies []*http.Cookie, a *reply) {
	for _, c := range cookies {
		if c.Name != "__Host-session" {
			continue
		}
		a.cookies = append(a.cookies, c)
		if v.value = c.Value; c.MaxAge < 0 {
			v.value = ""
		}
	}
}

// aside makes a request past the server and all that may fail.
func (v *visitor) aside(act func(s *session.Session)) {
	v.th.t.Helper()
	o := v.th.options
	o.Logger = slog.New(slog.DiscardHandler)
	m, err := session.New(v.th.under, &o)
	if err != nil {
		v.th.t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "https://example.test/", nil)
	if v.value != "" {
		r.Header.Set("Cookie", "__Host-session="+v.value)
	}
	w := httptest.NewRecorder()
	m.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { act(session.From(r.Context())) })).ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		v.th.t.Errorf("aside: status %d: %s", w.Code, w.Body)
	}
	v.keep(w.Result().Cookies(), new(reply))
}

// field is what stands in the store.
func (v *visitor) field(name string) (value string) {
	v.th.t.Helper()
	v.aside(func(s *session.Session) { value, _ = session.Get[string](s, name) })
	return value
}

func (v *visitor) want(name, value string) {
	v.th.t.Helper()
	if got := v.field(name); got != value {
		v.th.t.Errorf("the field %q is %q, want %q", name, got, value)
	}
}

// setField sets a field of the request's session.
func setField(r *http.Request, name, value string) { need(session.From(r.Context()).Set(name, value)) }

func need(err error) {
	if err != nil {
		panic(err)
	}
}

// waitFor waits until cond holds.
func waitFor(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// isDown reports whether a is the answer to an outage, and nothing of another one.
func (a reply) isDown() error {
	switch {
	case a.err != nil:
		return a.err
	case a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "":
		return fmt.Errorf("status %d, Retry-After %q, want 503 with one: %s", a.status, a.header.Get("Retry-After"), a.body)
	case !strings.HasPrefix(a.body, "Sessions are not available right now"):
		return fmt.Errorf("a body of another answer: %q", a.body)
	case len(a.header["Set-Cookie"]) > 0:
		return errors.New("an outage sets or clears a cookie")
	}
	return nil
}
