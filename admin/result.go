package admin

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// lines is the type of an answer that comes line by line: reports with an empty reason while the sweep goes on, and at the end the report or the
// problem. It keeps a connection alive that something on the way would cut for being silent, and shows a person that something happens.
const lines = "application/x-ndjson"

// progressEvery is how often such a line comes.
const progressEvery = 250 * time.Millisecond

// result is the answer to a request for a sweep.
type result struct {
	w     http.ResponseWriter
	lines bool
	sent  bool      // at least one line, and with it the status
	at    time.Time // of the last line, or of the beginning
	flush func() error
}

func newResult(w http.ResponseWriter, r *http.Request) *result {
	return &result{w: w, lines: strings.Contains(r.Header.Get("Accept"), lines), at: time.Now(), flush: http.NewResponseController(w).Flush}
}

func (o *result) progress(s swept) {
	if o.lines && time.Since(o.at) >= progressEvery {
		o.line(s)
	}
}

func (o *result) line(v any) {
	if !o.sent {
		o.w.Header().Set("Content-Type", lines)
	}
	o.sent, o.at = true, time.Now()
	if body, err := json.Marshal(v); err == nil {
		o.w.Write(append(body, '\n'))
		o.flush() // where it cannot, the client sees all at the end
	}
}

func (o *result) done(s swept) {
	if o.lines {
		o.line(s)
		return
	}
	answer(o.w, http.StatusOK, s)
}

// failure is a problem, with what was done until then.
type failure struct {
	*problem
	Report swept `json:"report"`
}

// failed says what went wrong: by the status, unless one has been sent.
func (o *result) failed(p *problem, s swept) {
	if o.sent {
		o.line(failure{p, s})
		return
	}
	answer(o.w, p.status, failure{p, s})
}
