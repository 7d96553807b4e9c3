package session_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/internal/interleave"
	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
)

// inBubble is a theater without a server, in a testing/synctest bubble.
func inBubble(t *testing.T, s store.Store, o session.Options) *theater {
	o.Keys, o.Logger = raceKeys, slog.New(slog.DiscardHandler)
	m, err := session.New(s, &o)
	if err != nil {
		t.Fatal(err)
	}
	return &theater{t: t, m: m, under: s, options: o}
}

// pass has the visitor's session pass through h.
func (v *visitor) pass(h http.HandlerFunc) {
	r := httptest.NewRequestWithContext(v.th.t.Context(), "GET", "/", nil)
	r.Header.Set("Cookie", "__Host-session="+v.value)
	v.th.m.Handler(h).ServeHTTP(httptest.NewRecorder(), r)
}

// TestLongStream: a stream that outlives Idle keeps the session alive by Save; one that does not call it ends with a session that is over.
func TestLongStream(t *testing.T) {
	for _, touchAfter := range []time.Duration{0, -1} {
		for _, saves := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				th := inBubble(t, store.NewMap(nil), session.Options{Idle: time.Hour, TouchAfter: touchAfter})
				v := th.known()
				v.pass(func(w http.ResponseWriter, r *http.Request) {
					setField(r, "n", "1")
					w.(http.Flusher).Flush()
					for range 30 {
						time.Sleep(10 * time.Minute) // of the bubble
						if saves {
							need(session.From(r.Context()).Save())
						}
					}
					setField(r, "end", "1")
				})
				want := map[bool]string{true: "1"}[saves]
				v.want("n", want)
				v.want("end", want)
			})
		}
	}
}

// TestTimeoutHandlerPlace: while the store hangs, http.TimeoutHandler keeps its time outside of the session; inside it waits for the store. (Without a
// bubble: its clock stands still for who waits for a mutex.)
func TestTimeoutHandlerPlace(t *testing.T) {
	const hangs = 500 * time.Millisecond
	late := func(h http.Handler) http.Handler { return http.TimeoutHandler(h, hangs/50, "late") }
	for _, inside := range []bool{false, true} {
		g := staging{outside: late}
		if inside {
			g = staging{inside: late}
		}
		th := g.open(t, func(w http.ResponseWriter, r *http.Request) {
			session.From(r.Context()).Keys()
			io.WriteString(w, story)
		})
		v := th.known()
		back := make(chan bool)
		th.fail(func(interleave.Call, func() error) error { <-back; return errDown })
		var over sync.WaitGroup
		at := make(chan bool, 1)
		over.Go(func() {
			a := v.get("/")
			if at <- true; a.status != 503 || len(a.cookies) > 0 {
				t.Errorf("inside %v: %+v", inside, a)
			}
		})
		hung := 20 * time.Second // more than any machine needs
		if inside {
			hung = hangs
		}
		select {
		case <-at:
			if inside {
				t.Error("it is answered inside while the store hangs: the documentation may say better")
			}
		case <-time.After(hung):
			if !inside {
				t.Error("it is not answered outside while the store hangs")
			}
		}
		close(back)
		over.Wait()
		th.fail(nil)
		v.want("before", "yes")
	}
}
