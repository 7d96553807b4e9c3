package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/admin"
	"github.com/larder-go/larder/cleanup"
	"github.com/larder-go/larder/store"
)

// aged is a map with n entries that were used so long ago, in hours: 1, 2, 3 and so on.
func aged(t *testing.T, n int) *store.Map {
	t.Helper()
	m := store.NewMap(&store.MapOptions{Expiry: store.Expiry{TouchAfter: -1}})
	for i := range n {
		item := &store.Item{Value: []byte("val"), Atime: time.Now().Add(-time.Duration(i+1) * time.Hour)}
		if _, err := m.Swap(t.Context(), string(rune('a'+i)), "", item); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

type report struct {
	Scanned, Removed, Backlog int
	Bytes                     int64
	Duration, Idle, Slack     float64
	Done                      bool
	Reason, Error             string
	DryRun                    bool `json:"dry_run"`
	Report                    *report
}

// TestSweepIsNarrowed: a request may ask for less than what the program does, and for nothing that it would not do.
func TestSweepIsNarrowed(t *testing.T) {
	h := func(n int) time.Duration { return time.Duration(n)*time.Hour - time.Minute }
	for _, c := range []struct {
		name    string
		o       admin.Options
		body    string
		status  int
		problem string
		removed int
		reason  string
	}{
		{"nothing asked, nothing idle", admin.Options{}, "", 200, "", 0, "done"},
		{"as the program does", admin.Options{Cleanup: &cleanup.Options{Idle: h(6)}}, "", 200, "", 5, "done"},
		{"idle for longer", admin.Options{Cleanup: &cleanup.Options{Idle: h(6)}}, `{"idle":28740}`, 200, "", 3, "done"},
		{"idle for shorter", admin.Options{Cleanup: &cleanup.Options{Idle: h(6)}}, `{"idle":3600}`, 403, "idle_too_short", 0, ""},
		{"idle where the program has none", admin.Options{}, `{"idle":28740}`, 403, "idle_too_short", 0, ""},
		{"idle that is allowed", admin.Options{LeastIdle: h(3)}, `{"idle":28740}`, 200, "", 3, "done"},
		{"idle that is not", admin.Options{LeastIdle: h(9)}, `{"idle":28740}`, 403, "idle_too_short", 0, ""},
		{"any idle", admin.Options{LeastIdle: -1}, `{"idle":0.001}`, 200, "", 10, "done"},
		{"limit", admin.Options{LeastIdle: -1}, `{"idle":1,"limit":4}`, 200, "", 4, "limit"},
		{"a higher limit", admin.Options{LeastIdle: -1, Cleanup: &cleanup.Options{Limit: 2}}, `{"idle":1,"limit":4}`, 200, "", 2, "limit"},
		{"dry run", admin.Options{LeastIdle: -1}, `{"idle":1,"dry_run":true}`, 200, "", 10, "done"},
		{"dry run, whatever is asked", admin.Options{LeastIdle: -1, Cleanup: &cleanup.Options{DryRun: true}}, `{"idle":1,"dry_run":false}`, 200, "", 10, "done"},
		{"prefix", admin.Options{LeastIdle: -1, Cleanup: &cleanup.Options{Prefix: "x"}}, `{"idle":1}`, 200, "", 0, "done"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := aged(t, 10)
			c.o.AllowWrites = true
			k := serve(t, m, &c.o)
			a := k.ask("POST", "cleanup", c.body)
			a.is(c.status, c.problem)
			if c.status != 200 {
				return
			}
			r := into[report](a)
			left := *into[stat](k.get("stat")).Entries
			if r.Removed != c.removed || r.Reason != c.reason || r.Bytes != int64(3*c.removed) || r.Slack != 0 || r.DryRun != strings.HasPrefix(c.name, "dry run") {
				t.Errorf("%+v", r)
			}
			if gone := 10 - left; !r.DryRun && gone != c.removed || r.DryRun && gone != 0 {
				t.Errorf("%d entries are left", left)
			}
		})
	}
}

// TestTimeout: where the store has one, a request may sweep by it, for what is older is absent anyhow.
func TestTimeout(t *testing.T) {
	k := serve(t, store.NewMap(&store.MapOptions{Expiry: store.Expiry{Timeout: time.Hour}}), &admin.Options{AllowWrites: true})
	k.ask("POST", "cleanup", `{"idle":3600}`).is(200, "")
	k.ask("POST", "cleanup", `{"idle":3599}`).is(403, "idle_too_short")
}

// stuck is a store whose sweep goes on, a batch of one at a time, until its context ends.
type stuck struct {
	*store.Map
	begun chan struct{}
	ended chan struct{}
}

func (s stuck) Sweep(ctx context.Context, o store.SweepOptions) (r store.SweepReport, err error) {
	if ctx.Err() != nil || o.DryRun {
		return s.Map.Sweep(ctx, o)
	}
	close(s.begun)
	defer close(s.ended)
	for tick := time.NewTicker(10 * time.Millisecond); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return r, store.Wrap("stuck", "sweep", ctx.Err())
		case <-tick.C:
			r.Removed++
			o.Progress(r)
		}
	}
}

