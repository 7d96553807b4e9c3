package demo

import (
	"context"
	_ "embed"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
)

// site is the demo.
type site struct {
	manager  *session.Manager
	doorman  *doorman
	where    string        // the sessions are kept
	remember time.Duration // how long who wants to be is remembered
	logger   *slog.Logger
	ring     *Ring        // nil: the sessions are on none
	whole    http.Handler // what browsers see
}

// Demo is the page, and what an operator can do to who is logged in there.
type Demo struct {
	http.Handler
	manager *session.Manager
}

// SignOut logs a user out everywhere.
func (d *Demo) SignOut(ctx context.Context, user string) error { return d.manager.RevokeAll(ctx, user) }

// New returns the demo on sessions in s. where says in words where that is, and logger hears what is wrong.
func New(s store.Store, where string, logger *slog.Logger) (*Demo, error) {
	return newSite(s, nil, where, logger, madeUp())
}

// NewOnRing returns the demo on sessions in s, which is ring or stands before it, with a page on which the ring is changed.
func NewOnRing(s store.Store, ring *Ring, where string, logger *slog.Logger) (*Demo, error) {
	return newSite(s, ring, where, logger, madeUp())
}

func newSite(s store.Store, ring *Ring, where string, logger *slog.Logger, users []user) (*Demo, error) {
	e, err := store.ExpiryOf(s)
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return nil, err
	}
	o := sessionOptions(e.Timeout, logger)
	mark, err := storeMark(s, o)
	if err != nil {
		return nil, err
	}
	o.Cookie.Name += "-" + mark
	m, err := session.New(s, o)
	if err != nil {
		return nil, err
	}
	d := &site{manager: m, doorman: newDoorman(users), where: where, remember: o.RememberFor, logger: logger, ring: ring}
	d.whole = guarded(fromHere(limited(m.Handler(d.routes()))))
	return &Demo{d.whole, m}, nil
}

func (s *site) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.show)
	mux.HandleFunc("POST /login", s.login)
	mux.HandleFunc("POST /logout", s.logout)
	mux.HandleFunc("POST /logout-everywhere", s.logoutEverywhere)
	mux.HandleFunc("POST /sign-out", s.signOut)
	mux.HandleFunc("POST /cart", s.change)
	for _, form := range []string{"/login", "/logout", "/logout-everywhere", "/sign-out", "/cart"} { // which only forms ask for, or an address that was kept
		mux.Handle("GET "+form, http.RedirectHandler("/", http.StatusSeeOther))
	}
	if s.ring != nil {
		s.withRing(mux)
	}
	mux.HandleFunc("GET /style.css", file("text/css; charset=utf-8", style))
	mux.HandleFunc("GET /icon.svg", file("image/svg+xml", icon))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusNotFound, problemPage("Nothing on this shelf.", "There is no such page."))
	})
	return mux
}

// fromHere refuses forms that other sites send: the browser says where one comes from.
func fromHere(next http.Handler) http.Handler {
	crossOrigin := http.NewCrossOriginProtection()
	crossOrigin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusForbidden, problemPage("Not from there.", "Another site sent this form, so nothing was done."))
	}))
	return crossOrigin.Handler(next)
}

// guarded sets what the browser is to refuse on every answer, also on those that tell of errors.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		// Not no-referrer: forms would then send "Origin: null", which CrossOriginProtection takes for another site where the browser
		// sends no Sec-Fetch-Site, as over plain http to another machine.
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// maxForm is far more than any form of the page sends.
const maxForm = 8 << 10

// limited reads the form before anything else looks at it. Handlers take fields from r.PostForm: r.PostFormValue would read forms in several parts,
// which carry files, too.
func limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			answer(w, http.StatusBadRequest, problemPage("What was that?", "The form could not be read, or is too long."))
			return
		}
		next.ServeHTTP(w, r)
	})
}

//go:embed style.css
var style string

//go:embed icon.svg
var icon string

// file serves a file of the page.
func file(contentType, content string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Cache-Control", "max-age=60")
		w.Write([]byte(content))
	}
}

func answer(w http.ResponseWriter, status int, page markup) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write([]byte(page))
}
