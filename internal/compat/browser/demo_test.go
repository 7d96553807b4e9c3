package browser

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
)

// TestDemo drives `larder demo` as people do. Each case has a demo, a store and browsers of its own. The ids are listed in the demo's page.go.
func TestDemo(t *testing.T) {
	b := Start(t)
	binary := buildLarder(t)
	for name, run := range map[string]func(*testing.T, *Browser, *demo){
		"login":              testLogin,
		"restart":            testRestart,
		"two tabs":           testTwoTabs,
		"logout":             testLogout,
		"back":               testBack,
		"sign out":           testSignOut,
		"log out everywhere": testLogoutEverywhere,
		"cookie":             testCookie,
		"without scripts":    testWithoutScripts,
		"other sites":        testOtherSites,
		"looks":              testLooks,
		"phone":              testPhone,
		"narrow":             testNarrow,
	} {
		t.Run(name, func(t *testing.T) { run(t, b, startDemo(t, binary)) })
	}
}

// guest opens the demo in a browser of his own. At the end of the test nothing may have been refused by the page's policy, or be missing.
func guest(t *testing.T, b *Browser, d *demo) (*Profile, *Tab) {
	t.Helper()
	p := b.Profile(t)
	tab := p.Tab(t)
	clean(t, tab)
	if status := tab.Open(t, d.url+"/"); status != http.StatusOK {
		t.Fatalf("the demo answers %d", status)
	}
	return p, tab
}

func clean(t *testing.T, tab *Tab) {
	t.Cleanup(func() {
		if all := tab.Problems(); len(all) > 0 {
			t.Errorf("the browser complains: %q", all)
		}
	})
}

// cookie is the demo's: digits of its store end the name.
func (d *demo) cookie(t *testing.T, p *Profile) *network.Cookie {
	t.Helper()
	for _, c := range p.Cookies(t, d.url) {
		if strings.HasPrefix(c.Name, "larder-demo-") {
			return c
		}
	}
	t.Fatal("the browser keeps no cookie of the demo")
	return nil
}

// login logs in with what the page offers to fill in.
func login(t *testing.T, tab *Tab, user string) {
	t.Helper()
	tab.Follow(t, `a.fill[data-user="`+user+`"]`)
	if status := tab.Follow(t, "#login-submit"); status != http.StatusOK || !tab.isUser(t, user) {
		t.Fatalf("login as %s: %d", user, status)
	}
}

func (tab *Tab) isUser(t *testing.T, user string) bool {
	t.Helper()
	return tab.Count(t, `#user[data-user="`+user+`"]`) == 1
}

func (tab *Tab) isGuest(t *testing.T) bool {
	t.Helper()
	return tab.Count(t, "#user") == 0 && tab.Count(t, "#login") == 1
}

// number reads an element that shows nothing but a number.
func (tab *Tab) number(t *testing.T, selector string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(tab.Text(t, selector)))
	if err != nil {
		t.Fatalf("%s: %v", selector, err)
	}
	return n
}

// quantity of a good in the cart.
func (tab *Tab) quantity(t *testing.T, good string) int {
	t.Helper()
	row := `tr[data-good="` + good + `"] .quantity`
	if tab.Count(t, row) == 0 {
		return 0
	}
	return tab.number(t, row)
}

func testLogin(t *testing.T, b *Browser, d *demo) {
	p, tab := guest(t, b, d)
	if all := p.Cookies(t, d.url); len(all) > 0 {
		t.Errorf("who only looks gets %d cookies", len(all))
	}
	tab.Follow(t, `#goods button[value="jelly"]`)
	before := d.cookie(t, p).Value

	tab.Type(t, "#name", "anna")
	tab.Type(t, "#password", "wrong")
	if status := tab.Follow(t, "#login-submit"); status != http.StatusUnprocessableEntity || tab.Count(t, "#login-error") != 1 || !tab.isGuest(t) {
		t.Errorf("a wrong password: %d", status)
	}
	tab.Problems() // the browser counts a 422 among the failed loads

	login(t, tab, "anna")
	if tab.Count(t, "#flash") != 1 {
		t.Error("nobody says welcome")
	}
	if tab.quantity(t, "jelly") != 1 {
		t.Error("what was in the cart before the login is gone")
	}
	if d.cookie(t, p).Value == before {
		t.Error("the session has the same id after the login as before")
	}
	tab.Reload(t)
	if tab.Count(t, "#flash") != 0 {
		t.Error("the flash message came twice")
	}
	if !tab.isUser(t, "anna") {
		t.Error("not logged in any more")
	}
}

