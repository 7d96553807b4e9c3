package session_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/larder-go/larder/session"
)

// TestEventStream: each event is there when the handler has flushed it, the cookie before the first; what is set meanwhile is saved by Save, and the rest at
// the end, once.
func TestEventStream(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		next := make(chan string)
		th := staging{h2: h2}.open(t, func(w http.ResponseWriter, r *http.Request) {
			s := session.From(r.Context())
			w.Header().Set("Content-Type", "text/event-stream")
			setField(r, "n", "0")
			for word := range next {
				fmt.Fprintf(w, "data: %s\n\n", word)
				w.(http.Flusher).Flush()
				setField(r, "word", word)
				if word == "save" {
					need(s.Save())
				}
			}
			setField(r, "n", "1")
		})
		v := th.visitor()
		resp, err := v.open("/", func() { next <- "one" })
		if err != nil {
			t.Fatal(err)
		}
		events := bufio.NewReader(resp.Body)
		event := func(want string) {
			t.Helper()
			line, err := events.ReadString('\n')
			events.ReadString('\n')
			if err != nil || line != "data: "+want+"\n" {
				t.Fatalf("%q, %v", line, err)
			}
		}
		event("one")
		if n := saves(th.take()); n != 1 || v.value == "" {
			t.Errorf("at the first byte %d saves, cookie %q", n, v.value)
		}
		v.want("n", "0")
		next <- "save"
		event("save")
		next <- "two" // when it is taken, Save is over
		v.want("word", "save")
		if n := saves(th.take()); n != 1 {
			t.Errorf("%d saves by Save", n)
		}
		close(next)
		event("two")
		if _, err := io.Copy(io.Discard, events); err != nil {
			t.Error(err)
		}
		resp.Body.Close()
		waitFor(t, "the save at the end", func() bool { return v.field("n") == "1" })
		v.want("word", "two")
		if n := saves(th.take()); n != 1 {
			t.Errorf("%d saves at the end", n)
		}
	}
}

// open sends a request and returns when the header is there. meanwhile runs beside it.
func (v *visitor) open(path string, meanwhile func()) (*http.Response, error) {
	if meanwhile != nil {
		go meanwhile()
	}
	resp, err := v.th.Client().Do(v.request("GET", path, nil))
	if err == nil {
		v.keep(resp.Cookies(), new(reply))
	}
	return resp, err
}

// TestTooLate: what begins a session, or changes its id, is refused when the header has gone. What the client has an id for is saved at the end.
func TestTooLate(t *testing.T) {
	th := staging{}.open(t, func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		w.Write(nil)
		w.(http.Flusher).Flush()
		err := map[string]func() error{
			"set":      func() error { return s.Set("n", "1") },
			"renew":    s.Renew,
			"login":    func() error { return s.SetSubject("ann") },
			"remember": func() error { return s.Remember(time.Hour) },
			"flash":    func() error { return s.Flash("hello") },
		}[r.URL.Path[1:]]()
		fmt.Fprint(w, errors.Is(err, session.ErrTooLate))
	})
	for _, op := range []string{"set", "renew", "login", "remember", "flash"} {
		v := th.visitor()
		if a := v.get("/" + op); a.status != 200 || a.body != "true" || len(a.cookies) > 0 || len(th.take()) > 0 {
			t.Errorf("%s without a session: %+v", op, a)
		}
		v = th.known()
		want := fmt.Sprint(op != "set" && op != "flash")
		if a := v.get("/" + op); a.status != 200 || a.body != want || len(a.cookies) > 0 {
			t.Errorf("%s: %+v", op, a)
		}
		wantSaves := map[string]int{"set": 1, "flash": 1}[op]
		waitFor(t, op, func() bool { return th.saved() >= wantSaves })
		if n := saves(th.take()); n != wantSaves {
			t.Errorf("%s: %d saves", op, n)
		}
		v.want("before", "yes")
	}
}

// TestLateDestroy: a logout in a stream is done in the store, though the cookie cannot be cleared any more.
func TestLateDestroy(t *testing.T) {
	th := staging{}.open(t, func(w http.ResponseWriter, r *http.Request) {
		setField(r, "n", "1")
		w.(http.Flusher).Flush()
		setField(r, "n", "2")
		need(session.From(r.Context()).Destroy())
		fmt.Fprint(w, errors.Is(session.From(r.Context()).Set("n", "3"), session.ErrTooLate))
	})
	v := th.known()
	if a := v.get("/"); a.err != nil || a.body != "true" {
		t.Errorf("%+v", a)
	}
	v.want("before", "")
	v.want("n", "")
}

