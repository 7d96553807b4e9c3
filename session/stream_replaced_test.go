package session_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/internal/interleave"
	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
)

// isSwap picks the writing of records: loads go on.
func isSwap(c interleave.Call) bool { return c.Op == "swap" }

// TestReplaced: in whatever way a handler answers, where the session cannot be loaded or saved, the client gets that answer, whole, and nothing of the
// handler's.
func TestReplaced(t *testing.T) {
	behind := upstream(t)
	for _, h2 := range []bool{false, true} {
		for _, sh := range shapes(behind) {
			switch sh.name {
			case "saved before": // it panics at Save: see TestSaveSaidNo
				continue
			case "a panic, recovered inside":
				sh.handler = func(_ http.ResponseWriter, r *http.Request) {
					session.From(r.Context()).Set("n", "1")
					panic("boo")
				}
			}
			t.Run(fmt.Sprintf("http%d/%s", map[bool]int{false: 1, true: 2}[h2], sh.name), func(t *testing.T) {
				th := staging{h2: h2, inside: sh.inside, outside: sh.outside}.open(t, sh.handler)
				v := th.known()
				cookie := v.value
				th.fail(downWhen(isSwap))
				sh.method = strings.Replace(sh.method, "HEAD", "", 1)
				r := v.request(map[bool]string{true: "POST", false: "GET"}[sh.method == "POST"], "/story.txt", nil)
				for name, values := range sh.header {
					r.Header[name] = values
				}
				th.take()
				a := v.do(r)
				if sh.name == "gzip outside" && a.err == nil {
					a.body = unzip(t, a)
				}
				if err := a.isDown(); err != nil {
					t.Error(err)
				}
				for _, name := range []string{"Etag", "Last-Modified", "Location", "Accept-Ranges", "Content-Range", "Upstream", "Link"} {
					if a.header.Get(name) != "" {
						t.Errorf("the handler's %s: %q", name, a.header.Get(name))
					}
				}
				if len(a.trailer) > 0 || a.header.Get("Cache-Control") != "no-store" || a.header.Get("Vary") != "Cookie" {
					t.Errorf("trailer %v, header %v", a.trailer, a.header)
				}
				if n := saves(th.take()); n != 1 || v.value != cookie {
					t.Errorf("%d saves were tried, cookie changed: %v", n, v.value != cookie)
				}
				th.fail(nil)
				v.want("n", "")
				v.want("before", "yes")
			})
		}
	}
}

// TestReplacedHeader: all of the handler's header goes, also what a proxy or a browser would act on; what was there before stays as it was.
func TestReplacedHeader(t *testing.T) {
	th := staging{
		options: session.Options{Error: func(w http.ResponseWriter, _ *http.Request, err error) { w.WriteHeader(599) }},
		outside: func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				h0 := w.Header()
				for i := range 10 { // more than are expected
					h0.Set(fmt.Sprint("X-Outside-", i), "kept")
				}
				h0.Set("Cache-Control", "public")
				h0.Set("Content-Type", "text/outside")
				h0.Add("Set-Cookie", "outside=1")
				h.ServeHTTP(w, r)
			})
		},
	}.open(t, func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		for _, name := range []string{"Content-Length", "Content-Encoding", "Content-Language", "Etag", "Last-Modified", "Location", "X-Accel-Redirect", "Refresh",
			"Clear-Site-Data", "X-Outside-3", "Expires", "Content-Type"} {
			h.Set(name, "7")
		}
		h.Add("Set-Cookie", "logged_in=yes")
		h.Add("X-Outside-4", "more")
		h.Del("X-Outside-5")
		h["X-Outside-6"] = nil
		setField(r, "n", "1")
		if _, err := io.WriteString(w, story); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("Write: %v", err)
		}
		w.Header().Set("Late", "1")
		w.Header().Set(http.TrailerPrefix+"Late", "1")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(200)
		if err := http.NewResponseController(w).Flush(); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("Flush: %v", err)
		}
		if _, err := w.(io.ReaderFrom).ReadFrom(strings.NewReader(story)); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("ReadFrom: %v", err)
		}
		if _, err := w.(io.StringWriter).WriteString(story); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("WriteString: %v", err)
		}
		if _, _, err := http.NewResponseController(w).Hijack(); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("Hijack: %v", err)
		}
	})
	v := th.known()
	th.fail(downWhen(isSwap))
	a := v.get("/")
	if a.status != 599 || a.body != "" || a.err != nil || len(a.trailer) > 0 {
		t.Errorf("%+v", a)
	}
	for i := range 10 {
		name := fmt.Sprint("X-Outside-", i)
		if got := fmt.Sprint(a.header[name]); got != "[kept]" {
			t.Errorf("%s: %s", name, got)
		}
		delete(a.header, name)
	}
	delete(a.header, "Date")
	if got, want := fmt.Sprint(a.header), "map[Cache-Control:[no-store] Content-Type:[text/outside] Set-Cookie:[outside=1] Vary:[Cookie]]"; got != want {
		t.Errorf("header\n%v, want\n%v", got, want)
	}
	if strings.Contains(th.logged.String(), "superfluous") {
		t.Error(th.logged.String())
	}
}

