package admin

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/larder-go/larder/store"
)

// problem is an answer that is none. Its name is stable: programs may compare it.
type problem struct {
	Name string `json:"error"`
	Text string `json:"text"`
	Hint string `json:"hint"` // what to do about it; "": nothing

	status int
}

func (p *problem) Error() string { return p.Text }

func (p *problem) answer(w http.ResponseWriter) { answer(w, p.status, p) }

// answer writes v as JSON.
func answer(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // what is sent here always can
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(body, '\n'))
}

var (
	// These are never changed.
	notFound = &problem{"not_found", "there is nothing at this address",
		"mount the handler on a path that ends with a slash; docs/admin.md lists the addresses below it", http.StatusNotFound}
	readOnly  = &problem{"read_only", "this handler only shows", "the program that mounts it has to set admin.Options.AllowWrites", http.StatusForbidden}
	unknownID = &problem{"unknown_id", "this id is not of this process",
		"list the entries again: ids change when the program starts anew, and each process has its own", http.StatusNotFound}
	noSignOut = &problem{"unsupported", "this program has no sessions to sign out of", "it has to set admin.Options.SignOut", http.StatusNotImplemented}
	busy      = &problem{"busy", "another request is sweeping", "wait for it, or run this again later", http.StatusConflict}
)

// badRequest is for what cannot be understood.
func badRequest(text, hint string) *problem {
	return &problem{"bad_request", text, hint, http.StatusBadRequest}
}

// storeProblem is for an error of the store, whose text has no key, value or password.
func storeProblem(err error) *problem {
	p := &problem{Text: err.Error()}
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		p.Name, p.status = "unsupported", http.StatusNotImplemented
		p.Hint = "this kind of store cannot do that"
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, context.Canceled):
		p.Name, p.status = "store_unavailable", http.StatusServiceUnavailable
		p.Hint = "look whether the store's server or file system is there, and try again"
	default:
		p.Name, p.status = "store_error", http.StatusInternalServerError
	}
	return p
}