// TestManyHands: goroutines of a stream change the session at once, while it flushes.
func TestManyHands(t *testing.T) {
	const hands, times = 8, 20
	th := staging{}.open(t, func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		setField(r, "n", "1")
		var all sync.WaitGroup
		for hand := range hands {
			all.Go(func() {
				for i := range times {
					setField(r, fmt.Sprint("hand", hand), fmt.Sprint(i))
					if i%5 == 0 {
						need(s.Save())
					}
					s.Keys()
					s.Info()
				}
			})
		}
		for range times {
			io.WriteString(w, ".")
			w.(http.Flusher).Flush()
		}
		all.Wait()
	})
	v := th.known()
	if a := v.get("/"); a.err != nil || a.body != strings.Repeat(".", times) {
		t.Fatalf("%+v", a)
	}
	waitFor(t, "the last save", func() bool { return v.field("hand7") == fmt.Sprint(times-1) })
	for hand := range hands {
		v.want(fmt.Sprint("hand", hand), fmt.Sprint(times-1))
	}
}

// TestEarlyHints: what is sent before the answer has no cookie and does not save; the answer has both.
func TestEarlyHints(t *testing.T) {
	var th *theater
	th = staging{}.open(t, func(w http.ResponseWriter, r *http.Request) {
		setField(r, "n", "1")
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		if n := saves(th.take()); n > 0 {
			t.Errorf("%d saves by 103", n)
		}
		io.WriteString(w, story)
	})
	v := th.visitor()
	r := v.request("GET", "/", nil)
	var hints []string
	a := v.do(r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		hints = append(hints, fmt.Sprint(code, len(h["Link"]), len(h["Set-Cookie"])))
		return nil
	}})))
	if fmt.Sprint(hints) != "[103 1 0]" || a.body != story || len(a.cookies) != 1 || saves(th.take()) != 1 {
		t.Errorf("hints %v, %+v", hints, a)
	}
}

// TestHijack: the session is saved before the connection is handed over, its cookie is in the header for who writes it; the rest is saved at the end.
func TestHijack(t *testing.T) {
	th := staging{}.open(t, func(w http.ResponseWriter, r *http.Request) {
		setField(r, "n", "1")
		conn, both, err := http.NewResponseController(w).Hijack()
		need(err)
		defer conn.Close()
		both.WriteString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\nConnection: Upgrade\r\n")
		w.Header().Write(both)
		both.WriteString("\r\nhello")
		need(both.Flush())
		if _, err := w.Write(nil); !errors.Is(err, http.ErrHijacked) {
			t.Errorf("a write after Hijack: %v", err)
		}
		line, err := both.ReadString('\n')
		need(err)
		setField(r, "said", strings.TrimSpace(line))
	})
	v := th.visitor()
	r := v.request("GET", "/", nil)
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "chat")
	resp, err := th.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if v.keep(resp.Cookies(), new(reply)); resp.StatusCode != 101 || v.value == "" || saves(th.take()) != 1 {
		t.Fatalf("%d, cookie %q", resp.StatusCode, v.value)
	}
	v.want("n", "1")
	io.WriteString(resp.Body.(io.Writer), "good bye\n")
	if rest, err := io.ReadAll(resp.Body); string(rest) != "hello" || err != nil {
		t.Errorf("%q, %v", rest, err)
	}
	waitFor(t, "the save at the end", func() bool { return v.field("said") == "good bye" })
	if n := saves(th.take()); n != 1 {
		t.Errorf("%d saves at the end", n)
	}
}

// TestUnsupported: what HTTP/2 does not have is refused as it would be without us, and the answer goes on.
func TestUnsupported(t *testing.T) {
	th := staging{h2: true}.open(t, func(w http.ResponseWriter, r *http.Request) {
		setField(r, "n", "1")
		if _, _, err := http.NewResponseController(w).Hijack(); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("Hijack: %v", err)
		}
		if err := w.(http.Pusher).Push("/style.css", nil); err == nil {
			t.Error("this client takes no push")
		}
		io.WriteString(w, r.Proto)
	})
	v := th.visitor()
	if a := v.get("/"); a.body != "HTTP/2.0" || len(a.cookies) != 1 || saves(th.take()) != 1 {
		t.Errorf("%+v", a)
	}
	v.want("n", "1")
	th = staging{}.open(t, func(w http.ResponseWriter, r *http.Request) {
		if err := w.(http.Pusher).Push("/style.css", nil); !errors.Is(err, http.ErrNotSupported) {
			t.Errorf("Push over HTTP/1: %v", err)
		}
	})
	th.visitor().get("/")
}

