package bridge

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
)

func answer(w http.ResponseWriter, user, theme string) { fmt.Fprintf(w, "%q %q", user, theme) }

const (
	alice  = `"alice" "dark"`
	nobody = `"" ""`
)

// testBridge logs somebody in by the old manager, lets the new one take him over, and logs him out: nothing of the old one may then be left
// to log him in again, but for a copy of his cookie where comesBack says so.
func testBridge(t *testing.T, before http.Handler, bridge func(*session.Manager, http.Handler) http.Handler, comesBack bool) {
	s := &failing{Map: store.NewMap(nil)}
	m, err := session.New(s, &session.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	after := http.NewServeMux()
	after.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		sess := session.From(r.Context())
		theme, _ := session.Get[string](sess, "theme")
		answer(w, sess.Subject(), theme)
	})
	after.HandleFunc("/logout", func(w http.ResponseWriter, r *http.Request) {
		if err := session.From(r.Context()).Destroy(); err != nil {
			t.Error(err)
		}
	})
	now := new(atomic.Pointer[http.Handler])
	now.Store(&before)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*now.Load()).ServeHTTP(w, r) }))
	defer server.Close()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := *server.Client()
	client.Jar = jar
	get := func(path, want string, code int) {
		t.Helper()
		resp, err := client.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != code || code == http.StatusOK && string(body) != want {
			t.Errorf("%s: %d %s %v, want %d %s", path, resp.StatusCode, body, err, code, want)
		}
	}
	get("/", nobody, http.StatusOK)
	get("/?user=alice", alice, http.StatusOK)
	get("/", alice, http.StatusOK)
	here, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	old := jar.Cookies(here)

	next := bridge(m, after)
	now.Store(&next)
	s.down.Store(true)
	get("/", "", http.StatusServiceUnavailable) // nothing is taken over, and nothing is lost
	s.down.Store(false)
	var tabs sync.WaitGroup
	for range 4 { // all of which the browser sends before the first answer is there
		tabs.Go(func() {
			w, r := httptest.NewRecorder(), httptest.NewRequest("GET", server.URL+"/", nil)
			for _, c := range old {
				r.AddCookie(c)
			}
			next.ServeHTTP(w, r)
			if got := w.Body.String(); w.Code != http.StatusOK || got != alice {
				t.Errorf("a tab: %d %s", w.Code, got)
			}
		})
	}
	tabs.Wait()
	get("/", alice, http.StatusOK)
	get("/", alice, http.StatusOK)
	if cookies := jar.Cookies(here); len(cookies) != 1 || cookies[0].Name != "__Host-session" {
		t.Errorf("the browser has %v, want our cookie alone", cookies)
	}
	get("/logout", "", http.StatusOK)
	get("/", nobody, http.StatusOK)

	jar.SetCookies(here, old)
	want := nobody
	if comesBack {
		want = alice
	}
	get("/", want, http.StatusOK)
}

// failing is a store whose server does not answer for a while.
type failing struct {
	*store.Map
	down atomic.Bool
}

func (f *failing) Load(ctx context.Context, key string) (*store.Item, error) {
	if f.down.Load() {
		return nil, store.ErrUnavailable
	}
	return f.Map.Load(ctx, key)
}

func (f *failing) Swap(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
	if f.down.Load() {
		return "", store.ErrUnavailable
	}
	return f.Map.Swap(ctx, key, old, item)
}
