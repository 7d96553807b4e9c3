package larder_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
)

// text reads a response.
func text(t *testing.T, resp *http.Response) string {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// guide is a server of the guide's handlers, and its browsers.
type guide struct {
	t    *testing.T
	shop *shop
	http *httptest.Server
}

func newGuide(t *testing.T, o *session.Options) *guide {
	t.Helper()
	m, err := session.New(store.NewMap(nil), o)
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{sessions: m, users: map[string]string{"alice": "secret", "bob": "secret"}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("POST /login", s.login)
	mux.HandleFunc("POST /logout", s.logout)
	mux.HandleFunc("POST /everywhere", s.logoutEverywhere)
	mux.HandleFunc("GET /login", loginPage)
	mux.Handle("POST /signout", membersOnly(http.HandlerFunc(s.signOut)))
	mux.HandleFunc("POST /password", func(w http.ResponseWriter, r *http.Request) {
		if err := s.passwordChanged(r); err != nil {
			session.ErrorHandler(w, r, err)
		}
	})
	mux.Handle("GET /devices", membersOnly(http.HandlerFunc(s.devices)))
	mux.Handle("GET /members", membersOnly(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "Hello "+session.From(r.Context()).Subject())
	})))
	mux.HandleFunc("GET /stream", stream)
	mux.HandleFunc("GET /seen", func(w http.ResponseWriter, r *http.Request) {
		if n, ok := session.Get[int](session.From(r.Context()), "seen"); ok {
			io.WriteString(w, strings.Repeat("*", n+1))
		}
	})
	mux.HandleFunc("GET /cart", func(w http.ResponseWriter, r *http.Request) {
		session.From(r.Context()).Set("cart", cart{"bread": 1})
	})
	mux.HandleFunc("GET /pay", s.pay)
	g := &guide{t: t, shop: s, http: httptest.NewTLSServer(m.Handler(mux))}
	t.Cleanup(g.http.Close)
	return g
}

// visitor is a browser: it posts what it is given, else gets, and wants that page or status.
func (g *guide) visitor() func(path, form, want string) string {
	jar, err := cookiejar.New(nil)
	if err != nil {
		g.t.Fatal(err)
	}
	client := *g.http.Client()
	client.Jar = jar
	client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == "/login" {
			return http.ErrUseLastResponse
		}
		return nil
	}
	return func(path, form, want string) string {
		g.t.Helper()
		r, err := http.NewRequest("GET", g.http.URL+path, nil)
		if form != "" {
			r, err = http.NewRequest("POST", g.http.URL+path, strings.NewReader(form))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		if err != nil {
			g.t.Fatal(err)
		}
		resp, err := client.Do(r)
		if err != nil {
			g.t.Fatal(err)
		}
		got := resp.Status + " " + resp.Header.Get("Location") + " " + text(g.t, resp)
		if !strings.Contains(got, want) {
			g.t.Errorf("%s: %q, want %q in it", path, got, want)
		}
		return got
	}
}

const (
	asAlice   = "name=alice&password=secret"
	goToLogin = "303 See Other /login"
)

// TestGuideLogin does what the guide says of login, logout and devices.
func TestGuideLogin(t *testing.T) {
	g := newGuide(t, &session.Options{Devices: true})
	one, other := g.visitor(), g.visitor()
	one("/members", "", goToLogin)
	one("/login", "name=alice&password=wrong", "422")
	one("/members", "", goToLogin)
	one("/login", asAlice, "Welcome back.")
	if page := one("/", "", "200"); strings.Contains(page, "Welcome") {
		t.Errorf("the flash message comes twice: %q", page)
	}
	other("/login", asAlice+"&remember=yes", "Welcome back.")
	one("/members", "", "Hello alice")
	list := one("/devices", "", "here: true")
	if strings.Count(list, "here: ") != 2 || strings.Count(list, "here: true") != 1 {
		t.Errorf("the devices are %q", list)
	}
	bob := g.visitor()
	bob("/login", "name=bob&password=secret", "Welcome back.")
	device := regexp.MustCompile(`(\S{16}) ".*here: false`).FindStringSubmatch(list)
	bob("/signout", "device="+device[1], "200")
	g.visitor()("/signout", "device="+device[1], goToLogin)
	other("/members", "", "Hello alice")
	one("/signout", "device="+device[1], "200")
	other("/members", "", goToLogin)
	other("/login", asAlice, "Welcome back.")
	one("/password", "new=secret2", "200")
	one("/members", "", "Hello alice")
	other("/members", "", goToLogin)
	other("/login", asAlice, "Welcome back.")
	other("/logout", "x=1", "200")
	other("/members", "", goToLogin)
	other("/login", asAlice, "Welcome back.")
	one("/everywhere", "x=1", "200")
	one("/everywhere", "x=1", "200") // a second click
	one("/members", "", goToLogin)
	one("/password", "new=secret3", "500")
	other("/members", "", goToLogin)
	other("/login", "", "Your session is over.")
	if page := one("/login", "", "form"); strings.Contains(page, "over") {
		t.Errorf("who has logged out himself is told that his session is over: %q", page)
	}
	bob("/members", "", "Hello bob")
}

