package session_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/internal/interleave"
	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
)

// TestPanics: a panic that passes through the session saves nothing, and what was saved before stays. It reaches those outside as it was.
func TestPanics(t *testing.T) {
	for _, outside := range []func(http.Handler) http.Handler{nil, recovering} {
		for _, what := range []any{"boo", http.ErrAbortHandler, []string{"cannot be compared"}} {
			for path, want := range map[string]struct {
				saves int
				field string
			}{"/before": {0, ""}, "/after": {1, "1"}, "/destroyed": {0, ""}} {
				th := staging{outside: outside}.open(t, func(w http.ResponseWriter, r *http.Request) {
					setField(r, "n", "1")
					switch r.URL.Path {
					case "/after":
						w.(http.Flusher).Flush()
						setField(r, "n", "2")
					case "/destroyed":
						need(session.From(r.Context()).Destroy())
					}
					panic(what)
				})
				v := th.known()
				th.take()
				a := v.get(path)
				if n := saves(th.take()); n != want.saves {
					t.Errorf("%s, %v: %d saves", path, what, n)
				}
				if len(a.cookies) > 0 || outside == nil && a.err == nil || outside != nil && path != "/after" && (a.status != 500 || a.body != "sorry\n") {
					t.Errorf("%s, %v: %+v", path, what, a)
				}
				v.want("n", want.field)
				if v.want("before", map[bool]string{false: "yes"}[path == "/destroyed"]); outside != nil {
					continue
				}
				if logged := strings.Contains(th.logged.String(), "panic serving"); logged == (what == http.ErrAbortHandler) {
					t.Errorf("%s, %v: logged %v", path, what, logged)
				}
			}
		}
	}
}

// TestGoneBeforeSave: the client closes its connection while the handler works. What it had changed is saved all the same, once.
func TestGoneBeforeSave(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		for _, answer := range []func(w http.ResponseWriter){
			func(w http.ResponseWriter) { io.WriteString(w, story) },
			func(w http.ResponseWriter) { w.(http.Flusher).Flush() },
			func(http.ResponseWriter) {},
		} {
			begun, over := make(chan bool), make(chan bool)
			th := staging{h2: h2}.open(t, func(w http.ResponseWriter, r *http.Request) {
				defer close(over)
				setField(r, "n", "1")
				close(begun)
				<-r.Context().Done()
				answer(w)
			})
			ctx, cancel := context.WithCancel(t.Context())
			v := th.known()
			go func() { <-begun; cancel() }()
			if a := v.do(v.request("GET", "/", nil).WithContext(ctx)); !errors.Is(a.err, context.Canceled) {
				t.Errorf("%+v", a)
			}
			<-over
			waitFor(t, "the save", func() bool { return v.field("n") == "1" })
			if calls := th.take(); saves(calls) != 1 {
				t.Errorf("%d saves: %v", saves(calls), calls)
			}
		}
	}
}

// TestGoneWithinSave: the client closes its connection while the store works on the save, which is not cut off by that.
func TestGoneWithinSave(t *testing.T) {
	th := staging{}.open(t, func(w http.ResponseWriter, r *http.Request) { write(story)(w, r) })
	v := th.known()
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan bool)
	th.fail(func(c interleave.Call, call func() error) error {
		if c.Op == "swap" {
			cancel()
			<-gone
		}
		return call()
	})
	if a := v.do(v.request("GET", "/", nil).WithContext(ctx)); !errors.Is(a.err, context.Canceled) {
		t.Errorf("%+v", a)
	}
	close(gone)
	waitFor(t, "the save", func() bool { return v.field("n") == "1" })
	if calls := th.take(); saves(calls) != 1 {
		t.Errorf("%d saves: %v", saves(calls), calls)
	}
}

// TestGoneBeforeLoad: a cancelled request is no outage. Nothing is loaded, saved or logged, and no cookie is touched.
func TestGoneBeforeLoad(t *testing.T) {
	begun, over, failed := make(chan bool), make(chan bool), make(chan error, 1)
	th := staging{
		options: session.Options{Error: func(w http.ResponseWriter, r *http.Request, err error) {
			failed <- err
			session.ErrorHandler(w, r, err)
		}},
		outside: func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer close(over)
				h.ServeHTTP(w, r)
				if len(w.Header()["Set-Cookie"]) > 0 || w.Header().Get("Retry-After") != "" {
					t.Errorf("header %v", w.Header())
				}
			})
		},
	}.open(t, func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
		s := session.From(r.Context())
		if err := s.Set("n", "1"); !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnavailable) {
			t.Errorf("Set: %v", err)
		}
		if err := s.Err(); !errors.Is(err, context.Canceled) {
			t.Errorf("Err: %v", err)
		}
	})
	v := th.known()
	th.fail(func(c interleave.Call, call func() error) error {
		return errors.Join(call(), store.Wrap("fake", c.Op, context.Canceled)) // Map does not look at contexts
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-begun; cancel() }()
	v.do(v.request("GET", "/", nil).WithContext(ctx))
	<-over
	if err := <-failed; !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Options.Error got %v", err)
	}
	if saves(th.take()) > 0 || th.logged.String() != "" {
		t.Errorf("logged %q", th.logged.String())
	}
	th.fail(nil)
	v.want("before", "yes")
	v.want("n", "")
}

// TestTimedOut: http.TimeoutHandler answers while the handler goes on. What it changed before is saved, inside with that answer; what comes later is not.
func TestTimedOut(t *testing.T) {
	late := func(h http.Handler) http.Handler { return http.TimeoutHandler(h, 300*time.Millisecond, "late") }
	for name, g := range map[string]staging{"inside": {inside: late}, "outside": {outside: late}} {
		t.Run(name, func(t *testing.T) {
			answered, over := make(chan bool), make(chan bool)
			th := g.open(t, func(w http.ResponseWriter, r *http.Request) {
				defer close(over)
				setField(r, "n", "1")
				<-r.Context().Done()
				<-answered
				if _, err := io.WriteString(w, story); !errors.Is(err, http.ErrHandlerTimeout) {
					t.Errorf("Write: %v", err)
				}
			})
			v := th.visitor()
			a := v.get("/")
			close(answered)
			<-over
			if a.status != 503 || a.body != "late" || (name == "inside") != (len(a.cookies) == 1) {
				t.Errorf("%+v", a)
			}
			waitFor(t, "the save", func() bool { return th.saved() > 0 })
			if n := saves(th.take()); n != 1 {
				t.Errorf("%d saves", n)
			}
			if name == "inside" {
				v.want("n", "1")
			}
		})
	}
}
