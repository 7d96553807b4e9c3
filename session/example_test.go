package session_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"

	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
)

// newBrowser returns a client that keeps cookies, as a browser does, and a function that asks for a page with it.
func newBrowser(srv *httptest.Server, agent string) (show func(path string)) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	client := &http.Client{Transport: srv.Client().Transport, Jar: jar}
	return func(path string) {
		r, err := http.NewRequest("GET", srv.URL+path, nil)
		if err != nil {
			log.Fatal(err)
		}
		r.Header.Set("User-Agent", agent)
		resp, err := client.Do(r)
		if err != nil {
			log.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(strings.TrimSpace(fmt.Sprintf("%d %s", resp.StatusCode, body)))
	}
}

// A counter of one's own visits. In a program, larder.Open opens the store, by URL.
func Example() {
	m, err := session.New(store.NewMap(nil), &session.Options{
		Merge: map[string]session.Merger{"visits": session.Sum[int]()}, // two requests at once are two visits
	})
	if err != nil {
		log.Fatal(err)
	}
	count := func(w http.ResponseWriter, r *http.Request) {
		sess := session.From(r.Context())
		visits, _ := session.Get[int](sess, "visits")
		sess.Set("visits", visits+1)
		fmt.Fprintf(w, "visit %d", visits+1)
	}
	srv := httptest.NewTLSServer(m.Handler(http.HandlerFunc(count)))
	defer srv.Close()

	ann, bob := newBrowser(srv, "ann's"), newBrowser(srv, "bob's")
	ann("/")
	ann("/")
	bob("/")
	// Output:
	// 200 visit 1
	// 200 visit 2
	// 200 visit 1
}

// Who logs in keeps what he had put into his cart before; who logs out leaves nothing behind.
func ExampleSession_SetSubject() {
	m, err := session.New(store.NewMap(nil), nil)
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		sess := session.From(r.Context())
		cart, _ := session.Get[[]string](sess, "cart")
		fmt.Fprintf(w, "%q has %q in the cart %q", sess.Subject(), cart, sess.Flashes())
	})
	mux.HandleFunc("/add", func(w http.ResponseWriter, r *http.Request) {
		sess := session.From(r.Context())
		cart, _ := session.Get[[]string](sess, "cart")
		if err := sess.Set("cart", append(cart, r.FormValue("item"))); err != nil {
			return // Options.Error answers
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) { // by POST, and with a password, in real life
		sess := session.From(r.Context())
		if err := sess.SetSubject(r.FormValue("name")); err != nil {
			return
		}
		sess.Flash("Welcome!")
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	mux.HandleFunc("/logout", func(w http.ResponseWriter, r *http.Request) {
		if err := session.From(r.Context()).Destroy(); err != nil {
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	srv := httptest.NewTLSServer(m.Handler(mux))
	defer srv.Close()

	show := newBrowser(srv, "Lynx")
	show("/add?item=tea")
	show("/login?name=ann")
	show("/")
	show("/logout")
	// Output:
	// 200 "" has ["tea"] in the cart []
	// 200 "ann" has ["tea"] in the cart ["Welcome!"]
	// 200 "ann" has ["tea"] in the cart []
	// 200 "" has [] in the cart []
}

// Two tabs put something into one cart at the same moment: both things are in it.
func ExampleMergeFunc() {
	type cart map[string]int // number of each
	both := func(base, mine, theirs cart) (cart, error) {
		sum := cart{}
		for _, item := range slices.Concat(slices.Collect(maps.Keys(mine)), slices.Collect(maps.Keys(theirs))) {
			if n := theirs[item] + mine[item] - base[item]; n > 0 {
				sum[item] = n
			}
		}
		return sum, nil
	}
	m, err := session.New(store.NewMap(nil), &session.Options{
		Merge: map[string]session.Merger{"cart": session.MergeFunc(both), "clicks": session.Sum[int]()},
	})
	if err != nil {
		log.Fatal(err)
	}
	var show func(path string)
	add := func(w http.ResponseWriter, r *http.Request) {
		sess := session.From(r.Context())
		if sess.Info().New {
			sess.Set("clicks", 0)
			return
		}
		mine, _ := session.Get[cart](sess, "cart")
		clicks, _ := session.Get[int](sess, "clicks")
		if r.FormValue("item") == "tea" {
			show("/?item=milk") // the other tab, while this one is not done
		}
		if mine == nil {
			mine = cart{}
		}
		mine[r.FormValue("item")]++
		sess.Set("cart", mine)
		sess.Set("clicks", clicks+1)
		sess.Reload() // saves, and then sees what the other tab has set
		mine, _ = session.Get[cart](sess, "cart")
		clicks, _ = session.Get[int](sess, "clicks")
		fmt.Fprintf(w, "%v after %d clicks", mine, clicks)
	}
	srv := httptest.NewTLSServer(m.Handler(http.HandlerFunc(add)))
	defer srv.Close()

	show = newBrowser(srv, "Lynx")
	show("/")
	show("/?item=tea")
	// Output:
	// 200
	// 200 map[milk:1] after 1 clicks
	// 200 map[milk:1 tea:1] after 2 clicks
}

// A page of one's own devices, with a sign-out for each.
func ExampleManager_Sessions() {
	m, err := session.New(store.NewMap(nil), &session.Options{Devices: true})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		session.From(r.Context()).SetSubject("ann")
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "this is %q", session.From(r.Context()).Subject())
	})
	srv := httptest.NewTLSServer(m.Handler(mux))
	defer srv.Close()

	phone, laptop := newBrowser(srv, "phone"), newBrowser(srv, "laptop")
	phone("/login")
	laptop("/login")
	phone("/")

	ctx := context.Background()
	devices, err := m.Sessions(ctx, "ann")
	if err != nil {
		log.Fatal(err)
	}
	slices.SortFunc(devices, func(a, b session.Device) int { return strings.Compare(a.Label, b.Label) })
	for _, d := range devices {
		fmt.Println(d.Label)
	}
	if err := m.Revoke(ctx, "ann", devices[1].ID); err != nil {
		log.Fatal(err)
	}
	phone("/")
	laptop("/")
	// Output:
	// 200
	// 200
	// 200 this is "ann"
	// laptop
	// phone
	// 200 this is ""
	// 200 this is "ann"
}

// Clients that are no browsers carry the token in a header.
func ExampleOptions_header() {
	m, err := session.New(store.NewMap(nil), &session.Options{Header: "Authorization"})
	if err != nil {
		log.Fatal(err)
	}
	h := m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sess := session.From(r.Context())
		if name := r.FormValue("name"); name != "" {
			sess.SetSubject(name)
		}
		fmt.Fprintf(w, "hello %q", sess.Subject())
	}))

	login := httptest.NewRecorder()
	h.ServeHTTP(login, httptest.NewRequest("POST", "/?"+url.Values{"name": {"ann"}}.Encode(), nil))
	token := login.Header().Get("Session-Token")

	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(w.Body)
	// Output: hello "ann"
}