// TestGuideStream does what the guide says of streams, and of saving before something that cannot be taken back.
func TestGuideStream(t *testing.T) {
	g := newGuide(t, nil)
	browser := g.visitor()
	browser("/seen", "", "200")
	browser("/stream", "", "data: 2")
	browser("/seen", "", "***")
	browser("/cart", "", "200")
	browser("/pay", "", "Thank you.")
}

// TestGuideOutage: who is logged in is told of an outage, and not asked to log in, with either policy.
func TestGuideOutage(t *testing.T) {
	healthy := store.NewMap(nil)
	o := &session.Options{Keys: [][]byte{[]byte("a key of thirty-two bytes or more")}, Logger: slog.New(slog.DiscardHandler)}
	m, err := session.New(healthy, o)
	if err != nil {
		t.Fatal(err)
	}
	cookie := loggedIn(m, "alice")
	for _, policy := range []session.Outage{session.Refuse, session.Anonymous} {
		o.Outage = policy
		m, err := session.New(down{healthy}, o)
		if err != nil {
			t.Fatal(err)
		}
		for name, h := range map[string]http.Handler{
			"members": membersOnly(http.NotFoundHandler()), "visits": http.HandlerFunc(countVisits), "pay": http.HandlerFunc(new(shop).pay),
			"login": http.HandlerFunc((&shop{users: map[string]string{"": ""}}).login), "logout": http.HandlerFunc(new(shop).logout),
			"everywhere": http.HandlerFunc((&shop{sessions: m}).logoutEverywhere),
			"password": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if err := (&shop{sessions: m}).passwordChanged(r); err != nil {
					session.ErrorHandler(w, r, err)
				}
			}),
		} {
			w, r := httptest.NewRecorder(), httptest.NewRequest("POST", "https://example.com/", nil)
			r.AddCookie(cookie)
			m.Handler(h).ServeHTTP(w, r)
			if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || len(w.Result().Cookies()) > 0 {
				t.Errorf("%s with policy %d: %d %v", name, policy, w.Code, w.Header())
			}
		}
	}
}

// TestGuideMerge: two requests that change the guide's fields at once.
func TestGuideMerge(t *testing.T) {
	o := merging()
	v := newSite(t, o)
	v.visit(func(s *session.Session) { s.Set("visits", 1); s.Set("cart", cart{"bread": 2, "salt": 1}) })
	v.visit(func(s *session.Session) {
		session.Get[int](s, "visits") // has been loaded before the other one begins
		v.visit(func(s *session.Session) { s.Set("visits", 3); s.Set("cart", cart{"bread": 2, "milk": 1}) })
		s.Set("visits", 2)
		s.Set("cart", cart{"bread": 5, "salt": 1})
	})
	v.visit(func(s *session.Session) {
		visits, _ := session.Get[int](s, "visits")
		c, _ := session.Get[cart](s, "cart")
		if visits != 4 || len(c) != 2 || c["bread"] != 5 || c["milk"] != 1 {
			t.Errorf("merged to %d and %v", visits, c)
		}
	})
}

// TestGuideRenew renews as docs/timeouts.md does.
func TestGuideRenew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newSite(t, nil)
		page := func() {
			v.visit(func(s *session.Session) {
				r := httptest.NewRequest("GET", "https://example.com/", nil)
				h := renewEvery(time.Hour, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
				h.ServeHTTP(httptest.NewRecorder(), r.WithContext(v.ctx))
			})
		}
		v.visit(func(s *session.Session) { s.SetSubject("alice") })
		last := v.cookie
		for _, c := range []struct {
			wait  time.Duration
			renew bool
		}{{0, true}, {time.Minute, false}, {time.Minute, false}, {time.Hour, true}, {time.Minute, false}} {
			time.Sleep(c.wait)
			page()
			if (v.cookie != last) != c.renew {
				t.Errorf("after %v more, renewed: %t", c.wait, !c.renew)
			}
			last = v.cookie
		}
	})
}

