package admin_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/larder-go/larder/admin"
	"github.com/larder-go/larder/store"
)

// TestReadOnly: who has not allowed writes gets none, whatever is asked.
func TestReadOnly(t *testing.T) {
	m := store.NewMap(nil)
	fill(t, m, 3)
	signedOut := false
	k := serve(t, m, &admin.Options{SignOut: func(context.Context, string) error { signedOut = true; return nil }, LeastIdle: -1})
	id := into[entries](k.get("entries")).Entries[0].ID
	k.ask("DELETE", "entries/"+id, "").is(http.StatusForbidden, "read_only")
	k.ask("POST", "cleanup", `{"idle":0.000000001}`).is(http.StatusForbidden, "read_only")
	k.ask("POST", "cleanup", `{"dry_run":true}`).is(http.StatusForbidden, "read_only")
	k.ask("POST", "signout", `{"subject":"anna"}`).is(http.StatusForbidden, "read_only")
	s := into[stat](k.get("stat"))
	if *s.Entries != 3 || signedOut || s.Writes || s.SignOut {
		t.Errorf("%+v", s)
	}
	if page := k.get("").body; strings.Contains(page, `id="sweep"`) || strings.Contains(page, `id="signout"`) || strings.Contains(page, "<button class=\"remove") || !strings.Contains(page, "read-only") {
		t.Error("the page offers what it refuses")
	}
}

// TestOtherSites: what a browser sends for another site does nothing, be it with or without JSON.
func TestOtherSites(t *testing.T) {
	m := store.NewMap(nil)
	fill(t, m, 1)
	k := serve(t, m, &admin.Options{AllowWrites: true, SignOut: func(context.Context, string) error { t.Error("signed out"); return nil }})
	id := into[entries](k.get("entries")).Entries[0].ID
	for _, headers := range [][]string{
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"},
	} {
		k.ask("DELETE", "entries/"+id, "", headers...).is(http.StatusForbidden, "cross_origin")
		k.ask("POST", "cleanup", "", headers...).is(http.StatusForbidden, "cross_origin")
		k.ask("POST", "signout", `{"subject":"a"}`, headers...).is(http.StatusForbidden, "cross_origin")
	}
	if s := into[stat](k.get("stat")); *s.Entries != 1 {
		t.Error("an entry is gone")
	}
	k.ask("POST", "cleanup", "", "Sec-Fetch-Site", "same-origin").is(http.StatusOK, "")
	// What a form can send without asking first, from wherever: it is no JSON.
	k.ask("POST", "signout", `{"subject":"a"}`, "Content-Type", "text/plain").is(http.StatusUnsupportedMediaType, "bad_request")
	k.ask("POST", "signout", `subject=a`, "Content-Type", "application/x-www-form-urlencoded").is(http.StatusUnsupportedMediaType, "bad_request")
}

// TestHosts: a name that a web page lets point to this machine is refused, on a loopback address.
func TestHosts(t *testing.T) {
	k := serve(t, store.NewMap(nil), &admin.Options{Hosts: []string{"Admin.example"}})
	for host, status := range map[string]int{
		"localhost": 200, "localhost:8080": 200, "LOCALHOST.": 200, "shop.localhost:1": 200, "127.0.0.1": 200, "127.0.0.1:99": 200, "[::1]:80": 200, "[::1]": 200, "192.0.2.1": 200,
		"admin.example:443": 200, "ADMIN.EXAMPLE": 200,
		"evil.example": 403, "evil.example:8080": 403, "localhost.evil.example": 403, "127.0.0.1.evil.example": 403, "xlocalhost": 403, "sub.admin.example": 403,
	} {
		for _, where := range []string{"", "stat", "events?", "admin.js"} {
			if status == 200 && strings.HasPrefix(where, "events") {
				continue
			}
			if a := k.ask("GET", where, "", "Host", host); a.status != status {
				t.Errorf("%s of %s: %d, want %d", where, host, a.status, status)
			} else if status == 403 {
				a.is(403, "host")
			}
		}
	}
	any := serve(t, store.NewMap(nil), &admin.Options{Hosts: []string{"*"}})
	any.ask("GET", "stat", "", "Host", "evil.example").is(200, "")
	// Elsewhere any name will do: there it is for the program to know who asks.
	w := httptest.NewRecorder()
	k.h.ServeHTTP(w, httptest.NewRequest("GET", "http://admin.corp.example/stat", nil))
	if w.Code != 200 {
		t.Errorf("not on loopback: %d", w.Code)
	}
}

// TestHeaders: every answer, also of an error, says what the browser is to refuse.
func TestHeaders(t *testing.T) {
	k := serve(t, store.NewMap(nil), &admin.Options{})
	for _, where := range []string{"", "stat", "entries", "admin.css", "admin.js", "admin.svg", "nonsense", "entries?limit=0", "?prefix=toolong"} {
		h := k.get(where).header
		policy := h.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "require-trusted-types-for 'script'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: the policy lacks %s: %s", where, want, policy)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "data:") || strings.Contains(policy, "*") {
			t.Errorf("%s: %s", where, policy)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cache-Control": "no-store", "Cross-Origin-Opener-Policy": "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin", "Larder-Admin": "1",
		} {
			if h.Get(name) != want {
				t.Errorf("%s: %s is %q", where, name, h.Get(name))
			}
		}
		if h.Get("Content-Type") == "" || h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %v", where, h)
		}
	}
}

// TestBodies: what is not one small object of JSON with known fields is refused.
func TestBodies(t *testing.T) {
	k := serve(t, store.NewMap(nil), &admin.Options{AllowWrites: true, LeastIdle: -1, SignOut: func(context.Context, string) error { t.Error("signed out"); return nil }})
	for _, body := range []string{
		`{`, `[]`, `"x"`, `{"idel":1}`, `{"idle":"1h"}`, `{"idle":-1}`, `{"idle":1e300}`, `{"limit":-1}`, `{"batch":-1}`, `{"pause":-1}`, `{"max_time":-0.1}`,
		`{"max_time":1,"pause":1}`, `{} {}`, `{}x`, `{"prefix":"a"}`, `{"limit":1.5}`, `{"idle":NaN}`,
	} {
		k.ask("POST", "cleanup", body).is(http.StatusBadRequest, "bad_request")
	}
	for _, body := range []string{"", "{}", `{"subject":""}`, `{"subject":1}`, `{"Subject2":"a"}`} {
		k.ask("POST", "signout", body).is(http.StatusBadRequest, "bad_request")
	}
	k.ask("POST", "signout", `{"subject":"`+strings.Repeat("a", 9000)+`"}`).is(http.StatusRequestEntityTooLarge, "too_large")
	k.ask("POST", "cleanup", `{"idle":1,"max_time":3,"pause":0.001,"limit":5,"batch":2,"dry_run":true}`).is(http.StatusOK, "")
}

func TestNoSignOut(t *testing.T) {
	k := serve(t, store.NewMap(nil), &admin.Options{AllowWrites: true})
	k.ask("POST", "signout", `{"subject":"a"}`).is(http.StatusNotImplemented, "unsupported")
	if strings.Contains(k.get("").body, `id="signout"`) || into[stat](k.get("stat")).SignOut {
		t.Error("the page offers what there is not")
	}
}
