package session_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/internal/interleave"
	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
)

// A world is a store with sessions in it, the clients that use them, and a record of all that the clients did and were told. What must hold
// of it stands in race_rules_test.go.
type world struct {
	under    store.Store // beneath the barriers
	gate     *interleave.Store
	managers []*session.Manager
	handlers []http.Handler
	prefix   string
	devices  bool

	keys     map[string]bool // that were ever used
	requests []*request      // as they began; a request's number is its place here
	tokens   []*token        // as they were issued
	steps    []interleave.Step
}

// token is a cookie that a response has set.
type token struct {
	value  string
	issuer *request
	holder int // client that has it
}

// key is where the session of this token stands.
func (t *token) key(prefix string) string {
	id, _, _ := strings.Cut(t.value, ".")
	raw, err := base64.RawURLEncoding.DecodeString(id)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(raw)
	return prefix + "s:" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// request is one request and all that is known of it.
type request struct {
	n         int
	client    int
	op        op
	presented *token
	from, to  int // calls of all clients before it began, and when it ended
	saw       state
	status    int
	set       *token // that the response brought, also one that had been issued before
	cleared   bool   // the response took the cookie away
}

func (r *request) acked() bool { return r.status == http.StatusOK }

// steps are the places in w.steps of the calls that r made.
func (w *world) calls(r *request) (places []int) {
	for i := r.from; i < r.to; i++ {
		if w.steps[i].Client == r.client {
			places = append(places, i)
		}
	}
	return places
}

// state is a session as a handler sees it.
type state struct {
	fields          map[string]string
	subject, device string
}

func (s state) String() string { return fmt.Sprintf("%v of %q", s.fields, s.subject) }

// line names the session through all its ids: who begins one writes this field. A login that finds that somebody else has renewed the session meanwhile begins one
// of its own with nothing but its own fields, so without a line.
func (s state) line() string {
	if line := s.fields["line"]; line != "" || s.fields["login"] == "" {
		return line
	}
	return "own" + s.fields["login"]
}

// observe reads all there is.
func observe(s *session.Session) state {
	st := state{fields: map[string]string{}}
	for _, name := range s.Keys() {
		if name == "count" {
			n, _ := session.Get[int64](s, name)
			st.fields[name] = strconv.FormatInt(n, 10)
			continue
		}
		st.fields[name], _ = session.Get[string](s, name)
	}
	st.subject, st.device = s.Subject(), s.Info().Device
	return st
}

const raceGrace = 30 * time.Second

var raceKeys = [][]byte{[]byte("this key is no secret, it is for tests only")}

func raceOptions(prefix string, devices bool) *session.Options {
	return &session.Options{
		Keys: raceKeys, Prefix: prefix, Devices: devices, Grace: raceGrace, Unreadable: session.Fail,
		Merge:  map[string]session.Merger{"count": session.Sum[int64]()},
		Logger: slog.New(slog.DiscardHandler),
	}
}

// newWorld lets processes managers, as of so many processes, share a store.
func newWorld(under store.Store, prefix string, processes int, devices bool) (*world, error) {
	w := &world{under: under, prefix: prefix, devices: devices, keys: map[string]bool{}}
	w.gate = &interleave.Store{Under: under, Around: func(ctx context.Context, c interleave.Call, call func() error) error {
		err := interleave.Turn(ctx, c, call)
		w.keys[c.Key] = true
		return err
	}}
	for range processes {
		m, err := session.New(w.gate, raceOptions(prefix, devices))
		if err != nil {
			return nil, err
		}
		w.managers = append(w.managers, m)
		w.handlers = append(w.handlers, m.Handler(http.HandlerFunc(w.serve)))
	}
	w.keys = map[string]bool{} // New may have asked what the store can do
	return w, nil
}

type requestKey struct{}

// serve is the application: it looks at the session, and does what the request is for.
func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	req := r.Context().Value(requestKey{}).(*request)
	if err := req.op.run(w, session.From(r.Context()), req, r.Context()); err != nil {
		session.ErrorHandler(rw, r, err)
		return
	}
	rw.Write([]byte("done"))
}

// send makes one request with a cookie, none where it is nil.
func (w *world) send(ctx context.Context, client int, o op, cookie *token) *request {
	req := &request{n: len(w.requests), client: client, op: o, presented: cookie, from: interleave.Steps(ctx)}
	w.requests = append(w.requests, req)
	r := httptest.NewRequestWithContext(context.WithValue(ctx, requestKey{}, req), "POST", "https://example.test/", nil)
	if o.bare {
		req.presented = nil
	}
	if req.presented != nil {
		r.Header.Set("Cookie", "__Host-session="+req.presented.value)
	}
	rec := httptest.NewRecorder()
	w.handlers[max(client, 0)%len(w.handlers)].ServeHTTP(rec, r)
	req.to, req.status = interleave.Steps(ctx), rec.Code
	for _, c := range rec.Result().Cookies() {
		if c.MaxAge < 0 || c.Value == "" {
			req.cleared = true
			continue
		}
		req.set = w.issued(c.Value, req)
	}
	return req
}

// keep puts into the client's jar what the response brought.
func (r *request) keep(jar **token) {
	if r.set != nil || r.cleared {
		*jar = r.set
	}
}

func (w *world) issued(value string, by *request) *token {
	for _, t := range w.tokens {
		if t.value == value {
			return t
		}
	}
	t := &token{value: value, issuer: by, holder: by.client}
	w.tokens = append(w.tokens, t)
	return t
}

// setUp makes a request outside of the race: its client is -1, and it ends before step 0.
func (w *world) setUp(t testing.TB, o op, cookie *token) *token {
	t.Helper()
	r := w.send(t.Context(), -1, o, cookie)
	if r.keep(&cookie); !r.acked() || cookie == nil {
		t.Fatalf("%s, before anybody races: status %d, cookie %v", o.name, r.status, cookie != nil)
	}
	return cookie
}

// snapshot copies all that is in the store under any key that was ever used into Maps, as often as copy is called.
func (w *world) snapshot(ctx context.Context) (copy func() *store.Map, items map[string]*store.Item, err error) {
	items = map[string]*store.Item{}
	for key := range w.keys {
		item, err := store.Peek(ctx, w.under, key)
		switch {
		case err == nil:
			items[key] = item
		case !errors.Is(err, store.ErrNotFound):
			return nil, nil, err
		}
	}
	return func() *store.Map {
		m := store.NewMap(nil)
		for key, item := range items {
			if _, err := m.Swap(ctx, key, "", item); err != nil {
				panic(err) // a Map that is new
			}
		}
		return m
	}, items, nil
}

// probe is what a fresh manager over m serves for a cookie, as it is used for the first time since.
func (w *world) probe(ctx context.Context, m store.Store, cookie *token) (state, error) {
	manager, err := session.New(m, raceOptions(w.prefix, w.devices))
	if err != nil {
		return state{}, err
	}
	var st state
	h := manager.Handler(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		st = observe(session.From(r.Context()))
		rw.Write([]byte("done"))
	}))
	r := httptest.NewRequestWithContext(ctx, "GET", "https://example.test/", nil)
	r.Header.Set("Cookie", "__Host-session="+cookie.value)
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	if rec.Code != http.StatusOK {
		return st, fmt.Errorf("status %d: %s", rec.Code, strings.TrimSpace(rec.Body.String()))
	}
	return st, nil
}
