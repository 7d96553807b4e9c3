package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/larder-go/larder/cleanup"
	"github.com/larder-go/larder/store"
	"github.com/spf13/cobra"
)

// checkAdmin refuses what does not go together with --admin: the store, and what of it is swept, is the program's.
func (f *cleanupFlags) checkAdmin(c *cobra.Command) error {
	if !c.Flags().Changed(adminFlag) {
		return nil
	}
	if f.admin == "" {
		return usage("name the program, as in --admin http+unix:///run/app.sock", "--admin is empty")
	}
	for _, name := range []string{storeFlag, "prefix", "lease"} {
		if c.Flags().Changed(name) {
			return usage("leave --"+name+" out: the program knows", "--%s and --admin exclude each other", name)
		}
	}
	return nil
}

// cleanupByAdmin has a program sweep the store that it holds: what it does is told as if it had been done here.
func (a *app) cleanupByAdmin(ctx context.Context, f *cleanupFlags, m *cleanupMetrics) error {
	a.secret, a.from = f.admin, "--"+adminFlag
	place, err := parseAdmin(f.admin)
	if err != nil {
		return err
	}
	var heard atomic.Pointer[adminReport]
	heard.Store(new(adminReport))
	verb := "removed"
	if f.dryRun {
		verb = "to remove"
	}
	line := a.progress(func() string {
		r := heard.Load()
		return fmt.Sprintf("the program cleans up: %s looked at, %s %s", entries(r.Scanned), thousands(r.Removed), verb)
	})
	r, err := place.sweep(ctx, a.env(envAdminToken), f, func(r *adminReport) { heard.Store(r) })
	line.stop()
	if r == nil && ctx.Err() != nil { // the program sweeps no more either, and cannot say any more what it has done
		r = heard.Load()
		r.Reason, r.AtLeast = string(cleanup.Canceled), true
	}
	if r == nil {
		return err
	}
	a.expiry = store.Expiry{TouchAfter: -1}
	if r.Slack > 0 {
		a.expiry.TouchAfter = seconds(r.Slack)
	}
	did := r.report()
	m.report = &did
	if did.Reason == cleanup.Budget && err == nil {
		err = cleanup.ErrBudget
	}
	return a.cleanedUp(did, err, f)
}

// adminReport is what POST cleanup answers, with the names of package admin; or why it does not.
type adminReport struct {
	Scanned  int       `json:"scanned"`
	Removed  int       `json:"removed"`
	Bytes    int64     `json:"bytes"`
	Oldest   time.Time `json:"oldest"`
	Lag      float64   `json:"lag"`
	Duration float64   `json:"duration"`
	Done     bool      `json:"done"`
	Reason   string    `json:"reason"`
	Backlog  int       `json:"backlog"`
	AtLeast  bool      `json:"backlog_at_least"`
	Slack    float64   `json:"slack"`

	Error  string       `json:"error"`
	Text   string       `json:"text"`
	Hint   string       `json:"hint"`
	Report *adminReport `json:"report"`
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

func (r *adminReport) report() cleanup.Report {
	return cleanup.Report{Scanned: r.Scanned, Removed: r.Removed, Bytes: r.Bytes, Oldest: r.Oldest, Lag: seconds(r.Lag), Duration: seconds(r.Duration),
		Done: r.Done, Reason: cleanup.Reason(r.Reason), Backlog: r.Backlog, BacklogAtLeast: r.AtLeast}
}

// request is the body of POST cleanup.
func (f *cleanupFlags) request() ([]byte, error) {
	return json.Marshal(struct {
		Idle    float64 `json:"idle,omitempty"`
		MaxTime float64 `json:"max_time,omitempty"`
		Pause   float64 `json:"pause,omitempty"`
		Limit   int     `json:"limit,omitempty"`
		Batch   int     `json:"batch,omitempty"`
		DryRun  bool    `json:"dry_run,omitempty"`
	}{time.Duration(f.idle).Seconds(), time.Duration(f.maxTime).Seconds(), time.Duration(f.pause).Seconds(), f.limit, f.batch, f.dryRun})
}

// adminPatience is how much longer than --max-time the program may take to answer.
const adminPatience = time.Minute

const adminLines = "application/x-ndjson"

// sweep asks for a sweep and waits for its end. hear gets how it goes on. The report comes with an error too where something was begun.
func (p *adminPlace) sweep(ctx context.Context, token string, f *cleanupFlags, hear func(*adminReport)) (*adminReport, error) {
	if f.maxTime > 0 {
		var cancel func()
		ctx, cancel = context.WithTimeout(ctx, time.Duration(f.maxTime)+adminPatience)
		defer cancel()
	}
	body, err := f.request()
	if err != nil {
		return nil, err
	}
	header := http.Header{"Content-Type": {"application/json"}, "Accept": {adminLines + ", application/json"}}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	response, end, err := p.post(ctx, "cleanup", header, body)
	if err != nil {
		return nil, p.unreachable(ctx, err)
	}
	defer end()
	if err := p.understands(response); err != nil {
		return nil, err
	}
	lines := bufio.NewReaderSize(response.Body, mostHeader) // a line is far shorter; a sweep may tell its progress for days
	for {
		line, err := lines.ReadSlice('\n')
		var r adminReport
		if len(line) == 0 || json.Unmarshal(line, &r) != nil {
			if err == nil {
				err = io.ErrUnexpectedEOF
			}
			return nil, p.unreachable(ctx, err)
		}
		switch {
		case r.Error != "":
			return r.Report, adminFailure(&r)
		case r.Reason != "":
			return &r, nil
		}
		hear(&r)
	}
}

// adminFailure gives a problem of the handler's its exit code.
func adminFailure(r *adminReport) *failure {
	f := &failure{exitError, errors.New(r.Text), printable(r.Hint)}
	switch r.Error {
	case "busy", "leased":
		f.code = exitLocked
	case "read_only", "idle_too_short", "bad_request", "unsupported", "method_not_allowed", "not_found":
		f.code = exitUsage
	}
	return f
}
