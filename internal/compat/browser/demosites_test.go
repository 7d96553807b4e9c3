package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// testOtherSites: forms on other pages do nothing to a session, be the page on another site, to which SameSite sends no cookie, or on
// another port of the same host, which counts as the same site.
func testOtherSites(t *testing.T, b *Browser, d *demo) {
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><link rel="icon" href="data:,"><form method="post" action="%s%s"><input type="hidden" name="add" value="trout"><button id="go">Win</button></form>`,
			d.url, r.FormValue("to"))
	}))
	defer evil.Close()
	p, tab := guest(t, b, d)
	login(t, tab, "anna")
	before := d.cookie(t, p).Value
	for _, host := range []string{"127.0.0.1", "localhost"} {
		for _, to := range []string{"/logout", "/logout-everywhere", "/cart"} {
			tab.Open(t, strings.Replace(evil.URL, "127.0.0.1", host, 1)+"/?to="+to)
			if status := tab.Follow(t, "#go"); status != http.StatusForbidden {
				t.Errorf("%s from %s: %d", to, host, status)
			}
		}
	}
	tab.Problems() // it counts a 403 among the failed loads
	tab.Open(t, d.url+"/")
	if !tab.isUser(t, "anna") || tab.quantity(t, "trout") != 0 || d.cookie(t, p).Value != before {
		t.Error("another site's form did something")
	}
}

// testBack: after a logout the button back may show the page of before, as Chromium does whatever Cache-Control says. Nothing on that page
// works as if one were logged in.
func testBack(t *testing.T, b *Browser, d *demo) {
	_, tab := guest(t, b, d)
	for _, press := range []string{`#goods button[value="trout"]`, "#logout-all"} {
		login(t, tab, "anna")
		tab.Follow(t, "#logout")
		tab.Back(t)
		if tab.Count(t, "#user") == 0 {
			t.Log("the browser asked the server again")
		}
		if tab.Press(t, press); !tab.isGuest(t) {
			t.Errorf("%s on a page from before the logout is answered as to somebody logged in", press)
		}
	}
	tab.Problems() // it notes that a script went on, not a hand
}
