package cli

import (
	"context"
	"sync"
	"time"

	"github.com/larder-go/larder/store"
)

// waiting tells of an outage that is waited out, for as long as store.Items, store.PutItems and store.Copy do by themselves: on a terminal in place of the progress,
// elsewhere in one line. What takes less than progressAfter is not told.
type waiting struct {
	app  *app
	side string // before the error; "": there is one store only

	mu    sync.Mutex
	since time.Time // of the outage, which the first success ends; zero: none
	said  string    // what it is, once it has lasted
	noted time.Time // when a line last said so
}

// waitingLimit is how long those wait, and how long nothing is said again: other nodes may succeed meanwhile.
const waitingLimit = 30 * time.Second

func (a *app) waiting(side string) *waiting { return &waiting{app: a, side: side} }

// Begin is store.Observer's.
func (*waiting) Begin(context.Context, store.Op) context.Context { return nil }

// End is store.Observer's. What is told is the second failure: the first may be the last, where nothing is tried again.
func (w *waiting) End(_ context.Context, e store.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case !e.Outcome.Failed() && e.Outcome != store.OutcomeCanceled:
		w.since, w.said = time.Time{}, ""
	case e.Outcome != store.OutcomeUnavailable || e.Err == nil || w.said != "":
	case w.since.IsZero():
		w.since = time.Now()
	case time.Since(w.since) >= progressAfter:
		w.said = "waiting for half a minute at most: " + w.side + printable(w.app.redact(e.Err.Error()))
		if time.Since(w.noted) >= waitingLimit && !w.app.tty(w.app.stderr) { // there the progress says it, and a line would stand in its way
			w.noted = time.Now()
			w.app.note("%s", w.said)
		}
	}
}

// or is what is waited for, or where that is nothing, what text says.
func (w *waiting) or(text func() string) string {
	w.mu.Lock()
	said := w.said
	w.mu.Unlock()
	if said != "" {
		return said
	}
	return text()
}