// TestReplacedStream: a stream without end, whose session cannot be loaded, ends, and its client has the whole answer at once.
func TestReplacedStream(t *testing.T) {
	over := make(chan bool, 1)
	th := staging{}.open(t, func(w http.ResponseWriter, r *http.Request) {
		defer func() { over <- true }()
		session.Get[string](session.From(r.Context()), "before")
		switch r.URL.Path {
		case "/copy":
			io.Copy(w, endless{})
		case "/write":
			for {
				if _, err := fmt.Fprint(w, "data: tick\n\n"); err != nil {
					return
				}
			}
		case "/deaf": // to errors: its client must have the answer all the same
			for r.Context().Err() == nil {
				io.WriteString(w, "data: tick\n\n")
				w.(http.Flusher).Flush()
				time.Sleep(time.Millisecond)
			}
		}
	})
	v := th.known()
	th.fail(down)
	for _, path := range []string{"/copy", "/write"} {
		if err := v.get(path).isDown(); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		<-over
	}
	resp, err := v.open("/deaf", nil)
	if err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 12)
	if _, err := io.ReadFull(resp.Body, first); resp.StatusCode != 503 || string(first) != "Sessions are" || err != nil {
		t.Errorf("%d %q %v", resp.StatusCode, first, err)
	}
	resp.Body.Close() // as browsers do with a stream that has failed
	<-over
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// TestReplacedProxy: httputil.ReverseProxy panics where it cannot write. The answer is complete, so the connection goes on.
func TestReplacedProxy(t *testing.T) {
	proxy := httputil.NewSingleHostReverseProxy(upstream(t))
	th := staging{}.open(t, func(w http.ResponseWriter, r *http.Request) {
		session.From(r.Context()).Keys()
		proxy.ServeHTTP(w, r)
	})
	v := th.known()
	th.fail(down)
	for range 3 {
		if err := v.get("/").isDown(); err != nil {
			t.Error(err)
		}
	}
	// Any other panic is reported as ever.
	th = staging{}.open(t, func(w http.ResponseWriter, r *http.Request) {
		session.From(r.Context()).Keys()
		w.WriteHeader(200)
		panic([]string{"boo"})
	})
	v = th.known()
	th.fail(down)
	if a := v.get("/"); a.err == nil || !strings.Contains(th.logged.String(), "panic serving") {
		t.Errorf("%+v, logged %s", a, th.logged)
	}
}

// TestSaveSaidNo: what Save has told to have failed is not saved behind the handler's back, neither at the first byte nor at the end; only by another Save.
func TestSaveSaidNo(t *testing.T) {
	var again bool
	var th *theater
	th = staging{}.open(t, func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		setField(r, "n", "1")
		th.fail(downWhen(isSwap))
		if err := s.Save(); !errors.Is(err, store.ErrUnavailable) || strings.Count(err.Error(), "session: ") != 1 {
			t.Errorf("Save: %v", err)
		}
		th.fail(nil) // it was but a moment
		if again {
			need(s.Save())
		}
		io.WriteString(w, story)
	})
	for _, v := range []*visitor{th.known(), th.visitor()} {
		again = false
		th.take()
		if err := v.get("/").isDown(); err != nil {
			t.Error(err)
		}
		if n := saves(th.take()); n != 1 {
			t.Errorf("%d saves were tried", n)
		}
		v.want("n", "")
		again = true
		if a := v.get("/"); a.body != story {
			t.Errorf("%+v", a)
		}
		if n := saves(th.take()); n != 2 {
			t.Errorf("%d saves were tried", n)
		}
		v.want("n", "1")
	}
}
