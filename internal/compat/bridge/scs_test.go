package bridge

import (
	"net/http"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"

	"github.com/larder-go/larder/session"
)

func fromScs(old *scs.SessionManager, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, sess := r.Context(), session.From(r.Context())
		if user := old.GetString(ctx, "user"); user != "" {
			var err error
			if sess.Subject() == "" {
				err = sess.SetSubject(user)
				sess.Set("theme", old.GetString(ctx, "theme")) // and whatever else you want to keep
			} else {
				err = old.Destroy(ctx) // this browser has our cookie now, and must not come back by the other one after a logout
			}
			if err != nil {
				session.ErrorHandler(w, r, err)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func scsHandler(old *scs.SessionManager, m *session.Manager, mux http.Handler) http.Handler {
	return old.LoadAndSave(m.Handler(fromScs(old, mux)))
}

func TestFromScs(t *testing.T) {
	old := scs.New()
	old.Store = memstore.NewWithCleanupInterval(0)
	old.IdleTimeout = time.Hour // so that each request writes: the more there is to come back
	old.Cookie.Name = "old"
	before := old.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user := r.FormValue("user"); user != "" {
			old.RenewToken(r.Context())
			old.Put(r.Context(), "user", user)
			old.Put(r.Context(), "theme", "dark")
		}
		answer(w, old.GetString(r.Context(), "user"), old.GetString(r.Context(), "theme"))
	}))
	testBridge(t, before, func(m *session.Manager, mux http.Handler) http.Handler { return scsHandler(old, m, mux) }, false)
}
