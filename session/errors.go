package session

import (
	"errors"
	"net/http"

	"github.com/larder-go/larder/store"
)

var (
	// ErrEnded says that the session ended while this request was under way: it was destroyed, revoked, or became another one by a login.
	// Nothing was stored, and the session cannot be brought back. [ErrorHandler] answers 409.
	ErrEnded = errors.New("the session has ended meanwhile")

	// ErrTooLate says that the response has begun, so the client can no longer be told a new id. Begin a session, and call [Session.Renew],
	// [Session.Remember] and [Session.SetSubject], before the first byte. Any change after the handler has returned is too late as well.
	ErrTooLate = errors.New("the response has begun: a new session id can no longer be sent")
)

// ErrorHandler is the default of Options.Error. It writes the answer that replaces the handler's if the session could not be loaded or
// saved: 503 with Retry-After if the store does not answer, 409 for [ErrEnded], otherwise 500. The page shows nothing of err.
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
