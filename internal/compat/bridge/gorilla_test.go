package bridge

import (
	"crypto/rand"
	"net/http"
	"testing"

	"github.com/gorilla/sessions"

	"github.com/larder-go/larder/session"
)

func fromGorilla(old sessions.Store, name string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		was, _ := old.Get(r, name) // an error means that its cookie is of no use
		sess := session.From(r.Context())
		if user, _ := was.Values["user"].(string); user != "" {
			var err error
			if sess.Subject() == "" {
				err = sess.SetSubject(user)
				sess.Set("theme", was.Values["theme"])
			} else {
				was.Options.MaxAge = -1
				err = was.Save(r, w)
			}
			if err != nil {
				session.ErrorHandler(w, r, err)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func TestFromGorilla(t *testing.T) {
	key := make([]byte, 32)
	rand.Read(key)
	for name, old := range map[string]sessions.Store{"files": sessions.NewFilesystemStore(t.TempDir(), key), "cookies": sessions.NewCookieStore(key)} {
		t.Run(name, func(t *testing.T) {
			before := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				s, _ := old.Get(r, "old")
				if user := r.FormValue("user"); user != "" {
					s.Values["user"], s.Values["theme"] = user, "dark"
					if err := s.Save(r, w); err != nil {
						t.Error(err)
					}
				}
				user, _ := s.Values["user"].(string)
				theme, _ := s.Values["theme"].(string)
				answer(w, user, theme)
			})
			// A copy of a CookieStore's cookie logs in for as long as it is young enough: nothing on the server can take it back.
			comesBack := name == "cookies"
			testBridge(t, before, func(m *session.Manager, mux http.Handler) http.Handler {
				return m.Handler(fromGorilla(old, "old", mux))
			}, comesBack)
		})
	}
}
