package routers

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/larder-go/larder/session"
)

const patience = 20 * time.Second

// talk is a websocket that answers "name=value" by setting the field and saving at once, and "name" with the field as the session knows it.
func talk(w http.ResponseWriter, r *http.Request) {
	s := session.From(r.Context())
	if r.FormValue("greet") != "" {
		must(s.Set("greeted", "before the upgrade"))
	}
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer conn.CloseNow()
	for {
		_, message, err := conn.Read(r.Context())
		if err != nil {
			return
		}
		if err := conn.Write(r.Context(), websocket.MessageText, []byte(reply(s, string(message)))); err != nil {
			return
		}
	}
}

func reply(s *session.Session, message string) string {
	if message == "hello" {
		name, _ := session.Get[string](s, "name")
		return "hello " + name
	}
	if err := s.Set("said", message); err != nil {
		return verdict(err)
	}
	if err := s.Save(); err != nil {
		return verdict(err)
	}
	return "saved"
}

func verdict(err error) string {
	switch {
	case errors.Is(err, session.ErrEnded):
		return "ended"
	case errors.Is(err, session.ErrTooLate):
		return "too late"
	}
	return err.Error()
}

// dial opens a websocket with the visitor's cookies.
func (v *visitor) dial(t *testing.T, path string) *websocket.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, v.URL+path, &websocket.DialOptions{HTTPClient: v.client})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	return conn
}

// say sends a message and expects this answer.
func say(t *testing.T, conn *websocket.Conn, message, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := conn.Write(ctx, websocket.MessageText, []byte(message)); err != nil {
		t.Fatal(err)
	}
	_, got, err := conn.Read(ctx)
	if err != nil || string(got) != want {
		t.Fatalf("to %q it answered %q, %v, not %q", message, got, err, want)
	}
}

// TestWebsocket: a session is read and saved while the socket is open, and one that ends meanwhile stays ended.
func TestWebsocket(t *testing.T) {
	eachRouter(t, map[string]http.HandlerFunc{"/talk": talk}, func(t *testing.T, v *visitor) {
		v.get("/set?name=Ada")
		conn := v.dial(t, "/talk")
		say(t, conn, "hello", "hello Ada")
		say(t, conn, "one", "saved")
		v.expect(t, "said", "one") // the socket is still open
		v.get("/set?other=kept")
		say(t, conn, "two", "saved")
		v.expect(t, "said", "two")
		v.expect(t, "other", "kept") // what others set meanwhile is not overwritten

		v.get("/logout")
		say(t, conn, "three", "ended")
		v.expect(t, "said", "")
		v.expect(t, "name", "")
	})
}

// TestWebsocketCookie: what is set before the upgrade goes out with it; after it, a new session has no way to the browser.
func TestWebsocketCookie(t *testing.T) {
	eachRouter(t, map[string]http.HandlerFunc{"/talk": talk}, func(t *testing.T, v *visitor) {
		conn := v.dial(t, "/talk?greet=1")
		v.expect(t, "greeted", "before the upgrade")
		say(t, conn, "one", "saved")
		v.expect(t, "said", "one")

		stranger := v.another()
		say(t, stranger.dial(t, "/talk"), "one", "too late")
		stranger.expect(t, "said", "")
	})
}
