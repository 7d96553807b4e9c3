package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
)

// visitsPage counts its visitor in a cookie; its policy lets it load nothing, which /bad does not respect.
const visitsPage = `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>page</title>
<link rel="icon" href="data:,">%s
<style nonce="n">body { background: rgb(255, 255, 255) } @media (prefers-color-scheme: dark) { body { background: rgb(0, 0, 0) } }</style>
<h1 id="visits">%d</h1><p id="quiet">no script</p><script nonce="n">document.getElementById("quiet").textContent = "script"</script>
<form method="post" action="/form"><input id="name" name="name" value="old"><button id="send">Send</button></form><p id="form">%s</p></html>`

func pageServer(t *testing.T) *httptest.Server {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'nonce-n'; style-src 'nonce-n'; img-src data:; form-action 'self'")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		switch r.URL.Path {
		case "/form":
			http.Redirect(w, r, "/?sent="+r.PostFormValue("name"), http.StatusSeeOther)
			return
		case "/missing":
			w.WriteHeader(http.StatusNotFound)
		}
		visits, extra := 0, ""
		if c, err := r.Cookie("__Host-visits"); err == nil {
			fmt.Sscan(c.Value, &visits)
		}
		if r.URL.Path == "/bad" {
			extra = `<script>document.title = "bad"</script>`
		}
		cookie := http.Cookie{Name: "__Host-visits", Value: fmt.Sprint(visits + 1), Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}
		http.SetCookie(w, &cookie)
		http.SetCookie(w, &http.Cookie{Name: "plain", Value: "1", MaxAge: 3600})
		http.SetCookie(w, &http.Cookie{Name: "__Host-refused", Value: "1", Path: "/"}) // not Secure: no browser keeps it
		fmt.Fprintf(w, visitsPage, extra, visits+1, r.FormValue("sent"))
	}))
	t.Cleanup(server.Close)
	return server
}

// TestHarness: what the other tests rely on.
func TestHarness(t *testing.T) {
	b, server := Start(t), pageServer(t)

	t.Run("cookies", func(t *testing.T) {
		p := b.Profile(t)
		tab := p.Tab(t)
		if status := tab.Open(t, server.URL); status != http.StatusOK {
			t.Errorf("status %d", status)
		}
		c := p.Cookie(t, server.URL, "__Host-visits")
		if !c.Secure || !c.HTTPOnly || c.SameSite != network.CookieSameSiteLax || c.Path != "/" || !c.Session || strings.HasPrefix(c.Domain, ".") {
			t.Errorf("the browser reports %+v", *c)
		}
		if c := p.Cookie(t, server.URL, "plain"); c.Secure || c.HTTPOnly || c.Session {
			t.Errorf("the browser reports %+v", *c)
		}
		if all := p.Cookies(t, server.URL); len(all) != 2 {
			t.Errorf("%d cookies, not the two that are valid", len(all))
		}
	})

	t.Run("profiles", func(t *testing.T) {
		p, other := b.Profile(t), b.Profile(t)
		one, two := p.Tab(t), p.Tab(t)
		one.Open(t, server.URL)
		two.Open(t, server.URL)
		if got := two.Text(t, "#visits"); got != "2" {
			t.Errorf("a second tab of a browser is visit %s", got)
		}
		third := other.Tab(t)
		third.Open(t, server.URL)
		if got := third.Text(t, "#visits"); got != "1" {
			t.Errorf("another browser is visit %s", got)
		}
	})

	t.Run("forms", func(t *testing.T) {
		tab := b.Profile(t).Tab(t)
		tab.Open(t, server.URL)
		tab.Type(t, "#name", "new")
		if status := tab.Follow(t, "#send"); status != http.StatusOK || tab.Text(t, "#form") != "new" {
			t.Errorf("status %d, sent %q", status, tab.Text(t, "#form"))
		}
		if status := tab.Open(t, server.URL+"/missing"); status != http.StatusNotFound {
			t.Errorf("status %d", status)
		}
	})

	t.Run("back", func(t *testing.T) {
		tab := b.Profile(t).Tab(t)
		tab.Open(t, server.URL)
		tab.Open(t, server.URL+"/other")
		tab.Back(t)
		if path := Ask[string](t, tab, "location.pathname"); path != "/" {
			t.Errorf("the button back leads to %s", path)
		}
		if tab.Press(t, "#send"); tab.Text(t, "#form") != "old" {
			t.Errorf("from a page that one came back to, the form sent %q", tab.Text(t, "#form"))
		}
	})

	t.Run("problems", func(t *testing.T) {
		tab := b.Profile(t).Tab(t)
		tab.Open(t, server.URL)
		if got := tab.Text(t, "#quiet"); got != "script" {
			t.Errorf("a script that is allowed did not run: %q", got)
		}
		if all := tab.Problems(); slices.ContainsFunc(all, isPolicy) {
			t.Errorf("a good page has problems: %q", all)
		}
		tab.Open(t, server.URL+"/bad")
		if all := tab.Problems(); !slices.ContainsFunc(all, isPolicy) {
			t.Errorf("a script that the policy refuses is not among the problems: %q", all)
		}
	})

	t.Run("without scripts", func(t *testing.T) {
		tab := b.Profile(t).Tab(t)
		tab.NoJavaScript(t)
		tab.Open(t, server.URL)
		if got := tab.Text(t, "#quiet"); got != "no script" {
			t.Errorf("a script ran: %q", got)
		}
		tab.Type(t, "#name", "typed")
		tab.Follow(t, "#send")
		if got := tab.Text(t, "#form"); got != "typed" {
			t.Errorf("without scripts, the form sent %q", got)
		}
	})

	t.Run("looks", func(t *testing.T) {
		tab := b.Profile(t).Tab(t)
		tab.Open(t, server.URL)
		for _, dark := range []bool{true, false} {
			tab.Dark(t, dark)
			if got := Ask[string](t, tab, "getComputedStyle(document.body).backgroundColor"); (got == "rgb(0, 0, 0)") != dark {
				t.Errorf("dark %v: the page is %s", dark, got)
			}
		}
		tab.Phone(t)
		if w := Ask[int](t, tab, "innerWidth"); w != 390 {
			t.Errorf("a phone of %d pixels", w)
		}
		picture, err := os.ReadFile(tab.Shot(t, "harness"))
		if err != nil || http.DetectContentType(picture) != "image/png" {
			t.Errorf("a screenshot of %d bytes, %v", len(picture), err)
		}
	})
}

// isPolicy: the content security policy refused something.
func isPolicy(problem string) bool {
	return strings.Contains(problem, "Content Security Policy") || strings.Contains(problem, "ContentSecurityPolicy")
}

// TestNothingElse: the browser asks nobody but the test's server, whatever a page names.
func TestNothingElse(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `<!doctype html><title>t</title><img src="http://example.com/x.png">`)
	}))
	defer server.Close()
	tab := Start(t).Profile(t).Tab(t)
	tab.Open(t, server.URL)
	if all := tab.Problems(); !slices.ContainsFunc(all, func(p string) bool { return strings.Contains(p, "ERR_NAME_NOT_RESOLVED") }) {
		t.Errorf("example.com was not refused: %q", all)
	}
}
