package session

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/larder-go/larder/store"
)

// sink is a response that costs nothing.
type sink struct{ h http.Header }

func (w *sink) Header() http.Header         { return w.h }
func (w *sink) WriteHeader(int)             {}
func (w *sink) Write(p []byte) (int, error) { return len(p), nil }

// bed serves one kind of request, again and again, with the manager and without.
type bed struct {
	m       *Manager
	token   string
	subject string
	key     string
}

func newBed(t testing.TB, o Options, subject string) *bed {
	t.Helper()
	site := newSite(t, newLedger().Map, o)
	b := site.browser()
	b.do(func(s *Session) { ok(t, s.Set("name", "Ann")); ok(t, s.Set("visits", 1)) })
	if subject != "" {
		b.login(t, subject)
	}
	d := &bed{m: site.Manager, token: b.token(), subject: subject}
	for key := range (&ledger{Map: site.s.(*store.Map)}).entries(t) {
		if key[:10] == "session:s:" {
			d.key = key
		}
	}
	return d
}

func (d *bed) request() *http.Request {
	r := httptest.NewRequest("GET", "https://example.org/", nil)
	r.AddCookie(&http.Cookie{Name: "__Host-session", Value: d.token})
	return r
}

// answer is what each of the handlers ends with.
func answer(w http.ResponseWriter) { w.Write([]byte("hello")) }

var requests = map[string]func(w http.ResponseWriter, r *http.Request){
	"unused": func(w http.ResponseWriter, _ *http.Request) { answer(w) },
	"read": func(w http.ResponseWriter, r *http.Request) {
		if name, ok := Get[string](From(r.Context()), "name"); !ok || name != "Ann" {
			panic("the session is not there")
		}
		answer(w)
	},
	"modify": func(w http.ResponseWriter, r *http.Request) {
		s := From(r.Context())
		n, _ := Get[int](s, "visits")
		if err := s.Set("visits", n+1); err != nil {
			panic(err)
		}
		answer(w)
	},
}

// allocs counts what a request allocates above the bare handler.
func (d *bed) allocs(kind string) float64 {
	r := d.request()
	run := func(h http.Handler) float64 {
		w := &sink{h: http.Header{}}
		return testing.AllocsPerRun(1000, func() {
			clear(w.h)
			h.ServeHTTP(w, r)
		})
	}
	return run(d.m.Handler(http.HandlerFunc(requests[kind]))) - run(http.HandlerFunc(requests["unused"]))
}

// TestAllocations: promises of the documentation.
func TestAllocations(t *testing.T) {
	if raced {
		t.Skip("the race detector allocates too")
	}
	for _, c := range []struct {
		kind, subject string
		most          float64
	}{{"unused", "", 3}, {"unused", "ann", 3}, {"read", "", 25}, {"read", "ann", 25}, {"modify", "", 50}} {
		got := newBed(t, Options{}, c.subject).allocs(c.kind)
		t.Logf("%s, subject %q: %v allocations above the bare handler", c.kind, c.subject, got)
		if got > c.most {
			t.Errorf("%s, subject %q: %v allocations above the bare handler, the limit is %v", c.kind, c.subject, got, c.most)
		}
	}
}

// BenchmarkRequest is what a request costs on a Map, all told; internal/compat compares it with other session managers.
func BenchmarkRequest(b *testing.B) {
	for _, kind := range []string{"unused", "read", "modify"} {
		for _, subject := range []string{"", "ann"} {
			b.Run(kind+map[string]string{"": "", "ann": "-subject"}[subject], func(b *testing.B) {
				d := newBed(b, Options{}, subject)
				h, r, w := d.m.Handler(http.HandlerFunc(requests[kind])), d.request(), &sink{h: http.Header{}}
				b.ReportAllocs()
				for b.Loop() {
					clear(w.h)
					h.ServeHTTP(w, r)
				}
			})
		}
	}
	b.Run("bare", func(b *testing.B) {
		r, w := newBed(b, Options{}, "").request(), &sink{h: http.Header{}}
		b.ReportAllocs()
		for b.Loop() {
			clear(w.h)
			requests["unused"](w, r)
		}
	})
	b.Run("store", func(b *testing.B) { // the one Load and the one Swap of "modify", with nothing around them
		d, ctx := newBed(b, Options{}, ""), context.Background()
		b.ReportAllocs()
		for b.Loop() {
			item, err := store.Load(ctx, d.m.s, d.key)
			if err == nil {
				_, err = store.Swap(ctx, d.m.s, d.key, item.Version, &store.Item{Value: bytes.Clone(item.Value), Expires: item.Expires})
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}