// spy is what the server's own writer can do, watched.
type spy struct {
	http.ResponseWriter
	from []io.Reader
}

func (s *spy) ReadFrom(r io.Reader) (int64, error) {
	s.from = append(s.from, r)
	return s.ResponseWriter.(io.ReaderFrom).ReadFrom(r)
}

// TestSendfile: a file reaches the server's ReadFrom as one, or as a part of one, so that the kernel can send it.
func TestSendfile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "story.txt")
	need(os.WriteFile(path, []byte(strings.Repeat(story, 10_000)), 0o600))
	var got *spy
	th := staging{outside: func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got = &spy{ResponseWriter: w}
			h.ServeHTTP(got, r)
		})
	}}.open(t, func(w http.ResponseWriter, r *http.Request) {
		setField(r, "n", "1")
		if r.URL.Path == "/serve" {
			http.ServeFile(w, r, path)
			return
		}
		f, err := os.Open(path)
		need(err)
		defer f.Close()
		io.Copy(w, f)
	})
	for _, path := range []string{"/serve", "/copy"} {
		if a := th.visitor().get(path); len(a.body) != 10_000*len(story) || len(a.cookies) != 1 || saves(th.take()) != 1 {
			t.Errorf("%s: %d bytes", path, len(a.body))
		}
		if len(got.from) != 1 {
			t.Fatalf("%s: ReadFrom was called %d times", path, len(got.from))
		}
		from := got.from[0]
		if l, ok := from.(*io.LimitedReader); ok {
			from = l.R
		}
		if _, ok := from.(syscall.Conn); !ok {
			t.Errorf("%s: ReadFrom got a %T, which no sendfile takes", path, from)
		}
	}
}

// TestCloseNotify is for gin's Stream, which panics without.
func TestCloseNotify(t *testing.T) {
	begun, noticed := make(chan bool), make(chan bool)
	for _, outside := range []func(http.Handler) http.Handler{nil, timeout} { // TimeoutHandler's writer has none
		th := staging{outside: outside}.open(t, func(w http.ResponseWriter, r *http.Request) {
			setField(r, "n", "1")
			gone := w.(interface{ CloseNotify() <-chan bool }).CloseNotify()
			begun <- true
			<-gone
			close(begun)
			noticed <- true
		})
		ctx, cancel := context.WithCancel(t.Context())
		v := th.known()
		go func() { <-begun; cancel() }()
		if a := v.do(v.request("GET", "/", nil).WithContext(ctx)); !errors.Is(a.err, context.Canceled) {
			t.Errorf("%+v", a)
		}
		<-noticed
		begun = make(chan bool)
		waitFor(t, "the save for a client that has gone", func() bool { return v.field("n") == "1" })
	}
}

// TestPlainConnection is for clients of HTTP/1.0, and such as send requests in a row without waiting.
func TestPlainConnection(t *testing.T) {
	th := staging{}.open(t, func(w http.ResponseWriter, r *http.Request) {
		setField(r, r.URL.Path[1:], "1")
		io.WriteString(w, story)
	})
	v := th.known()
	conn, err := net.Dial("tcp", th.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	head := " HTTP/1.%d\r\nHost: example.test\r\nCookie: __Host-session=" + v.value + "\r\n\r\n"
	fmt.Fprintf(conn, "GET /a"+head+"HEAD /b"+head+"GET /c"+head, 1, 1, 0)
	all, err := io.ReadAll(conn)
	if n := strings.Count(string(all), story); n != 2 || strings.Count(string(all), " 200 OK\r\n") != 3 || err != nil {
		t.Errorf("%v: %s", err, all)
	}
	for _, name := range []string{"a", "b", "c"} {
		v.want(name, "1")
	}
	if n := saves(th.take()); n != 3 {
		t.Errorf("%d saves", n)
	}
}
