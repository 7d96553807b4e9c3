package browser

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"

	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
)

// TestSessionCookies: what a browser makes of the cookies of package session over TLS, as in production.
func TestSessionCookies(t *testing.T) {
	b := Start(t)
	for _, c := range []struct {
		name, cookie string
		options      session.Cookie
		path         string
		want         func(*network.Cookie) bool
	}{
		{"defaults", "__Host-session", session.Cookie{}, "/", func(c *network.Cookie) bool {
			return c.Session && c.SameSite == network.CookieSameSiteLax && c.HTTPOnly
		}},
		{"remembered", "__Host-session", session.Cookie{}, "/remember", func(c *network.Cookie) bool {
			left := time.Until(time.Unix(int64(c.Expires), 0))
			return !c.Session && left > 29*24*time.Hour && left < 31*24*time.Hour
		}},
		{"persistent", "__Host-id", session.Cookie{Name: "id", Persistent: true}, "/", func(c *network.Cookie) bool { return !c.Session }},
		{"strict", "__Host-session", session.Cookie{SameSite: http.SameSiteStrictMode}, "/", func(c *network.Cookie) bool {
			return c.SameSite == network.CookieSameSiteStrict
		}},
		{"below a path", "__Secure-session", session.Cookie{Path: "/app"}, "/app", func(c *network.Cookie) bool { return c.Path == "/app" }},
		{"partitioned", "__Host-session", session.Cookie{Partitioned: true, SameSite: http.SameSiteNoneMode}, "/", func(c *network.Cookie) bool {
			return c.PartitionKey != nil && c.SameSite == network.CookieSameSiteNone
		}},
		{"readable", "__Host-session", session.Cookie{Readable: true}, "/", func(c *network.Cookie) bool { return !c.HTTPOnly }},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := sessionServer(t, c.options)
			p := b.Profile(t)
			tab := p.Tab(t)
			for visit := 1; visit <= 3; visit++ {
				tab.Open(t, server.URL+c.path)
				if got := tab.Text(t, "h1"); got != fmt.Sprint("visit ", visit) {
					t.Fatalf("%q instead of %d: the browser did not send the cookie back", got, visit)
				}
			}
			got := p.Cookie(t, server.URL+c.path, c.cookie)
			if !got.Secure || !c.want(got) {
				t.Errorf("the browser reports %+v", *got)
			}
			tab.Open(t, server.URL+c.path+"?logout=yes")
			if all := p.Cookies(t, server.URL+c.path); len(all) > 0 {
				t.Errorf("after Destroy the browser keeps %d cookies", len(all))
			}
		})
	}
}

func sessionServer(t *testing.T, c session.Cookie) *httptest.Server {
	t.Helper()
	m, err := session.New(store.NewMap(nil), &session.Options{Cookie: c, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if r.FormValue("logout") != "" {
			if err := s.Destroy(); err != nil {
				t.Error(err)
			}
			return
		}
		if r.URL.Path == "/favicon.ico" {
			return
		}
		visits, _ := session.Get[int](s, "visits")
		if err := s.Set("visits", visits+1); err != nil {
			t.Error(err)
		}
		if r.URL.Path == "/remember" && visits == 0 {
			if err := s.Remember(0); err != nil {
				t.Error(err)
			}
		}
		fmt.Fprintf(w, "<!doctype html><title>t</title><link rel=icon href=data:,><h1>visit %d</h1>", visits+1)
	})))
	t.Cleanup(server.Close)
	return server
}
