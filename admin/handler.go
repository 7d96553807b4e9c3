package admin

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/larder-go/larder/store"
)

// Handler serves the page and its JSON. It is safe for concurrent use.
type Handler struct {
	s         store.Store
	o         Options
	lists     bool // the store can list
	resumes   bool // and its lists can be taken up again
	abilities []string
	expiry    *expiry // nil: the store does not tell

	ids         *sealer
	census      *census
	traffic     traffic
	crossOrigin *http.CrossOriginProtection
	listeners   chan struct{} // a token for each
	sweeping    chan struct{} // holds one while a request sweeps
	listing     chan struct{} // a token for each list that is made
	shutdowns   shutdowns

	mu     sync.Mutex
	swept  *run      // the last sweep of this process; nil: none
	left   *run      // the last report found in the store; nil: none
	leftAt time.Time // when it was looked for
}

// New returns a handler for s. Where the program's operations are to be counted, s is the store itself, and the program uses
// store.Observe(s, handler).
func New(s store.Store, o *Options) (*Handler, error) {
	opts, err := o.settle(s)
	if err != nil {
		return nil, err
	}
	return &Handler{
		s: s, o: opts, lists: store.CanList(s), resumes: store.CanListAfter(s), abilities: abilitiesOf(s), expiry: expiryOf(s),
		ids: newSealer(), census: newCensus(s, &opts), traffic: traffic{began: time.Now()}, crossOrigin: http.NewCrossOriginProtection(),
		listeners: make(chan struct{}, mostListeners), sweeping: make(chan struct{}, 1), listing: make(chan struct{}, mostLists),
	}, nil
}

// Version is what the header of every answer says that the addresses are.
const (
	versionHeader = "Larder-Admin"
	version       = "1"
)

// ServeHTTP serves.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	guard(w.Header())
	if p := h.refuse(r); p != nil {
		p.answer(w)
		return
	}
	name, id := route(r.URL.Path)
	if name == pagePlace {
		if to := withSlash(r); to != "" {
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusTemporaryRedirect)
			return
		}
	}
	serve, methods := h.serve(name, id)
	if serve == nil {
		notFound.answer(w)
		return
	}
	reads := r.Method == http.MethodHead || r.Method == http.MethodGet
	if r.Method != methods && !(methods == http.MethodGet && reads) {
		w.Header().Set("Allow", strings.Replace(methods, http.MethodGet, "GET, HEAD", 1))
		(&problem{"method_not_allowed", "this address takes " + methods, "", http.StatusMethodNotAllowed}).answer(w)
		return
	}
	if !reads && !h.o.AllowWrites {
		readOnly.answer(w)
		return
	}
	serve(w, r)
}

// serve returns what serves an address, and the method that it takes.
func (h *Handler) serve(name, id string) (http.HandlerFunc, string) {
	switch name {
	case pagePlace:
		return h.page, http.MethodGet
	case "stat":
		return h.getStat, http.MethodGet
	case "events":
		return h.events, http.MethodGet
	case "entries":
		if id != "" {
			return func(w http.ResponseWriter, r *http.Request) { h.deleteEntry(w, r, id) }, http.MethodDelete
		}
		return h.getEntries, http.MethodGet
	case "cleanup":
		return h.postCleanup, http.MethodPost
	case "signout":
		return h.postSignOut, http.MethodPost
	case "admin.css":
		return file("text/css; charset=utf-8", styleSheet), http.MethodGet
	case "admin.js":
		return file("text/javascript; charset=utf-8", script), http.MethodGet
	case "admin.svg":
		return file("image/svg+xml", icon), http.MethodGet
	}
	return nil, ""
}

// pagePlace is the name of the page's own address, which ends with a slash.
const pagePlace = ""

// route finds by the end of a path which address is meant, so that it does not matter what the handler is mounted on.
func route(path string) (name, id string) {
	dir, last := split(path)
	_, above := split(dir)
	switch {
	case last == "" && isName(above):
		return "no such address", ""
	case last == "" || isName(last):
		return last, ""
	case above == "entries":
		return above, last
	}
	return "no such address", ""
}

// split cuts a path at its last slash.
func split(path string) (dir, last string) {
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		return path[:i], path[i+1:]
	}
	return "", path
}

func isName(last string) bool {
	switch last {
	case "stat", "events", "entries", "cleanup", "signout", "admin.css", "admin.js", "admin.svg":
		return true
	}
	return false
}

// withSlash says where the page is if the browser has asked for it without the slash at its end, as happens behind StripPrefix: its
// relative addresses would lead beside it. It is relative, too, so that it leads nowhere else.
func withSlash(r *http.Request) string {
	path, query, hasQuery := strings.Cut(r.RequestURI, "?")
	_, last := split(path)
	if last == "" || r.URL.Path != "" || path[0] != '/' {
		return ""
	}
	if hasQuery {
		query = "?" + query
	}
	return "./" + last + "/" + query
}