// TestGuideKeys: nobody is logged out by a rotation, nor by the change from the key in the store.
func TestGuideKeys(t *testing.T) {
	s := store.NewMap(nil)
	m, err := session.New(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	oldKey, err := keptKey(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("SESSION_KEY", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
	newKey, err := key()
	if err != nil {
		t.Fatal(err)
	}
	cookie := loggedIn(m, "alice")
	for i, o := range rotation(oldKey, newKey) {
		if m, err = session.New(s, o); err != nil {
			t.Fatal(err)
		}
		r, w := httptest.NewRequest("GET", "https://example.com/", nil), httptest.NewRecorder()
		r.AddCookie(cookie)
		m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if session.From(r.Context()).Subject() != "alice" {
				t.Errorf("step %d has logged alice out", i+1)
			}
		})).ServeHTTP(w, r)
		if sent := w.Result().Cookies(); len(sent) > 0 {
			cookie = sent[0]
		}
	}
}

// TestGuideKeyLost: a program that is running puts the key back that the store has lost.
func TestGuideKeyLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newSite(t, nil)
		was, err := keptKey(t.Context(), v.s.Store)
		if err != nil {
			t.Fatal(err)
		}
		v.visit(func(s *session.Session) { s.Set("x", 1) })
		if err := v.s.Store.Delete(t.Context(), "session:key"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		for range 2 {
			v.visit(func(s *session.Session) {
				if !s.Has("x") {
					t.Error("who was there is not known any more")
				}
			})
		}
		if is, err := keptKey(t.Context(), v.s.Store); err != nil || !bytes.Equal(is, was) {
			t.Errorf("the key is not back: %v", err)
		}
	})
}

// TestGuideCookies: the names that browsers see.
func TestGuideCookies(t *testing.T) {
	rows := cells(t, "docs/sessions.md", "| option | browsers see | for |")
	for option, c := range map[string]session.Cookie{
		"nothing":                       {},
		`Cookie{Domain: "example.com"}`: {Domain: "example.com"},
		`Cookie{Path: "/app"}`:          {Path: "/app"},
		"Cookie{SameSite: http.SameSiteNoneMode, Partitioned: true}": {SameSite: http.SameSiteNoneMode, Partitioned: true},
		"Cookie{Insecure: true}":                                     {Insecure: true},
	} {
		m, err := session.New(store.NewMap(nil), &session.Options{Cookie: c, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		if row, got := rows[option], loggedIn(m, "alice").Name; row == nil || row[0] != got {
			t.Errorf("%s: browsers see %s, the guide says %q", option, got, row)
		}
	}
}

// TestGuideHeader: a manager of cookies and one of a header on one store have nothing in common but the user.
func TestGuideHeader(t *testing.T) {
	s := store.NewMap(nil)
	for _, o := range []session.Options{{Header: "Content-Type"}, {Header: "Session-Token", Cookie: session.Cookie{Name: "id"}}} {
		if _, err := session.New(s, &o); err == nil {
			t.Errorf("New takes the header %s with the cookie %q", o.Header, o.Cookie.Name)
		}
	}
	cookies, err := session.New(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := session.New(s, &session.Options{Header: "Authorization"})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	tokens.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		session.From(r.Context()).SetSubject("alice")
	})).ServeHTTP(w, httptest.NewRequest("POST", "https://example.com/login", nil))
	token, cookie := w.Header().Get("Session-Token"), loggedIn(cookies, "alice")
	who := func(m *session.Manager, name, value, want string) {
		t.Helper()
		r := httptest.NewRequest("GET", "https://example.com/", nil)
		r.Header.Set(name, value)
		m.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if got := session.From(r.Context()).Subject(); got != want {
				t.Errorf("with %s: %q, want %q", name, got, want)
			}
		})).ServeHTTP(httptest.NewRecorder(), r)
	}
	who(tokens, "Authorization", "Bearer "+token, "alice")
	who(cookies, "Cookie", cookie.Name+"="+cookie.Value, "alice")
	who(tokens, "Authorization", "Bearer "+cookie.Value, "")
	who(cookies, "Cookie", cookie.Name+"="+token, "")
	if err := cookies.RevokeAll(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	who(tokens, "Authorization", "Bearer "+token, "")
	who(cookies, "Cookie", cookie.Name+"="+cookie.Value, "")
}