func newStuck() stuck { return stuck{store.NewMap(nil), make(chan struct{}), make(chan struct{})} }

// TestSweepEndsWithItsClient, and meanwhile nobody else can.
func TestSweepEndsWithItsClient(t *testing.T) {
	s := newStuck()
	k := serve(t, s, &admin.Options{AllowWrites: true})
	ctx, cancel := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, "POST", k.url+"cleanup", nil)
	if err != nil {
		t.Fatal(err)
	}
	gone := make(chan error)
	go func() {
		transport := &http.Transport{DisableKeepAlives: true}
		r, err := transport.RoundTrip(request)
		if err == nil {
			r.Body.Close()
		}
		gone <- err
	}()
	<-s.begun
	k.ask("POST", "cleanup", "").is(http.StatusConflict, "busy")
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	<-s.ended
}

// TestSweepByLines: who wants to see how it goes on gets lines, and the last one is the report.
func TestSweepByLines(t *testing.T) {
	k := serve(t, newStuck(), &admin.Options{AllowWrites: true})
	a := k.ask("POST", "cleanup", `{"max_time":2.5}`, "Accept", "application/x-ndjson, application/json")
	if a.status != 200 || a.header.Get("Content-Type") != "application/x-ndjson" {
		t.Fatalf("%d: %v", a.status, a.header)
	}
	var all []report
	for line := range strings.Lines(a.body) {
		var r report
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	if len(all) < 3 || len(all) > 12 {
		t.Fatalf("%d lines: %s", len(all), a.body)
	}
	last := all[len(all)-1]
	if last.Reason != "time budget" || last.Removed < 10 || last.Done || last.Error != "" {
		t.Errorf("%+v", last)
	}
	for i, r := range all[:len(all)-1] {
		if r.Reason != "" || i > 0 && r.Removed <= all[i-1].Removed {
			t.Errorf("line %d: %+v", i, r)
		}
	}
	a = serve(t, aged(t, 3), &admin.Options{AllowWrites: true, LeastIdle: -1}).ask("POST", "cleanup", `{"idle":1}`, "Accept", "application/x-ndjson")
	if r := into[report](a); r.Removed != 3 || r.Reason != "done" {
		t.Errorf("%+v", r)
	}
}

// TestLease: a program that shares its cleanup with others says when another is at it.
func TestLease(t *testing.T) {
	s := newStuck()
	k := serve(t, s.Map, &admin.Options{AllowWrites: true, Cleanup: &cleanup.Options{Lease: time.Minute}})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := cleanup.Run(ctx, s, &cleanup.Options{Lease: time.Minute})
		done <- err
	}()
	<-s.begun
	a := k.ask("POST", "cleanup", "").is(http.StatusConflict, "leased")
	var p report
	if err := json.Unmarshal([]byte(a.body), &p); err != nil || p.Report == nil || p.Report.Reason != "leased" {
		t.Errorf("%v: %s", err, a.body)
	}
	k.ask("POST", "cleanup", `{"dry_run":true}`).is(200, "")
	cancel()
	<-done
	if r := into[report](k.ask("POST", "cleanup", "")); r.Reason != "done" {
		t.Errorf("%+v", r)
	}
}

// TestSignOut: it calls what the program has given, and tells how that went, but not in its words.
func TestSignOut(t *testing.T) {
	var got []string
	fail := error(nil)
	k := serve(t, store.NewMap(nil), &admin.Options{AllowWrites: true, SignOut: func(_ context.Context, subject string) error {
		got = append(got, subject)
		return fail
	}})
	k.ask("POST", "signout", `{"subject":"anna"}`).is(200, "")
	fail = errors.New("anna has no secret")
	a := k.ask("POST", "signout", `{"subject":"<b>é"}`).is(http.StatusInternalServerError, "failed")
	if strings.Contains(a.body, "secret") {
		t.Error(a.body)
	}
	fail = store.Wrap("x", "y", store.ErrUnavailable)
	k.ask("POST", "signout", `{"subject":"c"}`).is(http.StatusServiceUnavailable, "store_unavailable")
	if strings.Join(got, " ") != "anna <b>é c" {
		t.Errorf("%q", got)
	}
	if !strings.Contains(k.get("").body, `id="signout"`) || !into[stat](k.get("stat")).SignOut {
		t.Error("there is no form")
	}
}

// TestSweepAgainAtOnce: who has the answer may ask again.
func TestSweepAgainAtOnce(t *testing.T) {
	k := serve(t, store.NewMap(nil), &admin.Options{AllowWrites: true})
	for range 200 {
		k.ask("POST", "cleanup", "").is(200, "")
	}
}
