package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larder-go/larder/admin"
	"github.com/larder-go/larder/cleanup"
	"github.com/larder-go/larder/store"
)

// dead returns a map with n entries that nobody has used for a day.
func dead(t *testing.T, n int) *store.Map {
	t.Helper()
	m := store.NewMap(&store.MapOptions{Expiry: store.Expiry{Timeout: 24 * time.Hour, TouchAfter: time.Minute}})
	for i := range n {
		item := &store.Item{Value: []byte("val"), Atime: time.Now().Add(-23 * time.Hour)}
		if _, err := m.Swap(t.Context(), fmt.Sprint("key", i), "", item); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// serveAdmin serves s below /ops, on TCP and on a socket.
func serveAdmin(t *testing.T, s store.Store, o admin.Options) (tcp, unix string) {
	t.Helper()
	o.Logger = slog.New(slog.DiscardHandler)
	h, err := admin.New(s, &o)
	if err != nil {
		t.Fatal(err)
	}
	return serveOps(t, http.StripPrefix("/ops", h))
}

func serveOps(t *testing.T, h http.Handler) (tcp, unix string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/ops/", h)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	dir, err := os.MkdirTemp("", "l") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "a b.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	local := &http.Server{Handler: mux}
	var wg sync.WaitGroup
	wg.Go(func() { local.Serve(l) })
	t.Cleanup(func() { local.Close(); wg.Wait() })
	return server.URL + "/ops", "http+unix://" + strings.ReplaceAll(socket, " ", "%20") + ":/ops"
}

// outcome runs the command.
func outcome(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	env := func(name string) string {
		return map[string]string{"LARDER_STORE": "file:/nowhere", "LARDER_ADMIN_TOKEN": "sesame"}[name]
	}
	code = Run(ctx, append([]string{"cleanup"}, args...), strings.NewReader(""), &out, &errs, env)
	return code, out.String(), errs.String()
}

// wants runs the command and demands its exit code, and pieces of what it prints on either stream.
func wants(t *testing.T, code int, pieces []string, args ...string) {
	t.Helper()
	got, out, errs := outcome(t.Context(), args...)
	if got != code {
		t.Errorf("%q: exit code %d, want %d", args, got, code)
	}
	for _, piece := range pieces {
		if !strings.Contains(out+errs, piece) {
			t.Errorf("%q: no %q in\n%s%s", args, piece, out, errs)
		}
	}
}

// TestCleanupByAdmin: it does and tells what it does and tells with a store of its own, whichever way it gets there.
func TestCleanupByAdmin(t *testing.T) {
	m := dead(t, 100)
	tcp, unix := serveAdmin(t, m, admin.Options{AllowWrites: true, LeastIdle: time.Hour})
	wants(t, exitDone, []string{"nothing to remove: no entry is expired"}, "--admin", tcp)
	wants(t, exitDone, []string{"would remove 100 entries, 300 B: expired or not used for 2h (and 1m of x-touch-after)"}, "--admin", tcp+"/", "--idle", "2h", "-n")
	wants(t, exitDone, []string{"removed 10 entries, 30 B, in ", "stopped at --limit; 90 entries are left"}, "--admin", unix, "--idle", "2h", "--limit", "10")
	wants(t, exitDone, []string{"removed 5 entries"}, "--admin", strings.Replace(unix, "http+unix://", "unix:", 1)+"/", "--idle", "2h", "--limit", "5", "--batch", "2", "--pause", "1ms")
	if code, out, errs := outcome(t.Context(), "--admin", unix, "--idle", "2h", "--limit", "5", "-q"); code != exitDone || out+errs != "" {
		t.Errorf("-q: %d, %q, %q", code, out, errs)
	}
	code, out, errs := outcome(t.Context(), "--admin", unix, "--idle", "2h", "--json")
	var r cleanupResult
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != exitDone || errs != "" {
		t.Fatalf("%d, %v: %s%s", code, err, out, errs)
	}
	if r.Removed != 80 || r.Bytes != 240 || !r.Done || r.Reason != "done" || r.Oldest == nil || r.DryRun || r.Duration <= 0 {
		t.Errorf("%+v", r)
	}
	wants(t, exitUsage, []string{"this program keeps what was used within 1h0m0s", "hint: ask for so long, or longer"}, "--admin", tcp, "--idle", "59m")
	metrics := filepath.Join(t.TempDir(), "larder.prom")
	wants(t, exitDone, nil, "--admin", strings.Replace(tcp, "http://", "http://u:sekret@", 1), "--metrics-file", metrics)
	text, err := os.ReadFile(metrics)
	if err != nil || !strings.Contains(string(text), `larder_cleanup_exit_code{store="http://u:xxxxx@127.0.0.1:`) || !strings.Contains(string(text), `reason="done"`) {
		t.Errorf("%v: %s", err, text)
	}
}

// TestCleanupByAdminEnds: the time budget, a lease and a signal end with the same exit codes and reports as without --admin.
func TestCleanupByAdminEnds(t *testing.T) {
	m := dead(t, 1000)
	tcp, _ := serveAdmin(t, m, admin.Options{AllowWrites: true, LeastIdle: -1, Cleanup: &cleanup.Options{Lease: time.Minute}})
	slow := []string{"--admin", tcp, "--idle", "1h", "--batch", "1", "--pause", "10ms"}
	wants(t, exitBudget, []string{"removed ", "entries are left", "the time budget"}, append(slow, "--max-time", "200ms")...)

	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	wg.Go(func() {
		code, out, errs := outcome(ctx, slow...)
		if code != exitInterrupted || !strings.Contains(out, "removed ") || strings.Contains(out, "removed 0") || !strings.Contains(errs, "larder: interrupted") {
			t.Errorf("%d: %s%s", code, out, errs)
		}
	})
	left := func() (n int) {
		for range m.List(t.Context(), "") {
			n++
		}
		return n
	}
	for before := left(); left() == before; { // until it is at work
		time.Sleep(time.Millisecond)
	}
	wants(t, exitLocked, []string{"another request is sweeping", "hint: wait for it"}, "--admin", tcp)
	time.Sleep(400 * time.Millisecond) // for a line of how it goes
	cancel()
	wg.Wait()
	// The sweep ends with its client, so the next one gets in soon, and has something left to do.
	for begun := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		if code, _, errs := outcome(t.Context(), "--admin", tcp, "-n"); code == exitDone {
			break
		} else if code != exitLocked || time.Since(begun) > 10*time.Second {
			t.Fatal(code, errs)
		}
	}
	if n := left(); n < 500 || n == 1000 {
		t.Errorf("%d entries are left", n)
	}

	held := make(chan struct{})
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	wg.Go(func() {
		cleanup.Run(ctx, m, &cleanup.Options{Lease: time.Minute, Idle: time.Hour, Batch: 1, Pause: time.Hour, Progress: func(cleanup.Report) {
			select {
			case <-held:
			default:
				close(held)
			}
		}})
	})
	<-held
	wants(t, exitLocked, []string{"another cleanup holds the lease"}, "--admin", tcp)
	wants(t, exitLocked, []string{`"reason":"leased"`, `"code":11`}, "--admin", tcp, "--json")
	cancel()
	wg.Wait()
	wants(t, exitDone, []string{"removed "}, "--admin", tcp, "--idle", "1h")
	if n := left(); n != 0 {
		t.Errorf("%d entries are left", n)
	}
}

// TestCleanupByAdminRefused: each way in which it cannot work has a name, and advice.
func TestCleanupByAdminRefused(t *testing.T) {
	m := dead(t, 1)
	readOnly, socket := serveAdmin(t, m, admin.Options{})
	for what, c := range map[string]struct {
		code   int
		pieces []string
		args   []string
	}{
		"read-only":      {exitUsage, []string{"this handler only shows", "hint: ", "AllowWrites"}, []string{"--admin", readOnly}},
		"empty":          {exitUsage, []string{"--admin is empty"}, []string{"--admin="}},
		"with a store":   {exitUsage, []string{"--store and --admin exclude each other"}, []string{"--admin", readOnly, "--store", "map:"}},
		"with a prefix":  {exitUsage, []string{"--prefix and --admin exclude each other"}, []string{"--admin", readOnly, "--prefix", "a"}},
		"with a lease":   {exitUsage, []string{"--lease and --admin exclude each other"}, []string{"--admin", readOnly, "--lease"}},
		"no scheme":      {exitUsage, []string{"begins with neither http:", "http+unix:///run/app.sock"}, []string{"--admin", "127.0.0.1:80"}},
		"a store's":      {exitUsage, []string{"begins with neither http:"}, []string{"--admin", "bolt:./x.db"}},
		"no host":        {exitUsage, []string{"names no host"}, []string{"--admin", "http:///x"}},
		"no URL":         {exitUsage, []string{"cannot be read"}, []string{"--admin", "http://a:b:c/"}},
		"parameters":     {exitUsage, []string{"no parameters"}, []string{"--admin", readOnly + "?x=1"}},
		"no socket":      {exitUsage, []string{"names no socket"}, []string{"--admin", "http+unix:"}},
		"host of socket": {exitUsage, []string{"third slash"}, []string{"--admin", "http+unix://run/app.sock"}},
		"nobody there":   {exitError, []string{"nobody listens at http://127.0.0.1:1", "look whether the program runs"}, []string{"--admin", "http://127.0.0.1:1"}},
		"no such socket": {exitError, []string{"nobody listens at http+unix:/nowhere/a.sock"}, []string{"--admin", "http+unix:/nowhere/a.sock"}},
		"another path":   {exitUsage, []string{"is no admin handler (404)", "name the path"}, []string{"--admin", strings.TrimSuffix(readOnly, "/ops")}},
		"a wrong TLS":    {exitError, []string{"cannot be reached"}, []string{"--admin", strings.Replace(readOnly, "http:", "https:", 1)}},
		"not in JSON":    {exitUsage, []string{`"code":2`, `"hint":"`}, []string{"--admin", readOnly, "--json"}},
		"other socket":   {exitUsage, []string{"is no admin handler"}, []string{"--admin", strings.TrimSuffix(socket, ":/ops")}},
	} {
		t.Run(what, func(t *testing.T) { wants(t, c.code, c.pieces, c.args...) })
	}
	for what, c := range map[string]struct {
		h      http.HandlerFunc
		code   int
		pieces []string
	}{
		"asks who one is": {func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer sesame" {
				t.Errorf("the token is not sent, but %q", r.Header)
			}
			w.WriteHeader(http.StatusUnauthorized)
		}, exitError, []string{"does not let everybody in (401)", "LARDER_ADMIN_TOKEN"}},
		"sends elsewhere": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusSeeOther) }, exitUsage, []string{"is no admin handler (303)"}},
		"is of another release": {func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Larder-Admin", "7") }, exitError,
			[]string{`has version "7"`}},
		"breaks off": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Larder-Admin", "1")
			fmt.Fprintln(w, `{"removed":7}`)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, exitError, []string{"broke off", "stays removed"}},
		"says nonsense": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Larder-Admin", "1")
			fmt.Fprintln(w, `<html>`)
		}, exitError, []string{"broke off"}},
		"tries the terminal": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Larder-Admin", "1")
			fmt.Fprintln(w, `{"error":"x","text":"a\u001b[31mb","hint":"c\u009bd"}`)
		}, exitError, []string{"a\uFFFD[31mb", "c\uFFFDd"}},
		"its store is away": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Larder-Admin", "1")
			w.WriteHeader(503)
			fmt.Fprintln(w, `{"error":"store_unavailable","text":"away: gone","hint":"h","report":{"removed":7,"bytes":70,"reason":"error"}}`)
		}, exitError, []string{"removed 7 entries, 70 B", "larder: away: gone"}},
	} {
		t.Run(what, func(t *testing.T) {
			tcp, _ := serveOps(t, c.h)
			wants(t, c.code, c.pieces, "--admin", tcp)
		})
	}
}
