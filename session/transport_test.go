package session

import (
	"net/http"
	"strings"
	"testing"
)

// TestHeader: the token in a header in place of a cookie.
func TestHeader(t *testing.T) {
	for _, c := range []struct{ option, request, value, response string }{
		{"Session-Token", "Session-Token", "%", "Session-Token"},
		{"session-token", "Session-Token", "%", "Session-Token"},
		{"Session-Token", "Session-Token", "Bearer %", "Session-Token"},
		{"Authorization", "Authorization", "Bearer %", "Session-Token"},
		{"authorization", "Authorization", "bearer %", "Session-Token"},
	} {
		l := newLedger()
		site := newSite(t, l, Options{Header: c.option})
		b := site.browser()
		b.set(t, "name", "Ann")
		token := b.last.Header.Get(c.response)
		same(t, "length of the token", len(token), tokenSize)
		same(t, "cookies", len(b.last.Cookies()), 0)
		same(t, "Vary", b.last.Header.Get("Vary"), c.request)
		same(t, "Cache-Control", b.last.Header.Get("Cache-Control"), "no-store")

		b.header.Set(c.request, strings.Replace(c.value, "%", token, 1))
		same(t, "name", b.get("name"), "Ann")
		same(t, "token of a request that reads", b.last.Header.Get(c.response), "")
		b.login(t, "ann")
		next := b.last.Header.Get(c.response)
		must(t, len(next) == tokenSize && next != token, "after a login the token is %q", next)
		b.header.Set(c.request, strings.Replace(c.value, "%", next, 1))
		b.do(func(s *Session) { ok(t, s.Destroy()) })
		_, there := b.last.Header[c.response]
		must(t, there && b.last.Header.Get(c.response) == "", "after Destroy the header is %q", b.last.Header[c.response])
		same(t, "name", b.get("name"), "")

		l.took()
		for _, value := range []string{"", "Bearer ", "Bearer", "Basic dXNlcjpwYXNz", "Bearer Bearer " + next, "Bearer  " + next} {
			b.header.Set(c.request, value)
			same(t, "status", b.do(func(s *Session) { s.Keys() }), http.StatusOK)
		}
		b.header.Del(c.request)
		b.jar["__Host-session"] = next // cookies mean nothing here
		same(t, "name", b.get("name"), "")
		same(t, "store calls", len(l.took()), 0)
	}
}

// TestCookieFields: what each field of Cookie does to the cookie.
func TestCookieFields(t *testing.T) {
	token := strings.Repeat("T", 4)
	for want, c := range map[string]Cookie{
		"__Host-session=TTTT; Path=/; HttpOnly; Secure; SameSite=Lax":                       {},
		"__Host-id=TTTT; Path=/; HttpOnly; Secure; SameSite=Lax":                            {Name: "id"},
		"__Secure-session=TTTT; Path=/; Domain=example.org; HttpOnly; Secure; SameSite=Lax": {Domain: "example.org"},
		"__Secure-session=TTTT; Path=/shop; HttpOnly; Secure; SameSite=Lax":                 {Path: "/shop"},
		"__Host-session=TTTT; Path=/; HttpOnly; Secure; SameSite=Strict":                    {SameSite: http.SameSiteStrictMode},
		"__Host-session=TTTT; Path=/; HttpOnly; Secure; SameSite=None; Partitioned":         {SameSite: http.SameSiteNoneMode, Partitioned: true},
		"__Host-session=TTTT; Path=/; Secure; SameSite=Lax":                                 {Readable: true},
		"session=TTTT; Path=/; HttpOnly; SameSite=Lax":                                      {Insecure: true},
		"id=TTTT; Path=/x; Domain=example.org; SameSite=Strict":                             {Insecure: true, Name: "id", Path: "/x", Domain: "example.org", Readable: true, SameSite: http.SameSiteStrictMode},
	} {
		o, err := (&Options{Cookie: c}).withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		wire := newTransport(&o)
		h := http.Header{"Set-Cookie": {"other=1", wire.name + "=old", wire.name + "x=1"}}
		none := http.Header{}
		wire.set(none, wire.cookie.template(token, 0))
		same(t, "cookie", none.Get("Set-Cookie"), want)
		wire.drop(h)
		same(t, "cookies", len(h["Set-Cookie"]), 3)
		gone, _, _ := strings.Cut(want, "=")
		must(t, strings.HasPrefix(h["Set-Cookie"][2], gone+"=; ") && strings.Contains(h["Set-Cookie"][2], "Max-Age=0"), "the cookie goes by %q", h["Set-Cookie"][2])
	}
}

// TestCaches: whoever asks for a session is told apart by caches; whoever does not is not.
func TestCaches(t *testing.T) {
	b := newSite(t, newLedger(), Options{}).browser()
	b.do(func(*Session) {})
	same(t, "headers of a page without a session", len(b.last.Header["Vary"])+len(b.last.Header["Cache-Control"]), 0)
	b.do(func(s *Session) { s.Keys() })
	same(t, "Vary", b.last.Header.Get("Vary"), "Cookie")
	same(t, "Cache-Control", b.last.Header.Get("Cache-Control"), "no-store")
	for _, c := range []struct{ vary, control, wantVary, wantControl string }{
		{"Accept", "private, max-age=60", "Accept Cookie", "private, max-age=60"},
		{"accept, cookie", "", "accept, cookie", "no-store"},
		{"*", "", "*", "no-store"},
	} {
		b.serve(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Vary", c.vary)
			if c.control != "" {
				w.Header().Set("Cache-Control", c.control)
			}
			From(r.Context()).Keys()
		})
		same(t, "Vary", strings.Join(b.last.Header["Vary"], " "), c.wantVary)
		same(t, "Cache-Control", b.last.Header.Get("Cache-Control"), c.wantControl)
	}
	b.serve(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=3600")
		ok(t, From(r.Context()).Set("x", 1))
	})
	same(t, "Cache-Control beside a cookie", b.last.Header.Get("Cache-Control"), "no-store")
}
