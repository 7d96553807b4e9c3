package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/larder-go/larder/internal/chart"
	"github.com/larder-go/larder/internal/words"
)

// What a program may look for in the page of the ring:
//
//	#ring-nodes    table: tr[data-node], in it .entries, a form with input[name=weight] and button .weigh, a form with button .remove
//	#ring-add, #ring-fill, #ring-continue   buttons, the last one only where a change stands still
//	#ring-plot     img: the load of each node, before the last change and now
//	#ring-last     dl of the last change: #ring-moved, #ring-left and #ring-took
//	#ring-said     why nothing was done

// madeUpSessions are begun by one click.
const madeUpSessions = 300

// withRing adds the pages of the ring.
func (s *site) withRing(mux *http.ServeMux) {
	mux.HandleFunc("GET /ring", s.showRing)
	mux.HandleFunc("GET /ring.svg", s.plotRing)
	for path, change := range map[string]func(*http.Request) error{
		"/ring/add":      func(*http.Request) error { return s.ring.add() },
		"/ring/remove":   func(r *http.Request) error { return s.ring.remove(r.PostForm.Get("node")) },
		"/ring/continue": func(*http.Request) error { return s.ring.resume() },
		"/ring/fill":     func(*http.Request) error { return s.fill(madeUpSessions) },
		"/ring/weight": func(r *http.Request) error {
			weight, err := strconv.Atoi(strings.TrimSpace(r.PostForm.Get("weight")))
			if err != nil {
				return errWeight
			}
			return s.ring.weigh(r.PostForm.Get("node"), weight)
		},
	} {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			to := "/ring"
			if err := change(r); err != nil {
				to += "?said=" + said(err)
				s.logger.WarnContext(r.Context(), "demo: the ring", "error", err)
			}
			http.Redirect(w, r, to, http.StatusSeeOther)
		})
		mux.Handle("GET "+path, http.RedirectHandler("/ring", http.StatusSeeOther))
	}
}

// refusal is why nothing was done.
type refusal struct {
	err  error
	text string
}

// refusals stand under the words that the address has for them.
func refusals() map[string]refusal {
	return map[string]refusal{
		"busy":   {errBusyRing, "The set is changing already. Look again in a moment."},
		"stands": {errStands, "The change before stands still. Go on with that first."},
		"more":   {ErrNoMore, "There is no further node to add."},
		"node":   {errNoNode, "The ring has no such node any more."},
		"last":   {errLastNode, "The last node stays: what is in the ring needs a place."},
		"weight": {errWeight, fmt.Sprintf("A weight is a whole number from 1 to %d.", mostWeight)},
		"same":   {errSame, "The node has that weight already."},
		"failed": {nil, "That failed. Where the demo was started stands why."},
	}
}

func said(err error) string {
	for word, r := range refusals() {
		if r.err != nil && errors.Is(err, r.err) {
			return word
		}
	}
	return "failed"
}

// fill begins sessions of people who do not exist, as browsers would.
func (s *site) fill(n int) error {
	ctx := s.ring.life // not the request's, which has a session
	var all sync.WaitGroup
	turns := make(chan int)
	for range 8 {
		all.Go(func() {
			for i := range turns {
				r, err := http.NewRequestWithContext(ctx, http.MethodPost, "/cart", strings.NewReader("add="+goods()[i%len(goods())].id))
				if err != nil {
					return
				}
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				s.whole.ServeHTTP(unseen{http.Header{}}, r)
			}
		})
	}
	for i := range n {
		turns <- i
	}
	close(turns)
	all.Wait()
	return ctx.Err()
}

// unseen is an answer that nobody reads.
type unseen struct{ header http.Header }

func (u unseen) Header() http.Header       { return u.header }
func (unseen) Write(p []byte) (int, error) { return len(p), nil }
func (unseen) WriteHeader(int)             {}

// ringState is what the page of the ring shows.
type ringState struct {
	nodes []RingNode
	now   map[string]int // entries by node
	last  ringChange     // as it stands; no next: there was none
	busy  bool
}

func (r *Ring) state(ctx context.Context) (*ringState, error) {
	s := &ringState{nodes: r.Nodes()}
	var err error
	if s.now, err = r.count(ctx); err != nil {
		return nil, err
	}
	if s.busy = !r.changing.TryLock(); !s.busy {
		r.changing.Unlock()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last != nil {
		s.last = ringChange{what: r.last.what, next: r.last.next, before: r.last.before, moved: r.last.moved, left: r.last.left, took: r.last.took, err: r.last.err}
	}
	return s, nil
}

func (s *ringState) sum() (entries, weight int) {
	for _, n := range s.nodes {
		entries += s.now[n.Name]
		weight += n.Weight
	}
	return entries, weight
}

func (s *site) showRing(w http.ResponseWriter, r *http.Request) {
	v, err := s.view(r)
	if err != nil {
		sessionFailed(w, r, err)
		return
	}
	state, err := s.ring.state(r.Context())
	if err != nil {
		sessionFailed(w, r, err)
		return
	}
	answer(w, http.StatusOK, v.ringPage(state, s.ring.kind, refusals()[r.URL.Query().Get("said")].text))
}

// plotRing is the picture. It has a style of its own, and no script.
func (s *site) plotRing(w http.ResponseWriter, r *http.Request) {
	state, err := s.ring.state(r.Context())
	if err != nil {
		sessionFailed(w, r, err)
		return
	}
	entries, weight := state.sum()
	plot := chart.BarPlot{Title: "Entries on each node", Before: "before the last change", After: "now", Mark: "its share by weight", Format: words.Thousands}
	rows := make(map[string]bool)
	for _, n := range state.nodes {
		rows[n.Name] = true
		plot.Rows = append(plot.Rows, chart.Bar{Label: n.Name, Before: int64(state.last.before[n.Name]), After: int64(state.now[n.Name]),
			Mark: int64((entries*n.Weight + weight/2) / weight)})
	}
	for _, name := range names(state.last.before) {
		if !rows[name] {
			plot.Rows = append(plot.Rows, chart.Bar{Label: name + " (left)", Before: int64(state.last.before[name])})
		}
	}
	plot.Caption = fmt.Sprintf("%s entries on %d nodes.", words.Thousands(int64(entries)), len(state.nodes))
	if state.last.next != nil {
		plot.Caption += " The last change: " + state.last.what + "."
	}
	var svg bytes.Buffer
	if err := chart.Bars(&svg, plot); err != nil {
		sessionFailed(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; sandbox")
	h.Set("Content-Type", "image/svg+xml")
	h.Set("Cache-Control", "no-store")
	w.Write(svg.Bytes())
}

// ringHint leads to the page of the ring, from the other one.
func (v *view) ringHint() markup {
	if v.ring == nil {
		return ""
	}
	return fill(`<p><a id="ring-link" href="/ring">Your session is kept on a ring of {} nodes: change it while you are logged in</a></p>
`, len(v.ring.Nodes()))
}
