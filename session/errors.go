package session

import (
	"errors"
	"net/http"

	"github.com/larder-go/larder/store"
)

var (
	// ErrEnded says that the session ended while this request was changing it: it was destroyed, revoked, or became another one by a login.
	// Nothing was stored, and nothing may bring it back. [ErrorHandler] answers 409.
	ErrEnded = errors.New("the session has ended meanwhile")

	// ErrTooLate says that the response has begun, so that the client can no longer learn a new id: of a first session, of [Session.Renew] or
	// [Session.SetSubject]. Call it before the first byte. Any change after the handler has returned is too late as well.
	ErrTooLate = errors.New("the response has begun: a new session id can no longer be sent")
)

// ErrorHandler writes the answer that takes the place of the handler's where the session could not be loaded or saved. It is what
// Options.Error is by default: 503 with Retry-After when the store is down, 409 for [ErrEnded], otherwise 500. The text shows nothing of
// err.
func ErrorHandler(w http.ResponseWriter, _ *http.Request, err error) {
	code, text := http.StatusInternalServerError, "The session could not be used."
	switch {
	case errors.Is(err, ErrEnded):
		code, text = http.StatusConflict, "Your session ended while this request was under way. Nothing was changed; please load the page again."
	case errors.Is(err, store.ErrUnavailable):
		code, text = http.StatusServiceUnavailable, "Sessions are not available right now. Nobody has been logged out; please try again in a moment."
		w.Header().Set("Retry-After", "5")
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, text, code)
}
