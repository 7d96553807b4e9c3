package demo

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/larder-go/larder/diskstore"
	"github.com/larder-go/larder/store"
)

// TestLooking: who only looks leaves nothing behind, and gets nothing.
func TestLooking(t *testing.T) {
	s := store.NewMap(nil)
	b := newBrowser(t, serve(t, s))
	for _, path := range []string{"/", "/?as=anna", "/?said=out", "/style.css", "/icon.svg"} {
		b.get(path).wants(http.StatusOK, "")
	}
	// Where forms go to, an address that was kept leads to the page.
	for _, path := range []string{"/login", "/cart", "/logout", "/sign-out", "/logout-everywhere"} {
		b.get(path).wants(http.StatusOK, "nothing is stored about you")
	}
	b.do(http.MethodHead, "/", nil).wants(http.StatusOK, "")
	b.get("/nothing").wants(http.StatusNotFound, `id="problem"`)
	b.post("/login", "name", "anna", "password", "wrong").wants(http.StatusUnprocessableEntity, "login-error")
	b.post("/logout").wants(http.StatusOK, "You are logged out.")
	b.post("/logout-everywhere").wants(http.StatusOK, "not logged in any more")
	b.post("/sign-out", "device", "x").wants(http.StatusOK, "not logged in any more")
	b.post("/cart", "less", "loaf").wants(http.StatusOK, "nothing is stored about you")
	if n := keys(t, s); n != 0 || len(b.cookies()) > 0 {
		t.Errorf("%d entries, cookies %q", n, b.cookies())
	}
	if b.get("/").visits() != 0 {
		t.Error("who only looks was counted")
	}
}

func TestLogin(t *testing.T) {
	b := newBrowser(t, serve(t, store.NewMap(nil)))
	b.get("/?as=anna").wants(http.StatusOK, `value="quince-and-cloves"`)
	b.get("/?as=nobody")
	if strings.Contains(b.body, `value="`+"quince") {
		t.Error("somebody's password is filled in")
	}
	for name, password := range map[string]string{"anna": "three-salted-lemons", "nobody": "quince-and-cloves", "": "", "ANNA": "x"} {
		b.post("/login", "name", name, "password", password).wants(http.StatusUnprocessableEntity, `role="alert"`)
		if b.user() != "" || !strings.Contains(b.body, `name="name" value="`+name+`"`) {
			t.Errorf("%q: %s", name, b.body)
		}
	}
	b.post("/login", "name", " Anna ", "password", "quince-and-cloves").wants(http.StatusOK, "Good to see you, Anna.")
	if b.user() != "anna" || b.flash() != "Welcome, Anna Berg." {
		t.Errorf("user %q, flash %q", b.user(), b.flash())
	}
	if b.get("/").flash() != "" {
		t.Error("the flash message came twice")
	}
}

// TestRemember: the cookie lasts where that is wanted, and only there. What the page says of the session is so.
func TestRemember(t *testing.T) {
	server := serve(t, store.NewMap(nil))
	for remember, want := range map[string]struct{ maxAge, data, idle string }{"": {"", "no", "30 min"}, "yes": {"Max-Age=", "yes", "30 days"}} {
		b := newBrowser(t, server)
		follow := b.client.CheckRedirect
		b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		b.post("/login", "name", "ben", "password", "three-salted-lemons", "remember", remember)
		cookie := b.header.Get("Set-Cookie")
		if !regexp.MustCompile("^larder-demo-[0-9a-f]{6}=").MatchString(cookie) || strings.Contains(cookie, "Max-Age=") != (want.maxAge != "") ||
			!strings.Contains(cookie, "; HttpOnly") || !strings.Contains(cookie, "; SameSite=Lax") {
			t.Errorf("remember %q: %s", remember, cookie)
		}
		b.client.CheckRedirect = follow
		b.get("/")
		if got := b.find(`data-remembered="(\w+)"`); got != want.data {
			t.Errorf("remembered: %s", got)
		}
		if got := b.find(`id="idle-left"[^>]*>([^<]*)<`); got != want.idle {
			t.Errorf("idle time: %s, want %s", got, want.idle)
		}
	}
}

