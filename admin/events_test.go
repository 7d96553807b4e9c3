package admin_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/admin"
	"github.com/larder-go/larder/store"
)

// stream listens to events.
type stream struct {
	t     *testing.T
	r     *http.Response
	lines *bufio.Scanner
	close func()
}

func listen(t *testing.T, url string) *stream {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, "GET", url+"events", nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	r, err := transport.RoundTrip(request)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	s := &stream{t, r, bufio.NewScanner(r.Body), func() { cancel(); r.Body.Close() }}
	t.Cleanup(s.close)
	return s
}

// next is the next event; false: the stream has ended.
func (s *stream) next() (v stat, ok bool) {
	s.t.Helper()
	for s.lines.Scan() {
		line := s.lines.Text()
		if data, is := strings.CutPrefix(line, "data: "); is {
			if err := json.Unmarshal([]byte(data), &v); err != nil {
				s.t.Fatal(err)
			}
			return v, true
		}
		if line != "" && line != "event: stat" && !strings.HasPrefix(line, "retry: ") {
			s.t.Fatalf("a line %q", line)
		}
	}
	return v, false
}

// until reads events until one is as wanted.
func (s *stream) until(what string, is func(stat) bool) {
	s.t.Helper()
	for begun := time.Now(); time.Since(begun) < 20*time.Second; {
		v, ok := s.next()
		if !ok {
			break
		}
		if is(v) {
			return
		}
	}
	s.t.Fatalf("no event with %s", what)
}

func TestEvents(t *testing.T) {
	m := store.NewMap(nil)
	k := serve(t, m, &admin.Options{})
	s := listen(t, k.url)
	if s.r.StatusCode != 200 || s.r.Header.Get("Content-Type") != "text/event-stream" || s.r.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d: %v", s.r.StatusCode, s.r.Header)
	}
	s.until("no entries", func(v stat) bool { return v.Entries != nil && *v.Entries == 0 })
	observed := store.Observe(m, k.h)
	fill(t, observed, 5)
	s.until("five entries and operations", func(v stat) bool {
		return *v.Entries == 5 && v.Operations != nil && v.Operations.Totals["set"] == 5 && v.Operations.PerSecond["set"] > 0
	})
}

// TestEventsEndWithTheirServer: a server that is shut down does not wait for who looks, and is not left waiting either.
func TestEventsEndWithTheirServer(t *testing.T) {
	h, err := admin.New(store.NewMap(nil), quiet(&admin.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // one handler may have two servers in its life
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: h}
		served := make(chan error)
		go func() { served <- server.Serve(l) }()
		var streams []*stream
		for range 3 {
			s := listen(t, "http://"+l.Addr().String()+"/")
			s.next()
			streams = append(streams, s)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		if err := server.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		cancel()
		<-served
		for _, s := range streams {
			for {
				if _, ok := s.next(); !ok {
					break
				}
			}
		}
	}
}

// TestEventsOutliveTimeLimits: a server's limits are for answers that end.
func TestEventsOutliveTimeLimits(t *testing.T) {
	h, err := admin.New(store.NewMap(nil), quiet(&admin.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: h, ReadTimeout: time.Second, WriteTimeout: time.Second}
	served := make(chan error)
	go func() { served <- server.Serve(l) }()
	s := listen(t, "http://"+l.Addr().String()+"/")
	for range 3 {
		if _, ok := s.next(); !ok {
			t.Fatal("the stream has ended")
		}
	}
	s.close()
	server.Close()
	<-served
}

// TestListenersAreBounded, and each of them that goes makes room.
func TestListenersAreBounded(t *testing.T) {
	k := serve(t, store.NewMap(nil), &admin.Options{})
	var all []*stream
	for range 64 {
		s := listen(t, k.url)
		s.next()
		all = append(all, s)
	}
	k.get("events").is(http.StatusServiceUnavailable, "too_many_listeners")
	k.get("stat").is(200, "")
	for _, s := range all {
		s.close()
	}
	for begun := time.Now(); ; time.Sleep(time.Millisecond) {
		s := listen(t, k.url)
		if s.r.StatusCode == 200 {
			return
		}
		if time.Since(begun) > 10*time.Second {
			t.Fatal("nobody made room")
		}
	}
}

// TestListenersShareACount: what many look at is counted once.
func TestListenersShareACount(t *testing.T) {
	m := &counted{Map: store.NewMap(nil)}
	fill(t, m.Map, 1000)
	k := serve(t, m, &admin.Options{})
	var all []*stream
	for range 20 {
		all = append(all, listen(t, k.url))
	}
	for _, s := range all {
		s.until("the count", func(v stat) bool { return v.Entries != nil && *v.Entries == 1000 })
	}
	if n := m.lists.Load(); n < 1 || n > 4 { // some seconds have passed
		t.Errorf("%d lists for 20 listeners", n)
	}
}
