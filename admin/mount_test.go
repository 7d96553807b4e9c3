package admin_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/larder-go/larder/admin"
	"github.com/larder-go/larder/store"
)

// TestMounts: wherever it is mounted, the page and all that it names are there, by the page's own relative addresses.
func TestMounts(t *testing.T) {
	s := store.NewMap(nil)
	fill(t, s, 60)
	h, err := admin.New(s, quiet(&admin.Options{AllowWrites: true}))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, pattern, strip, page string
	}{
		{"root", "/", "", "/"},
		{"stripped", "/admin/", "/admin", "/admin/"},
		{"stripped with the slash", "/admin/", "/admin/", "/admin/"},
		{"stripped, deep", "/a/b/admin/", "/a/b/admin", "/a/b/admin/"},
		{"as it stands", "/ops/admin/", "", "/ops/admin/"},
		{"stripped, below an address of ours", "/stat/", "/stat", "/stat/"},
		{"asked for without the slash", "/admin/", "/admin", "/admin"},
		{"in two patterns", "/admin", "/admin", "/admin"},
	} {
		t.Run(c.name, func(t *testing.T) {
			mux := http.NewServeMux()
			mux.Handle(c.pattern, http.StripPrefix(c.strip, h))
			if !strings.HasSuffix(c.pattern, "/") {
				mux.Handle(c.pattern+"/", http.StripPrefix(c.strip, h))
			}
			server := httptest.NewServer(mux)
			defer server.Close()
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			page, err := client.Get(server.URL + c.page + "?prefix=session:")
			if err != nil {
				t.Fatal(err)
			}
			defer page.Body.Close()
			var text strings.Builder
			if _, err := copyAll(&text, page); err != nil || page.StatusCode != 200 || !strings.Contains(text.String(), `id="entries">60<`) {
				t.Fatalf("%v, %d: %s", err, page.StatusCode, text.String())
			}
			if !strings.HasSuffix(page.Request.URL.Path, "/") || page.Request.URL.RawQuery != "prefix=session:" {
				t.Errorf("the page is at %s", page.Request.URL)
			}
			links := regexp.MustCompile(`(?:href|src)="([^"]*)"`).FindAllStringSubmatch(text.String(), -1)
			if len(links) != 4 { // icon, style, script, next page
				t.Errorf("%d links", len(links))
			}
			for _, where := range append([]string{"./stat", "./entries"}, flat(links)...) {
				if strings.HasPrefix(where, "/") || strings.Contains(where, "//") {
					t.Errorf("%q is not relative", where)
				}
				u, err := page.Request.URL.Parse(strings.ReplaceAll(where, "&amp;", "&"))
				if err != nil {
					t.Fatal(err)
				}
				r, err := client.Get(u.String())
				if err != nil {
					t.Fatal(err)
				}
				r.Body.Close()
				if r.StatusCode != 200 {
					t.Errorf("%s: %d", u, r.StatusCode)
				}
			}
		})
	}
}

func flat(matches [][]string) (all []string) {
	for _, m := range matches {
		all = append(all, m[1])
	}
	return all
}

// TestNoSuchAddress: what there is not is told as JSON, and no address leads elsewhere.
func TestNoSuchAddress(t *testing.T) {
	k := serve(t, store.NewMap(nil), &admin.Options{AllowWrites: true})
	for _, where := range []string{"nonsense", "stat/", "stat/x", "entries/", "a/b", "entries/a/b", "index.html", "admin.js/", ".."} {
		k.get(where).is(http.StatusNotFound, "not_found")
	}
	for where, method := range map[string]string{
		"stat": "POST", "": "POST", "events": "DELETE", "entries": "PUT", "cleanup": "GET", "signout": "GET", "entries/abc": "GET", "admin.js": "PATCH", "cleanup#": "OPTIONS",
	} {
		a := k.ask(method, where, "").is(http.StatusMethodNotAllowed, "method_not_allowed")
		if a.header.Get("Allow") == "" {
			t.Errorf("%s %s: no Allow", method, where)
		}
	}
	for _, where := range []string{"", "stat", "entries", "admin.css"} {
		if a := k.ask("HEAD", where, ""); a.status != 200 || a.body != "" {
			t.Errorf("HEAD %s: %d, %q", where, a.status, a.body)
		}
	}
	for target, want := range map[string]string{"//evil.example": "./evil.example/", "/a:b": "./a:b/", "/a%2Fb?x=//y": "./a%2Fb/?x=//y"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RequestURI, r.URL.Path = target, ""
		w := httptest.NewRecorder()
		k.h.ServeHTTP(w, r)
		if got := w.Header().Get("Location"); got != want || w.Code != http.StatusTemporaryRedirect {
			t.Errorf("%s: %d to %s", target, w.Code, got)
		}
	}
}
