package peers

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
)

// contender is a session manager with one session in its store.
type contender struct {
	name    string
	handler func(work, *fields) http.Handler
	create  http.Handler                // answers with the session's cookie
	watch   func(bool) int              // begins and ends to watch the calls of the store, and says how many there were
	raw     func(context.Context) error // makes the calls that were watched last, and nothing else
	cookie  string
}

var contenders = []func(testing.TB) *contender{newOurs, newScs, newGorillaCookie, newGorillaFile}

// open creates the session.
func open(t testing.TB, make func(testing.TB) *contender) *contender {
	t.Helper()
	c := make(t)
	w := httptest.NewRecorder()
	c.create.ServeHTTP(w, httptest.NewRequest("GET", "https://example.com/", nil))
	for _, cookie := range w.Result().Cookies() {
		c.cookie = (&http.Cookie{Name: cookie.Name, Value: cookie.Value}).String()
	}
	if c.cookie == "" {
		t.Fatalf("%s sent no cookie: %d %v", c.name, w.Code, w.Header())
	}
	return c
}

// requests returns a function that makes one request of handler. Each gets a request of its own, as from a server, for some change it.
func (c *contender) requests(handler http.Handler) func() *sink {
	w := &sink{header: http.Header{}}
	model := httptest.NewRequest("GET", "https://example.com/", nil)
	model.Header.Set("Cookie", c.cookie)
	return func() *sink {
		w.reset()
		r := new(http.Request)
		*r = *model
		handler.ServeHTTP(w, r)
		return w
	}
}

// TestPeers: the benchmark compares what it says.
func TestPeers(t *testing.T) {
	for _, make := range contenders {
		c := open(t, make)
		t.Run(c.name, func(t *testing.T) {
			for _, do := range works {
				var got fields
				request := c.requests(c.handler(do, &got))
				c.watch(true)
				w := request()
				calls := c.watch(false)
				if w.bytes != len(answer) {
					t.Errorf("%v: answered %d with %d bytes", do, w.status, w.bytes)
				}
				want := map[work]fields{nothing: {}, readOne: {name: someFields().name}, readAll: someFields(), modify: {name: someFields().name, count: someFields().count + 1}}[do]
				if !got.equal(want) {
					t.Errorf("%v: the handler saw %+v, not %+v", do, got, want)
				}
				t.Logf("%v: %d calls of the store, header %q", do, calls, w.header)
				if err := c.raw(t.Context()); err != nil {
					t.Errorf("%v: the bare calls: %v", do, err)
				}
			}
			if c.name == "gorilla-cookie" {
				return // its saved session is in the cookie that we do not send
			}
			var got fields
			c.requests(c.handler(readAll, &got))()
			if got.count != someFields().count+1 {
				t.Errorf("after a save the count is %d", got.count)
			}
		})
	}
}