// TestLogout: here, and the other browser stays.
func TestLogout(t *testing.T) {
	s := store.NewMap(nil)
	server := serve(t, s)
	here, there := newBrowser(t, server).login("anna"), newBrowser(t, server).login("anna")
	old := here.twin()
	here.post("/logout").wants(http.StatusOK, "You are logged out.")
	if here.user() != "" || len(here.cookies()) > 0 {
		t.Errorf("user %q, cookies %q", here.user(), here.cookies())
	}
	if old.get("/").user() != "" {
		t.Error("the old cookie still works")
	}
	if there.get("/").user() != "anna" {
		t.Error("the other browser is logged out, too")
	}
	// A form of a tab that has not heard of it.
	here.post("/logout-everywhere").wants(http.StatusOK, "not logged in any more")
	if there.get("/").user() != "anna" {
		t.Error("a tab that is logged out logged others out")
	}
}

func TestLogoutEverywhere(t *testing.T) {
	server := serve(t, store.NewMap(nil))
	here, there, other := newBrowser(t, server).login("anna"), newBrowser(t, server).login("anna", "remember", "yes"), newBrowser(t, server).login("ben")
	here.post("/logout-everywhere").wants(http.StatusOK, "logged out everywhere")
	if here.user() != "" || here.get("/").user() != "" || there.get("/").user() != "" || len(here.cookies()) > 0 {
		t.Error("somebody is still logged in")
	}
	if other.get("/").user() != "ben" {
		t.Error("somebody else is logged out")
	}
	here.login("anna")
}

// TestDevices: another one is signed out by the button beside it, and nobody else's.
func TestDevices(t *testing.T) {
	server := serve(t, store.NewMap(nil))
	laptop, phone, ben := newBrowser(t, server), newBrowser(t, server), newBrowser(t, server)
	laptop.agent, phone.agent = `"><script>alert(1)</script> Firefox/1.0 (X11; Linux`, "Mozilla/5.0 (iPhone) Version/18.0 Safari/604.1"
	ben.login("ben")
	laptop.login("anna")
	phone.login("anna")
	ids, labels, this := laptop.get("/").devices()
	if slices.Sort(labels); !slices.Equal(labels, []string{"Firefox on Linux", "Safari on iPhone"}) || !slices.Contains(ids, this) || strings.Contains(laptop.body, "<script") {
		t.Fatalf("%q, %q, %q", ids, labels, this)
	}
	_, _, phones := phone.get("/").devices()
	if phones == this || !slices.Contains(ids, phones) {
		t.Errorf("this is %q, and that is %q", this, phones)
	}
	ben.post("/sign-out", "device", phones)
	ben.post("/sign-out", "device", "nonsense")
	if phone.get("/").user() != "anna" {
		t.Fatal("Ben has signed Anna out")
	}
	laptop.post("/sign-out", "device", phones).wants(http.StatusOK, "Signed out.")
	if ids, _, _ := laptop.devices(); len(ids) != 1 || phone.get("/").user() != "" || laptop.get("/").user() != "anna" {
		t.Errorf("%q; phone: %q, laptop: %q", ids, phone.user(), laptop.user())
	}
	laptop.post("/sign-out", "device", this).wants(http.StatusOK, "You are logged out.")
	if laptop.user() != "" || len(laptop.cookies()) > 0 {
		t.Error("still logged in")
	}
}

// TestRestart: another program on the same files knows the browser.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	open := func() *diskstore.Store {
		s, err := diskstore.Open(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	first := serve(t, open())
	b := newBrowser(t, first).login("chiara")
	b.post("/cart", "add", "pears")
	visits := b.get("/").visits()
	first.Close()
	second := serve(t, open())
	b.url = second.URL // another port: browsers send cookies to all of a host
	if b.get("/"); b.user() != "chiara" || b.quantity("pears") != 1 || b.visits() != visits+1 {
		t.Errorf("user %q, %d pears, visit %d after %d", b.user(), b.quantity("pears"), b.visits(), visits)
	}
}
