package demo

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
)

// show is the page.
func (s *site) show(w http.ResponseWriter, r *http.Request) {
	sess := session.From(r.Context())
	// Whoever only looks, a search engine for one, gets no session. It begins with the first form.
	if r.Method == http.MethodGet && !sess.Info().New {
		visits, _ := session.Get[int](sess, visitsField)
		if err := sess.Set(visitsField, visits+1); err != nil {
			sessionFailed(w, r, err)
			return
		}
	}
	v, err := s.view(r)
	if err != nil {
		sessionFailed(w, r, err)
		return
	}
	asked := r.URL.Query()
	if u, ok := find(s.doorman.users, asked.Get("as")); ok {
		v.name, v.password = u.name, u.password
	}
	if said, ok := farewell(asked.Get("said")); ok && !v.loggedIn() && !v.info.Ended {
		v.flashes = append(v.flashes, said)
	}
	answer(w, http.StatusOK, v.page())
}

// over is what is said to whoever comes with the cookie of a session that has ended elsewhere, or by its time.
const over = "You were signed out, or your session ran out."

// farewell is what is said after the end of a session. A flash message would begin a new one to be kept in.
func farewell(id string) (string, bool) {
	switch id {
	case "out":
		return "You are logged out.", true
	case "everywhere":
		return "You are logged out everywhere.", true
	case "gone":
		return "You were not logged in any more.", true
	}
	return "", false
}

// view collects what the page shows.
func (s *site) view(r *http.Request) (*view, error) {
	sess := session.From(r.Context())
	v := &view{users: s.doorman.users, where: s.where, remember: s.remember, now: time.Now(), info: sess.Info(), ring: s.ring}
	if r.Method != http.MethodHead { // which must not take them out
		v.flashes = sess.Flashes()
	}
	v.visits, _ = session.Get[int](sess, visitsField)
	v.cart, _ = session.Get[cart](sess, cartField)
	v.user, _ = find(s.doorman.users, sess.Subject())
	if err := sess.Err(); err != nil {
		return nil, err
	}
	if v.info.Ended && r.Method != http.MethodHead {
		v.flashes = append(v.flashes, over)
		if err := sess.Destroy(); err != nil { // has the browser forget the cookie, so that this is said once
			return nil, err
		}
	}
	if !v.loggedIn() {
		return v, nil
	}
	var err error
	v.devices, err = s.manager.Sessions(r.Context(), v.user.name)
	return v, err
}

func (s *site) login(w http.ResponseWriter, r *http.Request) {
	name := strings.ToLower(strings.TrimSpace(r.PostForm.Get("name")))
	u, ok, err := s.doorman.check(r.Context(), name, r.PostForm.Get("password"))
	switch {
	case errors.Is(err, errBusy):
		w.Header().Set("Retry-After", "5")
		answer(w, http.StatusServiceUnavailable, problemPage("A queue at the door.", "Too many people are logging in at this moment. Please try again."))
		return
	case err != nil:
		sessionFailed(w, r, err)
		return
	case !ok:
		v, err := s.view(r)
		if err != nil {
			sessionFailed(w, r, err)
			return
		}
		v.wrong, v.name = true, r.PostForm.Get("name")
		answer(w, http.StatusUnprocessableEntity, v.page())
		return
	}
	sess := session.From(r.Context())
	ended := sess.Info().Ended
	err = sess.SetSubject(u.name) // the fields stay: what was in the cart is still there
	if err == nil && r.PostForm.Get("remember") == "yes" {
		err = sess.Remember(0)
	}
	if err == nil && ended { // where the cart went that was on the form's page
		err = sess.Flash(over)
	}
	if err == nil {
		err = sess.Flash("Welcome, " + u.full + ".")
	}
	s.goOn(w, r, "/#top", err) // browsers take the form's #password along, unless there is another
}

func (s *site) logout(w http.ResponseWriter, r *http.Request) {
	s.goOn(w, r, "/?said=out", session.From(r.Context()).Destroy())
}

func (s *site) logoutEverywhere(w http.ResponseWriter, r *http.Request) {
	sess := session.From(r.Context())
	subject := sess.Subject()
	if subject == "" {
		s.goOn(w, r, "/?said=gone", sess.Err())
		return
	}
	err := s.manager.RevokeAll(r.Context(), subject)
	if err == nil {
		err = sess.Destroy() // it is revoked like the others; this removes the cookie too
	}
	s.goOn(w, r, "/?said=everywhere", err)
}

// signOut ends one session of the user's own: RevokeAll and Revoke go by the subject, so that nobody ends those of others.
func (s *site) signOut(w http.ResponseWriter, r *http.Request) {
	sess := session.From(r.Context())
	subject, device := sess.Subject(), r.PostForm.Get("device")
	switch {
	case subject == "":
		s.goOn(w, r, "/?said=gone", sess.Err())
		return
	case device == sess.Info().Device:
		s.logout(w, r)
		return
	}
	err := s.manager.Revoke(r.Context(), subject, device)
	if err == nil {
		err = sess.Flash("Signed out. That browser is told with its next click.")
	}
	s.goOn(w, r, "/#devices", err)
}

// change puts goods into the cart and takes them out.
func (s *site) change(w http.ResponseWriter, r *http.Request) {
	sess := session.From(r.Context())
	before := sess.Info()
	c, _ := session.Get[cart](sess, cartField)
	c, said := c.changed(r.PostForm)
	if before.New && len(c) == 0 { // nothing that a session would have to begin for
		s.goOn(w, r, "/#larder", sess.Err())
		return
	}
	err := sess.Set(cartField, c)
	if err == nil && before.Ended { // the cart on the form's page was another one
		err = sess.Flash(over)
	}
	if err == nil && said != "" {
		err = sess.Flash(said)
	}
	s.goOn(w, r, "/#larder", err)
}

// goOn answers a form: a reload of the page that follows sends nothing twice.
func (s *site) goOn(w http.ResponseWriter, r *http.Request, to string, err error) {
	if err != nil {
		sessionFailed(w, r, err)
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// sessionFailed answers in place of the page where the session could not be loaded or saved. An outage is not a logout, and must not
// look like one.
func sessionFailed(w http.ResponseWriter, _ *http.Request, err error) {
	switch {
	case errors.Is(err, session.ErrEnded):
		answer(w, http.StatusConflict, problemPage("Your session has ended.",
			"It was logged out elsewhere while this was under way. Nothing was changed."))
	case errors.Is(err, store.ErrUnavailable):
		w.Header().Set("Retry-After", "5")
		answer(w, http.StatusServiceUnavailable, problemPage("The store is away.",
			"Sessions can be neither read nor kept at this moment. Nobody is logged out by that: please try again soon."))
	default:
		answer(w, http.StatusInternalServerError, problemPage("Something broke.", "It is not your fault. Please try again."))
	}
}
