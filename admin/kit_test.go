package admin_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/larder-go/larder/admin"
	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testserver.With(m)) }

// kit is a handler on a server of its own.
type kit struct {
	*testing.T
	h      *admin.Handler
	url    string // ends with a slash
	server *httptest.Server
}

// quiet fills in a logger that nobody reads.
func quiet(o *admin.Options) *admin.Options {
	c := *o
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &c
}

func serve(t *testing.T, s store.Store, o *admin.Options) *kit {
	t.Helper()
	h, err := admin.New(s, quiet(o))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return &kit{t, h, server.URL + "/", server}
}

// answer is what a request got.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	body   string
}

func (k *kit) ask(method, where, body string, headers ...string) answer {
	k.Helper()
	request, err := http.NewRequestWithContext(k.Context(), method, k.url+where, strings.NewReader(body))
	if err != nil {
		k.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			request.Host = headers[i+1]
		}
		request.Header.Set(headers[i], headers[i+1])
	}
	transport := &http.Transport{DisableKeepAlives: true} // or goleak finds the connections
	response, err := transport.RoundTrip(request)
	if err != nil {
		k.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		k.Fatal(err)
	}
	return answer{k.T, response.StatusCode, response.Header, string(text)}
}

func (k *kit) get(where string) answer { k.Helper(); return k.ask("GET", where, "") }

// is wants a status and, of a problem, its name.
func (a answer) is(status int, name string) answer {
	a.t.Helper()
	var p struct{ Error, Text string }
	json.Unmarshal([]byte(a.body), &p)
	if a.status != status || p.Error != name || name != "" && p.Text == "" {
		a.t.Errorf("status %d, want %d; error %q, want %q: %s", a.status, status, p.Error, name, a.body)
	}
	return a
}

// into decodes the answer, which must be 200.
func into[T any](a answer) (v T) {
	a.t.Helper()
	if a.status != http.StatusOK {
		a.t.Fatalf("status %d: %s", a.status, a.body)
	}
	d := json.NewDecoder(bytes.NewReader([]byte(a.body)))
	if err := d.Decode(&v); err != nil {
		a.t.Fatalf("%v in %s", err, a.body)
	}
	return v
}

type entries struct {
	Entries []struct {
		ID, Key string
		Size    int64
		Idle    *float64
		Expires *string
	}
	Next         string
	Stable, More bool
	Corrupt      int
}

type stat struct {
	Title           string
	Writes, SignOut bool
	Counted         *string
	Complete        bool
	Entries         *int
	Bytes           int64
	Deadlines       int
	Corrupt         int
	Idle            []struct{ Entries int }
	Backlog         *struct{ Entries int }
	Expiry          *struct{ Timeout, Slack float64 }
	Cleanup         *struct {
		Removed      int
		Reason, Host string
		Success      *string
	}
	Operations *struct {
		PerSecond map[string]float64 `json:"per_second"`
		Totals    map[string]int64
		Errors    int64
		Series    []int64
	}
	Abilities []string
	Facts     []struct{ Name, Value, Warn string }
	Trouble   string
}

// fill puts n entries into s, each of 3 bytes.
func fill(t testing.TB, s store.Store, n int) {
	t.Helper()
	for i := range n {
		if err := s.Set(t.Context(), fmt.Sprintf("session:%06d-secret", i), []byte("val")); err != nil {
			t.Fatal(err)
		}
	}
}

func copyAll(into io.Writer, r *http.Response) (int64, error) { return io.Copy(into, r.Body) }
