package session_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/larder-go/larder/session"
)

// shape is one way in which a handler answers, or does not. Each sets the field "n" to "1" first.
type shape struct {
	name    string
	method  string // "": GET
	header  http.Header
	handler http.HandlerFunc
	inside  func(http.Handler) http.Handler
	outside func(http.Handler) http.Handler
	status  int // 0: 200
	body    string
	check   func(t *testing.T, a reply)
}

const story = "once upon a time there was a larder"

func write(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		setField(r, "n", "1")
		io.WriteString(w, body)
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		setField(r, "n", "1")
		w.WriteHeader(code)
	}
}

// first has h set the field before it does anything.
func first(h http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		setField(r, "n", "1")
		h.ServeHTTP(w, r)
	}
}

// timeout is http.TimeoutHandler: it answers itself, from another goroutine than the handler's.
func timeout(h http.Handler) http.Handler { return http.TimeoutHandler(h, time.Minute, "late") }

// zip compresses as most middleware for that does: it declares so at once, and has the writer between.
func zip(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		defer z.Close()
		h.ServeHTTP(&zipped{w, z}, r)
	})
}

type zipped struct {
	http.ResponseWriter
	z *gzip.Writer
}

func (w *zipped) Write(p []byte) (int, error) { return w.z.Write(p) }
func (w *zipped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func unzip(t *testing.T, a reply) string {
	t.Helper()
	if a.header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("Content-Encoding %q of %q", a.header.Get("Content-Encoding"), a.body)
	}
	z, err := gzip.NewReader(strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

func shapes(upstream *url.URL) []shape {
	files := http.FileServerFS(fstest.MapFS{"story.txt": {Data: []byte(story), ModTime: time.Now()}})
	part := http.Header{"Range": {"bytes=5-8"}}
	zippedStory := func(t *testing.T, a reply) {
		if got := unzip(t, a); got != story {
			t.Errorf("unzipped: %q", got)
		}
	}
	return []shape{
		{name: "Write", body: story, handler: write(story)},
		{name: "no write at all", handler: func(_ http.ResponseWriter, r *http.Request) { setField(r, "n", "1") }},
		{name: "201 alone", status: 201, handler: status(201)},
		{name: "204", status: 204, handler: status(204)},
		{name: "304", status: 304, handler: status(304)},
		{name: "WriteHeader twice", status: 202, body: story, handler: func(w http.ResponseWriter, r *http.Request) {
			setField(r, "n", "1")
			w.WriteHeader(202)
			w.WriteHeader(500)
			io.WriteString(w, story)
		}},
		{name: "redirect", status: 303, handler: func(w http.ResponseWriter, r *http.Request) {
			setField(r, "n", "1")
			w.Header().Set("Content-Type", "text/plain") // or Redirect writes a body
			http.Redirect(w, r, "/elsewhere", http.StatusSeeOther)
		}},
		{name: "HEAD", method: "HEAD", handler: write(story)},
		{name: "Flush first", body: story, handler: func(w http.ResponseWriter, r *http.Request) {
			setField(r, "n", "1")
			w.(http.Flusher).Flush()
			io.WriteString(w, story)
		}},
		{name: "ResponseController", body: "ping" + story, method: "POST", handler: func(w http.ResponseWriter, r *http.Request) {
			setField(r, "n", "1")
			c := http.NewResponseController(w)
			need(c.SetReadDeadline(time.Now().Add(time.Minute)))
			need(c.SetWriteDeadline(time.Now().Add(time.Minute)))
			if r.ProtoMajor == 1 {
				need(c.EnableFullDuplex())
			}
			io.WriteString(w, "ping")
			need(c.Flush())
			io.Copy(w, r.Body) // duplex: the answer has begun
		}},
		{name: "StringWriter", body: story, handler: func(w http.ResponseWriter, r *http.Request) {
			setField(r, "n", "1")
			if _, err := w.(io.StringWriter).WriteString(story); err != nil {
				panic(err)
			}
		}},
		{name: "io.Copy", body: story, handler: func(w http.ResponseWriter, r *http.Request) {
			setField(r, "n", "1")
			_, err := io.Copy(w, io.LimitReader(strings.NewReader(story+story), int64(len(story))))
			need(err)
		}},
		{name: "nothing copied", handler: func(w http.ResponseWriter, r *http.Request) {
			setField(r, "n", "1")
			io.Copy(w, strings.NewReader(""))
		}},
		{name: "Content-Length", body: story, handler: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(story)))
			write(story)(w, r)
		}},
		{name: "ServeContent, a range", body: "upon", status: 206, header: part, handler: func(w http.ResponseWriter, r *http.Request) {
			setField(r, "n", "1")
			http.ServeContent(w, r, "story.txt", time.Time{}, strings.NewReader(story))
		}},
		{name: "FileServer", body: story, handler: first(files)},
		{name: "FileServer, a range", body: "upon", status: 206, header: part, handler: first(files)},
		{name: "FileServer, not modified", status: 304, header: http.Header{"If-Modified-Since": {time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)}}, handler: first(files)},
		{name: "TimeoutHandler inside", body: story, handler: write(story), inside: timeout},
		{name: "TimeoutHandler outside", body: story, handler: write(story), outside: timeout},
		{name: "gzip inside", handler: write(story), inside: zip, check: zippedStory},
		{name: "gzip outside", handler: write(story), outside: zip, check: zippedStory},
		{name: "ReverseProxy", body: story, status: 203, handler: first(httputil.NewSingleHostReverseProxy(upstream)), check: func(t *testing.T, a reply) {
			if a.header.Get("Upstream") != "yes" || a.trailer.Get("End") != "here" || len(a.header["Set-Cookie"]) < 1 {
				t.Errorf("header %v, trailer %v", a.header, a.trailer)
			}
		}},
		{name: "trailers", body: story, handler: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Trailer", "End")
			write(story)(w, r)
			w.Header().Set("End", "here")
			w.Header().Set(http.TrailerPrefix+"More", "there")
			w.(http.Flusher).Flush()
		}, check: func(t *testing.T, a reply) {
			if a.trailer.Get("End") != "here" || a.trailer.Get("More") != "there" {
				t.Errorf("trailer %v", a.trailer)
			}
		}},
		{name: "100-continue", method: "POST", header: http.Header{"Expect": {"100-continue"}}, body: story, handler: func(w http.ResponseWriter, r *http.Request) {
			setField(r, "n", "1")
			w.WriteHeader(http.StatusContinue)
			io.Copy(w, r.Body)
		}},
		{name: "early hints", body: story, handler: func(w http.ResponseWriter, r *http.Request) {
			setField(r, "n", "1")
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusProcessing)
			io.WriteString(w, story)
		}},
		{name: "a panic, recovered inside", status: 500, body: "sorry\n", inside: recovering, handler: func(_ http.ResponseWriter, r *http.Request) {
			setField(r, "n", "1")
			panic("boo")
		}},
		{name: "saved before", body: story, handler: func(w http.ResponseWriter, r *http.Request) {
			setField(r, "n", "1")
			need(session.From(r.Context()).Save())
			io.WriteString(w, story)
			need(session.From(r.Context()).Save())
		}},
	}
}

