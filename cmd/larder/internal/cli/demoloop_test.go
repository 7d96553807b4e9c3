package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/larder-go/larder/store"
)

// swept is a store that says when it is cleaned up.
type swept struct {
	*store.Map
	sweeps chan struct{}
}

func (s *swept) Sweep(ctx context.Context, o store.SweepOptions) (store.SweepReport, error) {
	select {
	case s.sweeps <- struct{}{}:
	default:
	}
	return s.Map.Sweep(ctx, o)
}

// TestDemoCleansUp: where nobody else can, the demo does; and elsewhere it leaves that to the command that it prints.
func TestDemoCleansUp(t *testing.T) {
	for scheme, want := range map[string]bool{"map": true, "bolt": true, "redis": false, "file": false} {
		t.Run(scheme, func(t *testing.T) {
			s := &swept{store.NewMap(nil), make(chan struct{}, 1)}
			open := func(context.Context, *url.URL) (store.Closer, error) { return s, nil }
			raw := map[string]string{"map": "map:", "bolt": "bolt:/nowhere/x.db", "redis": "redis://h", "file": "file:/nowhere"}[scheme]
			ctx, cancel := context.WithCancel(t.Context())
			stdout, printing := io.Pipe()
			var errs bytes.Buffer
			a := newApp(strings.NewReader(""), printing, &errs, func(string) string { return "" }, store.Mux{scheme: open})
			ended := make(chan int)
			go func() { ended <- a.run(ctx, []string{"demo", "--json", "--listen", "127.0.0.1:0", "--store", raw}) }()
			var result demoResult
			if err := json.NewDecoder(stdout).Decode(&result); err != nil {
				t.Fatal(err)
			}
			go io.Copy(io.Discard, stdout)
			response, err := http.Get(result.URL)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != http.StatusOK || len(result.Users) < 3 || result.Store != raw || (result.Cleanup == "") != (scheme == "map" || scheme == "redis") {
				t.Errorf("%d, %+v", response.StatusCode, result)
			}
			if want {
				<-s.sweeps
			}
			cancel()
			if code := <-ended; code != exitDone || !strings.Contains(errs.String(), "WARNING: PLAIN HTTP") {
				t.Errorf("exit code %d, %s", code, &errs)
			}
			if !want && len(s.sweeps) > 0 { // one that does may have begun its next
				t.Error("the demo cleans up what others could")
			}
		})
	}
}

func TestPageURL(t *testing.T) {
	for address, want := range map[string]string{
		"127.0.0.1:80": "http://127.0.0.1:80", "[::1]:8080": "http://[::1]:8080", "[::]:1": "http://localhost:1", "0.0.0.0:1": "http://localhost:1",
	} {
		addr, err := net.ResolveTCPAddr("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if got := pageURL(addr); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
		for _, quiet := range []bool{false, true} {
			var errs bytes.Buffer
			(&app{stderr: &errs, quiet: quiet}).loudly(addr)
			open, lines := want == "http://localhost:1", 1
			if quiet && !open {
				lines = 0
			}
			if strings.Contains(errs.String(), "--listen lets other machines in") != open || strings.Count(errs.String(), "\n") != lines {
				t.Errorf("%s, quiet %t: %s", address, quiet, &errs)
			}
		}
	}
}
