package demo

import (
	"net/http"
	"strings"
	"testing"

	"github.com/larder-go/larder/store"
)

// TestEnded: who was signed out elsewhere is told so, once, whatever he does next.
func TestEnded(t *testing.T) {
	server := serve(t, store.NewMap(nil))
	here := newBrowser(t, server)
	signedOut := func() *browser {
		t.Helper()
		b := newBrowser(t, server).login("anna")
		b.post("/cart", "add", "loaf")
		here.login("anna").post("/logout-everywhere").wants(http.StatusOK, "logged out everywhere")
		if strings.Contains(here.body, over) {
			t.Error("it is said after a logout of one's own")
		}
		return b
	}
	silent := func(b *browser) {
		t.Helper()
		if b.get("/"); b.flash() != "" {
			t.Errorf("and then again: %s", b.flash())
		}
	}

	t.Run("look", func(t *testing.T) {
		b := signedOut()
		b.do(http.MethodHead, "/", nil)
		b.get("/").wants(http.StatusOK, over)
		if len(b.cookies()) > 0 || b.user() != "" {
			t.Errorf("user %q, cookies %q", b.user(), b.cookies())
		}
		silent(b)
	})
	t.Run("add", func(t *testing.T) {
		b := signedOut()
		b.post("/cart", "add", "trout").wants(http.StatusOK, over)
		if b.quantity("trout") != 1 || b.quantity("loaf") != 0 || !strings.Contains(b.body, "In your cart now: Smoked trout.") {
			t.Errorf("%d trouts, %d loaves", b.quantity("trout"), b.quantity("loaf"))
		}
		silent(b)
	})
	for path, form := range map[string][]string{
		"/cart": {"remove", "loaf"}, "/sign-out": {"device", "x"}, "/logout-everywhere": nil,
		"/login": {"name", "anna", "password", "wrong"},
	} {
		t.Run(path[1:], func(t *testing.T) {
			b := signedOut()
			b.post(path, form...)
			if strings.Count(b.body, over) != 1 || strings.Contains(b.body, "not logged in any more") || len(b.cookies()) > 0 {
				t.Errorf("%d, cookies %q, %s", b.status, b.cookies(), b.body)
			}
			silent(b)
		})
	}
	t.Run("login", func(t *testing.T) {
		b := signedOut().login("ben")
		if !strings.Contains(b.body, over) || !strings.Contains(b.body, "Welcome, Ben Okafor.") || b.quantity("loaf") != 0 {
			t.Error(b.body)
		}
		silent(b)
	})
	t.Run("logout", func(t *testing.T) {
		b := signedOut()
		b.post("/logout").wants(http.StatusOK, "You are logged out.")
		if strings.Contains(b.body, over) {
			t.Error("who logs out is told that he was")
		}
	})
}

// TestTwoDemos: a browser sends the cookies of both to each, for it knows them by the host, and each finds its own.
func TestTwoDemos(t *testing.T) {
	first, s := serve(t, store.NewMap(nil)), store.NewMap(nil)
	second := serve(t, s)
	b := newBrowser(t, first).login("anna")
	b.url = second.URL
	b.login("ben").post("/cart", "add", "eggs")
	if b.url = first.URL; b.get("/").user() != "anna" || b.quantity("eggs") != 0 || len(b.cookies()) != 2 {
		t.Errorf("user %q, %d eggs, cookies %q", b.user(), b.quantity("eggs"), b.cookies())
	}
	b.post("/logout")
	for _, again := range []string{second.URL, serve(t, s).URL} { // also where it is started again
		if b.url = again; b.get("/").user() != "ben" {
			t.Errorf("user %q", b.user())
		}
	}
}
