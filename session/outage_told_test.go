package session_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/larder-go/larder/session"
)

// TestToldAllTheSame: what Save or Destroy has done before the store went down, the client is told with the 503: the id that it has is dead already.
func TestToldAllTheSame(t *testing.T) {
	var th *theater
	th = staging{}.open(t, func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		if r.URL.Path == "/login" {
			need(s.SetSubject("ann"))
			need(s.Save())
		} else {
			need(s.Destroy())
		}
		setField(r, "n", "1")
		th.fail(down)
		io.WriteString(w, story)
	})
	v := th.known()
	if a := v.get("/login"); a.status != 503 || len(a.cookies) != 1 || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%+v", a)
	}
	th.fail(nil)
	v.want("before", "yes")
	v.want("n", "")
	v.aside(func(s *session.Session) {
		if s.Subject() != "ann" {
			t.Errorf("the subject is %q", s.Subject())
		}
	})
	if a := v.get("/destroy"); a.status != 503 || len(a.cookies) != 1 || v.value != "" {
		t.Errorf("%+v", a)
	}
}
