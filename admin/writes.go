package admin

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"mime"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/larder-go/larder/cleanup"
	"github.com/larder-go/larder/store"
)

// mostBody is far more than any request of ours has.
const mostBody = 8 << 10

// read decodes a body of JSON into v, which has all fields that there are. An empty one leaves v as it is.
func read(w http.ResponseWriter, r *http.Request, v any) *problem {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return &problem{"too_large", "the body is longer than any that makes sense", "", http.StatusRequestEntityTooLarge}
	}
	if err != nil {
		return badRequest("the body could not be read", "")
	}
	if len(body) == 0 {
		return nil
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return &problem{"bad_request", "the body must be JSON", "send it with Content-Type: application/json", http.StatusUnsupportedMediaType}
	}
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.DisallowUnknownFields()
	err = d.Decode(v)
	if _, rest := d.Token(); err != nil || rest != io.EOF {
		return badRequest("the body is not one JSON object with the fields that there are", "docs/admin.md lists them")
	}
	return nil
}

// sweepRequest is the body of POST cleanup. What is missing is as the program has it. Times are in seconds.
type sweepRequest struct {
	Idle    float64 `json:"idle"`
	MaxTime float64 `json:"max_time"`
	Pause   float64 `json:"pause"`
	Limit   int     `json:"limit"`
	Batch   int     `json:"batch"`
	DryRun  bool    `json:"dry_run"`
}

// options returns what the program lets a request do of what it asks for.
func (q *sweepRequest) options(o *Options) (*cleanup.Options, *problem) {
	if q.Limit < 0 || q.Batch < 0 {
		return nil, badRequest("limit and batch must not be negative", "leave them out if you mean none")
	}
	var idle, maxTime, pause time.Duration
	for _, f := range []struct {
		name    string
		seconds float64
		into    *time.Duration
	}{{"idle", q.Idle, &idle}, {"max_time", q.MaxTime, &maxTime}, {"pause", q.Pause, &pause}} {
		if !(f.seconds >= 0) || f.seconds > math.MaxInt64/float64(2*time.Second) {
			return nil, badRequest(f.name+" must be a number of seconds", "leave it out if you mean none")
		}
		*f.into = time.Duration(f.seconds * float64(time.Second))
	}
	c := cleanup.Options{Idle: o.Cleanup.Idle, Prefix: o.Cleanup.Prefix, Batch: o.Cleanup.Batch, Pause: max(o.Cleanup.Pause, pause), Limit: o.Cleanup.Limit,
		MaxTime: o.Cleanup.MaxTime, Lease: o.Cleanup.Lease, Grace: o.Cleanup.Grace, DryRun: o.Cleanup.DryRun || q.DryRun}
	if idle > 0 {
		c.Idle = idle
		switch {
		case o.LeastIdle == 0:
			return nil, &problem{"idle_too_short", "this program does not let a request sweep by idle time",
				"leave idle out to remove what is expired; the program has to set Idle in admin.Options.Cleanup, or LeastIdle", http.StatusForbidden}
		case idle < o.LeastIdle:
			return nil, &problem{"idle_too_short", "this program keeps what was used within " + o.LeastIdle.String(),
				"ask for so long, or longer", http.StatusForbidden}
		}
	}
	c.MaxTime, c.Limit, c.Batch = least(c.MaxTime, maxTime), least(c.Limit, q.Limit), least(c.Batch, q.Batch)
	if c.MaxTime > 0 && c.Pause >= c.MaxTime {
		return nil, badRequest("the pause is as long as the whole time", "shorten pause, or raise max_time")
	}
	return &c, nil
}

// least is the smaller of two limits, of which 0 is none.
func least[T int | time.Duration](a, b T) T {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}

// swept is what POST cleanup answers.
type swept struct {
	report
	DryRun bool    `json:"dry_run"`
	Idle   float64 `json:"idle"`  // seconds, that it went by; 0: only what was absent
	Slack  float64 `json:"slack"` // by so much longer an entry may stay
}

// postCleanup is POST cleanup. It ends when the client goes. One at a time: two would only be in each other's way.
func (h *Handler) postCleanup(w http.ResponseWriter, r *http.Request) {
	var q sweepRequest
	p := read(w, r, &q)
	var o *cleanup.Options
	if p == nil {
		o, p = q.options(&h.o)
	}
	if p != nil {
		p.answer(w)
		return
	}
	select {
	case h.sweeping <- struct{}{}:
	default:
		busy.answer(w)
		return
	}
	over := sync.OnceFunc(func() { <-h.sweeping })
	defer over()
	unhurried(w)
	out := newResult(w, r)
	o.Progress = func(r cleanup.Report) { out.progress(h.result(r, o)) }
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	down := h.shutdowns.of(r)
	go func() { // a server that is shut down waits for its requests
		select {
		case <-down:
			cancel()
		case <-ctx.Done():
		}
	}()
	rep, err := cleanup.Run(ctx, h.s, o)
	over() // before the client knows, who may ask again at once
	if !o.DryRun {
		h.Swept(rep, err)
		h.census.forget()
	}
	if err != nil && !errors.Is(err, cleanup.ErrBudget) {
		h.o.Logger.WarnContext(r.Context(), "admin: a sweep on request ended early", "reason", string(rep.Reason), "removed", rep.Removed, "err", err)
		p = storeProblem(err)
		if errors.Is(err, cleanup.ErrLeased) || errors.Is(err, cleanup.ErrLeaseLost) {
			p = &problem{"leased", err.Error(), "run this again later", http.StatusConflict}
		}
		out.failed(p, h.result(rep, o))
		return
	}
	h.o.Logger.InfoContext(r.Context(), "admin: a sweep on request", "reason", string(rep.Reason), "removed", rep.Removed, "dry_run", o.DryRun)
	out.done(h.result(rep, o))
}

func (h *Handler) result(r cleanup.Report, o *cleanup.Options) swept {
	s := swept{report: newReport(r), DryRun: o.DryRun, Idle: o.Idle.Seconds()}
	if h.expiry != nil {
		s.Slack = h.expiry.Slack
	}
	return s
}

// postSignOut is POST signout.
func (h *Handler) postSignOut(w http.ResponseWriter, r *http.Request) {
	if h.o.SignOut == nil {
		noSignOut.answer(w)
		return
	}
	var q struct {
		Subject string `json:"subject"`
	}
	p := read(w, r, &q)
	if p == nil && q.Subject == "" {
		p = badRequest("subject is missing", "name whose sessions are to end")
	}
	if p != nil {
		p.answer(w)
		return
	}
	if err := h.o.SignOut(r.Context(), q.Subject); err != nil {
		h.o.Logger.WarnContext(r.Context(), "admin: signing out failed", "err", err)
		p := &problem{"failed", "it is not known whether the sessions have ended", "the program's log says why; try again", http.StatusInternalServerError}
		if errors.Is(err, store.ErrUnavailable) || errors.Is(err, context.Canceled) {
			p.Name, p.status = "store_unavailable", http.StatusServiceUnavailable
		}
		p.answer(w)
		return
	}
	h.o.Logger.InfoContext(r.Context(), "admin: a subject was signed out")
	h.census.forget()
	answer(w, http.StatusOK, struct {
		SignedOut bool `json:"signed_out"`
	}{true})
}