func testRestart(t *testing.T, b *Browser, d *demo) {
	_, tab := guest(t, b, d)
	login(t, tab, "ben")
	tab.Follow(t, `#goods button[value="loaf"]`)
	for _, samePort := range []bool{false, true} {
		tab.Reload(t)
		visits := tab.number(t, "#visits")
		if d.restart(t, samePort); t.Failed() {
			return
		}
		tab.Open(t, d.url+"/")
		if !tab.isUser(t, "ben") || tab.number(t, "#visits") != visits+1 || tab.quantity(t, "loaf") != 1 {
			t.Errorf("after a restart (same port: %v): visit %s after %d, %d loaves", samePort, tab.Text(t, "#visits"), visits, tab.quantity(t, "loaf"))
		}
	}
}

// Both tabs click at the same time, on the same good and on others. Each click shows the page, which counts a visit.
func testTwoTabs(t *testing.T, b *Browser, d *demo) {
	rounds := 6
	if soak() {
		rounds = 45 // a cart takes 99 of a good
	}
	p, one := guest(t, b, d)
	login(t, one, "anna")
	two := p.Tab(t)
	clean(t, two)
	two.Open(t, d.url+"/")
	visits := two.number(t, "#visits")
	for _, good := range []string{"trout", "eggs"} {
		other := map[string]string{"trout": "trout", "eggs": "pears"}[good]
		for range rounds {
			failed := make(chan error, 1)
			go func() {
				_, err := two.FollowErr(`#goods button[value="` + other + `"]`)
				failed <- err
			}()
			_, err := one.FollowErr(`#goods button[value="` + good + `"]`)
			if other := <-failed; err != nil || other != nil {
				t.Fatal(err, other)
			}
		}
	}
	one.Reload(t)
	if q := one.quantity(t, "trout"); q != 2*rounds {
		t.Errorf("two tabs put the same good in the cart %d times, and it is there %d times", 2*rounds, q)
	}
	if eggs, pears := one.quantity(t, "eggs"), one.quantity(t, "pears"); eggs != rounds || pears != rounds {
		t.Errorf("two tabs put two goods in the cart %d times each, and they are there %d and %d times", rounds, eggs, pears)
	}
	if got := one.number(t, "#visits"); got != visits+4*rounds+1 {
		t.Errorf("%d visits of two tabs count as %d", 4*rounds+1, got-visits)
	}
}

func testLogout(t *testing.T, b *Browser, d *demo) {
	p, one := guest(t, b, d)
	login(t, one, "anna")
	two := p.Tab(t)
	two.Open(t, d.url+"/")
	if !two.isUser(t, "anna") {
		t.Fatal("the second tab is not logged in")
	}
	kept := d.cookie(t, p)
	one.Follow(t, "#logout")
	if !one.isGuest(t) {
		t.Error("still logged in where one logged out")
	}
	if all := p.Cookies(t, d.url); len(all) > 0 {
		t.Errorf("after the logout the browser keeps %d cookies", len(all))
	}
	two.Reload(t)
	if !two.isGuest(t) {
		t.Error("the other tab is still logged in")
	}
	p.SetCookie(t, d.url, kept.Name, kept.Value) // somebody copied it
	two.Reload(t)
	if !two.isGuest(t) {
		t.Error("the cookie of before still logs in")
	}
}

