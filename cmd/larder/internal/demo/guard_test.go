package demo

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/larder-go/larder/store"
)

// TestOtherSites: their forms do nothing, whatever they ask for.
func TestOtherSites(t *testing.T) {
	s := store.NewMap(nil)
	b := newBrowser(t, serve(t, s)).login("anna")
	for _, path := range []string{"/login", "/logout", "/logout-everywhere", "/sign-out", "/cart"} {
		for header, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "http://elsewhere.example"} {
			r, err := http.NewRequest(http.MethodPost, b.url+path, strings.NewReader("add=loaf&name=ben&password=three-salted-lemons"))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set(header, value)
			response, err := b.client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != http.StatusForbidden || len(response.Cookies()) > 0 {
				t.Errorf("%s, %s: %d", path, header, response.StatusCode)
			}
			policies(t, path, response.Header)
		}
	}
	if b.get("/"); b.user() != "anna" || b.quantity("loaf") != 0 {
		t.Errorf("user %q, %d loaves", b.user(), b.quantity("loaf"))
	}
}

// policies tells whether an answer has the headers that all must have.
func policies(t *testing.T, what string, h http.Header) {
	t.Helper()
	csp := h.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "style-src 'self'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(csp, want) || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: the policy is %q, without %s", what, csp, want)
		}
	}
	if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "same-origin" {
		t.Errorf("%s: %v", what, h)
	}
}

// TestPages: each has the policy, keeps to it, and has nothing in it that somebody sent.
func TestPages(t *testing.T) {
	b := newBrowser(t, serve(t, store.NewMap(nil)))
	const hostile = `"'><script src=//evil.example></script><b onclick=x style="color:red">`
	check := func(what string) {
		t.Helper()
		policies(t, what, b.header)
		bare := regexp.MustCompile(`"[^"]*"`).ReplaceAllString(b.body, `""`) // without the values of attributes
		if hit := regexp.MustCompile(`(?i)<script|<style|<b |<[^>]*\s(on[a-z]+|style)=|javascript:`).FindString(bare); hit != "" {
			t.Errorf("%s: %q in the page", what, hit)
		}
		for _, element := range []string{"form", "section", "div", "li", "ul", "table", "tr", "button", "label", "span", "p", "svg"} {
			if opened := len(regexp.MustCompile("<"+element+"[ >]").FindAllString(bare, -1)); opened != strings.Count(bare, "</"+element+">") {
				t.Errorf("%s: %d elements <%s>, not each closed", what, opened, element)
			}
		}
		for _, m := range regexp.MustCompile(`<(?:input|output|progress)[^>]* id="([\w-]+)"`).FindAllStringSubmatch(b.body, -1) {
			if m[1] != "visits" && !strings.Contains(b.body, `for="`+m[1]+`"`) {
				t.Errorf("%s: %s has no label", what, m[1])
			}
		}
		for _, m := range regexp.MustCompile(` id="([\w-]+)"`).FindAllStringSubmatch(b.body, -1) {
			if strings.Count(b.body, m[0]) > 1 {
				t.Errorf("%s: two elements have%s", what, m[0])
			}
		}
	}
	b.get("/")
	check("a guest's")
	b.get("/?as=" + url.QueryEscape(hostile))
	check("a hostile choice")
	b.get("/?said=" + url.QueryEscape(hostile))
	check("a hostile farewell")
	b.post("/login", "name", hostile, "password", hostile)
	check("a hostile name")
	b.wants(http.StatusUnprocessableEntity, "&lt;script src=//evil.example&gt;")
	b.agent = hostile + " Firefox/1"
	b.login("anna")
	check("a user's")
	b.post("/cart", "add", "loaf")
	check("with a cart")
	b.get("/" + url.PathEscape(hostile))
	check("none")
	b.get("/style.css")
	policies(t, "style", b.header)
	b.post("/login", "name", strings.Repeat("x", maxForm)).wants(http.StatusBadRequest, `id="problem"`)
	check("a long form")
	r, err := http.NewRequest(http.MethodPost, b.url+"/cart", strings.NewReader("add=%zz"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := b.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusBadRequest {
		t.Errorf("a damaged form: %d", response.StatusCode)
	}
}

// away is a store that can be away.
type away struct {
	*store.Map
	gone atomic.Bool
}

func (s *away) Load(ctx context.Context, key string) (*store.Item, error) {
	if s.gone.Load() {
		return nil, store.Wrap("away", "load", store.ErrUnavailable)
	}
	return s.Map.Load(ctx, key)
}

func (s *away) Swap(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
	if s.gone.Load() {
		return "", store.Wrap("away", "swap", store.ErrUnavailable)
	}
	return s.Map.Swap(ctx, key, old, item)
}

func (s *away) Delete(ctx context.Context, key string) error {
	if s.gone.Load() {
		return store.Wrap("away", "delete", store.ErrUnavailable)
	}
	return s.Map.Delete(ctx, key)
}

// TestOutage: a store that is away is not a logout, neither in words nor in cookies.
func TestOutage(t *testing.T) {
	s := &away{Map: store.NewMap(nil)}
	b := newBrowser(t, serve(t, s)).login("anna")
	guest := newBrowser(t, serve(t, s))
	s.gone.Store(true)
	for _, path := range []string{"/", "/login", "/logout", "/logout-everywhere", "/sign-out", "/cart"} {
		if path == "/" {
			b.get(path)
		} else {
			b.post(path, "name", "ben", "password", "three-salted-lemons", "add", "loaf", "device", "x")
		}
		b.wants(http.StatusServiceUnavailable, "The store is away.")
		if b.header.Get("Retry-After") == "" || len(b.header["Set-Cookie"]) > 0 || b.user() != "" || b.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", path, b.header)
		}
		policies(t, path, b.header)
	}
	guest.get("/").wants(http.StatusOK, "nothing is stored about you")
	guest.post("/cart", "add", "loaf").wants(http.StatusServiceUnavailable, "The store is away.")
	s.gone.Store(false)
	if b.get("/").user() != "anna" {
		t.Error("logged out by an outage")
	}
}