// recovering answers where the handler panics.
func recovering(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if recover() != nil {
				http.Error(w, "sorry", 500)
			}
		}()
		h.ServeHTTP(w, r)
	})
}

// upstream is behind a ReverseProxy: it sends hints, a cookie of its own and a trailer.
func upstream(t *testing.T) *url.URL {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "End")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Set("Upstream", "yes")
		w.Header().Add("Set-Cookie", "theirs=1")
		w.WriteHeader(203)
		io.WriteString(w, story)
		w.Header().Set("End", "here")
	}))
	t.Cleanup(func() {
		http.DefaultTransport.(*http.Transport).CloseIdleConnections() // of the proxy
		s.Close()
	})
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestAnswers: in whatever way a handler answers, what it set is saved exactly once, and the cookie goes out where it is new.
func TestAnswers(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		for _, sh := range shapes(upstream(t)) {
			t.Run(fmt.Sprintf("http%d/%s", map[bool]int{false: 1, true: 2}[h2], sh.name), func(t *testing.T) {
				th := staging{h2: h2, inside: sh.inside, outside: sh.outside}.open(t, sh.handler)
				sh.play(t, th, th.visitor(), true)
				sh.play(t, th, th.known(), false)
			})
		}
	}
}

func (sh *shape) play(t *testing.T, th *theater, v *visitor, fresh bool) {
	t.Helper()
	method, want := sh.method, sh.status
	var body io.Reader
	switch method {
	case "":
		method = "GET"
	case "POST":
		body = bytes.NewReader([]byte(story))
	}
	if want == 0 {
		want = 200
	}
	r := v.request(method, "/story.txt", body)
	for name, values := range sh.header {
		r.Header[name] = values
	}
	th.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	th.take()
	a := v.do(r)
	if calls := th.take(); saves(calls) != 1 {
		t.Errorf("%d saves: %v", saves(calls), calls)
	}
	if a.err != nil || a.status != want || sh.check == nil && a.body != sh.body {
		t.Errorf("%v, status %d, body %q; want %d, %q", a.err, a.status, a.body, want, sh.body)
	}
	if sh.check != nil && a.err == nil {
		sh.check(t, a)
	}
	if fresh != (len(a.cookies) == 1) {
		t.Errorf("cookies %v", a.cookies)
	}
	if !strings.Contains(strings.Join(a.header["Vary"], ","), "Cookie") || a.header.Get("Cache-Control") == "" {
		t.Errorf("Vary %q, Cache-Control %q", a.header["Vary"], a.header.Get("Cache-Control"))
	}
	if v.want("n", "1"); !fresh {
		v.want("before", "yes")
	}
}
