package session

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larder-go/larder/store"
)

// ledger is a store that writes down what is asked of it, and fails on demand.
type ledger struct {
	*store.Map
	mu    sync.Mutex
	calls []string
	fail  func(op, key string) error // nil, or an error in place of the call
}

func newLedger() *ledger { return &ledger{Map: store.NewMap(nil)} }

func (l *ledger) note(op, key string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	space, _, _ := strings.Cut(strings.TrimPrefix(key, "session:"), ":")
	l.calls = append(l.calls, op+" "+space)
	if l.fail == nil {
		return nil
	}
	return l.fail(op, space)
}

// took returns the calls since it was last asked.
func (l *ledger) took() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	calls := l.calls
	l.calls = nil
	return calls
}

func (l *ledger) Load(ctx context.Context, key string) (*store.Item, error) {
	if err := l.note("load", key); err != nil {
		return nil, err
	}
	return l.Map.Load(ctx, key)
}

func (l *ledger) Swap(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
	op := "swap"
	if item == nil {
		op = "remove"
	}
	if key == "" {
		return l.Map.Swap(ctx, key, old, item) // CanSwap
	}
	if err := l.note(op, key); err != nil {
		return "", err
	}
	return l.Map.Swap(ctx, key, old, item)
}

func (l *ledger) Delete(ctx context.Context, key string) error {
	if err := l.note("delete", key); err != nil {
		return err
	}
	return l.Map.Delete(ctx, key)
}

// entries are all keys that are live, with their deadlines.
func (l *ledger) entries(t testing.TB) map[string]time.Time {
	t.Helper()
	all := map[string]time.Time{}
	for info, err := range l.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		all[info.Key] = info.Expires
	}
	return all
}

// site is a manager and what it logs.
type site struct {
	*Manager
	log *syncBuffer
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// take returns what was logged since it was last asked.
func (b *syncBuffer) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.b.Reset()
	return b.b.String()
}

var testKey = []byte("a key for tests, of 32 bytes ...")

func newSite(t testing.TB, s store.Store, o Options) *site {
	t.Helper()
	log := new(syncBuffer)
	o.Logger = slog.New(slog.NewTextHandler(log, nil))
	if o.Keys == nil {
		o.Keys = [][]byte{testKey}
	}
	m, err := New(s, &o)
	if err != nil {
		t.Fatal(err)
	}
	return &site{m, log}
}

// browser keeps the cookies that it gets, as browsers do.
type browser struct {
	site   *site
	jar    map[string]string
	header http.Header // of each request
	last   *http.Response
	body   string
}

func (s *site) browser() *browser {
	return &browser{site: s, jar: map[string]string{}, header: http.Header{}}
}

// twin is another browser with the same cookies: an earlier state of this one, or a thief.
func (b *browser) twin() *browser {
	c := b.site.browser()
	for name, value := range b.jar {
		c.jar[name] = value
	}
	return c
}

// do makes a request in which the handler does act, and returns its status.
func (b *browser) do(act func(s *Session)) int {
	return b.serve(func(_ http.ResponseWriter, r *http.Request) { act(From(r.Context())) })
}

func (b *browser) serve(h http.HandlerFunc) int {
	r := httptest.NewRequest("GET", "https://example.org/", nil)
	r.Header = b.header.Clone()
	for _, name := range slices.Sorted(maps.Keys(b.jar)) {
		r.AddCookie(&http.Cookie{Name: name, Value: b.jar[name]})
	}
	w := httptest.NewRecorder()
	b.site.Handler(h).ServeHTTP(w, r)
	b.last = w.Result()
	body, _ := io.ReadAll(b.last.Body)
	b.body = string(body)
	for _, c := range b.last.Cookies() {
		if b.jar[c.Name] = c.Value; c.MaxAge < 0 {
			delete(b.jar, c.Name)
		}
	}
	return b.last.StatusCode
}

// token is that of the one cookie.
func (b *browser) token() string {
	for _, value := range b.jar {
		return value
	}
	return ""
}

// sent is the cookie of the last answer, or nil.
func (b *browser) sent() *http.Cookie {
	for _, c := range b.last.Cookies() {
		return c
	}
	return nil
}

// get reads a field in a request of its own.
func (b *browser) get(name string) (value string) {
	b.do(func(s *Session) { value, _ = Get[string](s, name) })
	return value
}

// set sets a field in a request of its own.
func (b *browser) set(t testing.TB, name string, value any) {
	t.Helper()
	must(t, b.do(func(s *Session) { ok(t, s.Set(name, value)) }) == 200, "a field cannot be set: %s", b.body)
}

func (b *browser) login(t testing.TB, subject string) {
	t.Helper()
	must(t, b.do(func(s *Session) { ok(t, s.SetSubject(subject)) }) == 200, "no login: %s", b.body)
}

func (b *browser) subject() (subject string) {
	b.do(func(s *Session) { subject = s.Subject() })
	return subject
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func must(t testing.TB, holds bool, format string, args ...any) {
	t.Helper()
	if !holds {
		t.Errorf(format, args...)
	}
}

func same[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

var errDown = store.Wrap("test", "call", errors.Join(store.ErrUnavailable))