func testSignOut(t *testing.T, b *Browser, d *demo) {
	_, mine := guest(t, b, d)
	login(t, mine, "chiara")
	_, yours := guest(t, b, d)
	login(t, yours, "chiara")
	_, hers := guest(t, b, d)
	login(t, hers, "anna")

	mine.Reload(t)
	if n, this := mine.Count(t, "#devices li"), mine.Count(t, "#devices li[data-this]"); n != 2 || this != 1 {
		t.Fatalf("the list has %d devices, and %d are this one", n, this)
	}
	mine.Follow(t, "#devices li:not([data-this]) button[name=device]")
	if n := mine.Count(t, "#devices li"); n != 1 || !mine.isUser(t, "chiara") {
		t.Errorf("after the other was signed out the list has %d devices", n)
	}
	yours.Reload(t)
	if !yours.isGuest(t) || !strings.Contains(yours.Text(t, "#flash"), "You were signed out") {
		t.Error("the other browser is still logged in, or is not told")
	}
	if yours.Reload(t); yours.Count(t, "#flash") != 0 {
		t.Error("it is told twice")
	}
	hers.Reload(t)
	if !hers.isUser(t, "anna") {
		t.Error("somebody else was signed out")
	}
}

func testLogoutEverywhere(t *testing.T, b *Browser, d *demo) {
	var tabs []*Tab
	for range 3 {
		_, tab := guest(t, b, d)
		login(t, tab, "ben")
		tabs = append(tabs, tab)
	}
	_, hers := guest(t, b, d)
	login(t, hers, "anna")
	tabs[1].Follow(t, "#logout-all")
	for i, tab := range tabs {
		tab.Reload(t)
		if !tab.isGuest(t) {
			t.Errorf("browser %d is still logged in", i)
		}
	}
	hers.Reload(t)
	if !hers.isUser(t, "anna") {
		t.Error("somebody else was logged out")
	}
	login(t, tabs[0], "ben")
}

// The demo serves plain http, so its cookie has no Secure and no prefix. Those of production are in TestSessionCookies.
func testCookie(t *testing.T, b *Browser, d *demo) {
	p, tab := guest(t, b, d)
	login(t, tab, "anna")
	c := d.cookie(t, p)
	if !c.HTTPOnly || c.Secure || c.SameSite != network.CookieSameSiteLax || c.Path != "/" || c.Domain != "127.0.0.1" || !c.Session {
		t.Errorf("the browser reports %+v", *c)
	}
	if cookies := Ask[string](t, tab, "document.cookie"); cookies != "" {
		t.Error("a script sees the cookie")
	}
	tab.Problems() // the browser finds that asking for it is slow
	if got := Ask[string](t, tab, "document.getElementById('remembered').dataset.remembered"); got != "no" {
		t.Errorf("remembered: %q", got)
	}

	tab.Follow(t, "#logout")
	tab.Follow(t, `a.fill[data-user="anna"]`)
	tab.Click(t, "#remember")
	tab.Follow(t, "#login-submit")
	if got := Ask[string](t, tab, "document.getElementById('remembered').dataset.remembered"); got != "yes" {
		t.Errorf("remembered: %q", got)
	}
	c = d.cookie(t, p)
	left := time.Until(time.Unix(int64(c.Expires), 0))
	if c.Session || left < 29*24*time.Hour || left > 31*24*time.Hour || !c.HTTPOnly {
		t.Errorf("of a session that is remembered the browser reports %+v", *c)
	}
}

func testWithoutScripts(t *testing.T, b *Browser, d *demo) {
	p := b.Profile(t)
	tab := p.Tab(t)
	tab.NoJavaScript(t)
	clean(t, tab)
	tab.Open(t, d.url+"/")
	login(t, tab, "anna")
	for _, click := range []string{`#goods button[value="cheese"]`, `#cart button[name="add"]`, `#cart button[name="less"]`, `#cart button[name="add"]`} {
		tab.Follow(t, click)
	}
	if n := tab.quantity(t, "cheese"); n != 2 || tab.number(t, "#cart-pieces") != 2 {
		t.Errorf("%d pieces of cheese", n)
	}
	tab.Follow(t, `#cart button[name="remove"]`)
	if tab.Count(t, "#cart") != 0 {
		t.Error("the cart is not empty")
	}
	tab.Follow(t, "#logout")
	if !tab.isGuest(t) {
		t.Error("still logged in")
	}
	if n := Ask[int](t, tab, "document.scripts.length"); n != 0 {
		t.Errorf("the page has %d scripts", n)
	}
}
