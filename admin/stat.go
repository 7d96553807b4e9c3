package admin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/larder-go/larder/cleanup"
	"github.com/larder-go/larder/internal/idle"
	"github.com/larder-go/larder/store"
)

// stat is what GET stat answers, and each event of GET events. docs/admin.md describes it; fields may be added, none changes its meaning.
type stat struct {
	Title   string    `json:"title"`
	Time    time.Time `json:"time"`    // of this answer
	Writes  bool      `json:"writes"`  // requests may change something
	SignOut bool      `json:"signout"` // and sign out

	Counted  *time.Time `json:"counted"` // when what follows was counted; null: not yet
	Took     float64    `json:"took"`    // seconds
	Complete bool       `json:"complete"`

	Entries   *int          `json:"entries"` // null: the store cannot list
	Bytes     int64         `json:"bytes"`
	Deadlines int           `json:"deadlines"`
	Corrupt   int           `json:"corrupt"`
	Oldest    *time.Time    `json:"oldest"`
	Idle      []idle.Bucket `json:"idle"`
	Backlog   *backlog      `json:"backlog"`

	Expiry     *expiry     `json:"expiry"`
	Cleanup    *run        `json:"cleanup"`
	Operations *operations `json:"operations"`
	Abilities  []string    `json:"abilities"`
	Facts      []fact      `json:"facts"`
	Trouble    string      `json:"trouble"` // why the store could not be counted; "": it could
}

// expiry is the store's, in seconds.
type expiry struct {
	Timeout float64 `json:"timeout"` // 0: nothing goes by its idle time alone
	Slack   float64 `json:"slack"`
}

// fact is a [store.Fact].
type fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Warn  string `json:"warn"`
}

// run is the last cleanup that is known.
type run struct {
	Start   time.Time  `json:"start"`
	Host    string     `json:"host"`    // "": this process
	Success *time.Time `json:"success"` // when one last ended without an error; null: not known
	report
}

// report is a [cleanup.Report].
type report struct {
	Scanned        int        `json:"scanned"`
	Removed        int        `json:"removed"`
	Bytes          int64      `json:"bytes"`
	Oldest         *time.Time `json:"oldest"`
	Lag            float64    `json:"lag"`      // seconds
	Duration       float64    `json:"duration"` // seconds
	Done           bool       `json:"done"`
	Reason         string     `json:"reason"` // "": it is under way
	Backlog        int        `json:"backlog"`
	BacklogAtLeast bool       `json:"backlog_at_least"`
}

func newReport(r cleanup.Report) report {
	return report{r.Scanned, r.Removed, r.Bytes, stamp(r.Oldest), r.Lag.Seconds(), r.Duration.Seconds(), r.Done, string(r.Reason),
		r.Backlog, r.BacklogAtLeast}
}

// stamp is for JSON: a zero time is null.
func stamp(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// Swept tells the handler of a sweep that the program itself has made, so that the page shows it: let it be called from
// [cleanup.Options.OnReport]. A run with a lease leaves its report in the store, and is shown without.
func (h *Handler) Swept(r cleanup.Report, err error) {
	if r.Reason == cleanup.Leased {
		return
	}
	now := time.Now()
	last := &run{Start: now.Add(-r.Duration).UTC(), report: newReport(r)}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.swept != nil {
		last.Success = h.swept.Success
	}
	if err == nil {
		last.Success = stamp(now)
	}
	h.swept = last
}

// lastRun is the later of what this process has done and what a run with a lease has left in the store.
func (h *Handler) lastRun(ctx context.Context) *run {
	h.askForLast(ctx)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.left != nil && (h.swept == nil || h.left.Start.After(h.swept.Start)) {
		return h.left
	}
	return h.swept
}

// lastPatience is how long the store may take to say what a run has left. A page that shows an older one is better than none.
const lastPatience = time.Second

// askForLast looks what a run has left in the store. That is one read, but many may look at the page: one of them asks, and not all the time.
func (h *Handler) askForLast(ctx context.Context) {
	h.mu.Lock()
	due := time.Since(h.leftAt) >= h.o.Every
	if due {
		h.leftAt = time.Now()
	}
	h.mu.Unlock()
	if !due {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lastPatience)
	defer cancel()
	l, err := cleanup.Last(ctx, h.s)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return // what was known is still the best that is
	}
	var left *run
	if err == nil {
		left = &run{Start: l.Start.UTC(), Host: l.Host, Success: stamp(l.Success), report: newReport(l.Report)}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.left = left
}

// describe is all that is known, with this count of the entries; nil: they were not counted yet.
func (h *Handler) describe(ctx context.Context, n *count) *stat {
	s := &stat{
		Title: h.o.Title, Time: time.Now().UTC(), Writes: h.o.AllowWrites, SignOut: h.o.AllowWrites && h.o.SignOut != nil,
		Idle: []idle.Bucket{}, Expiry: h.expiry, Cleanup: h.lastRun(ctx), Operations: h.traffic.read(), Abilities: h.abilities, Facts: []fact{},
	}
	if n == nil {
		return s
	}
	s.Counted, s.Took, s.Complete = stamp(n.at), n.took.Seconds(), n.complete
	if n.err != nil {
		s.Trouble = n.err.Error()
		return s
	}
	if n.lists {
		s.Entries, s.Bytes, s.Deadlines, s.Corrupt, s.Oldest, s.Idle = &n.entries, n.bytes, n.deadlines, n.corrupt, stamp(n.oldest), n.idle
	}
	s.Backlog = n.backlog
	for _, f := range n.facts {
		s.Facts = append(s.Facts, fact(f))
	}
	return s
}

// abilitiesOf says in words what s can do besides what every store can.
func abilitiesOf(s store.Store) []string {
	all := []string{}
	for _, a := range []struct {
		name string
		has  bool
	}{
		{"list", store.CanList(s)}, {"list after", store.CanListAfter(s)}, {"swap", store.CanSwap(s)}, {"sweep", store.CanSweep(s)},
	} {
		if a.has {
			all = append(all, a.name)
		}
	}
	return all
}

func expiryOf(s store.Store) *expiry {
	e, err := store.ExpiryOf(s)
	if err != nil {
		return nil
	}
	return &expiry{e.Timeout.Seconds(), e.Slack().Seconds()}
}

// getStat is GET stat.
func (h *Handler) getStat(w http.ResponseWriter, r *http.Request) {
	n := h.census.get(r.Context(), h.o.CountTime)
	if n != nil && n.err != nil && !errors.Is(n.err, errors.ErrUnsupported) {
		storeProblem(n.err).answer(w)
		return
	}
	answer(w, http.StatusOK, h.describe(r.Context(), n))
}
