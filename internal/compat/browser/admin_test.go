package browser

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larder-go/larder/admin"
	"github.com/larder-go/larder/cleanup"
	"github.com/larder-go/larder/store"
)

// adminSite is a program whose store one can look into, below a path.
type adminSite struct {
	store store.Store // as the program uses it: observed
	under *store.Map
	h     *admin.Handler
	url   string

	server *httptest.Server

	mu  sync.Mutex
	out []string // who was signed out
}

func newAdminSite(t *testing.T, o admin.Options) *adminSite {
	t.Helper()
	d := &adminSite{under: store.NewMap(&store.MapOptions{Expiry: store.Expiry{Timeout: 60 * 24 * time.Hour, TouchAfter: time.Minute}})}
	if o.SignOut == nil {
		o.SignOut = func(_ context.Context, subject string) error {
			if subject == "nobody" {
				return errors.New("there is no such user")
			}
			d.mu.Lock()
			defer d.mu.Unlock()
			d.out = append(d.out, subject)
			return nil
		}
	}
	o.Logger = slog.New(slog.DiscardHandler)
	h, err := admin.New(d.under, &o)
	if err != nil {
		t.Fatal(err)
	}
	d.h, d.store = h, store.Observe(d.under, h)
	mux := http.NewServeMux()
	mux.Handle("/ops/larder/", http.StripPrefix("/ops/larder", h))
	server := httptest.NewServer(mux)
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	d.server, d.url = server, server.URL+"/ops/larder"
	return d
}

// put puts an entry that was used so long ago.
func (d *adminSite) put(t *testing.T, key string, size int, idle time.Duration) {
	t.Helper()
	item := &store.Item{Value: make([]byte, size), Atime: time.Now().Add(-idle), Expires: time.Now().Add(90 * 24 * time.Hour)}
	if _, err := d.under.Swap(t.Context(), key, store.AnyVersion, item); err != nil {
		t.Fatal(err)
	}
}

// fill puts n entries, most of them used not long ago.
func (d *adminSite) fill(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		idle := time.Duration(float64(time.Hour) * 24 * 40 * float64(i*i%9973) / 9973 * float64(i%101) / 101 * float64(i%7) / 7)
		d.put(t, fmt.Sprintf("shop:session:%08x%08x", i*2654435761, i), 200+i*37%1500, idle)
	}
}

// wait waits until an expression in the page is true.
func (tab *Tab) wait(t *testing.T, what, expression string) {
	t.Helper()
	for begun := time.Now(); !Ask[bool](t, tab, expression); time.Sleep(20 * time.Millisecond) {
		if time.Since(begun) > patience {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// isLive waits until events come.
func (tab *Tab) isLive(t *testing.T) {
	t.Helper()
	tab.wait(t, "events", `document.getElementById("live").dataset.live === "yes"`)
}

// TestAdmin drives the page of package admin. The ids are listed in its page.go.
func TestAdmin(t *testing.T) {
	b := Start(t)
	for name, run := range map[string]func(*testing.T, *Browser){
		"looks":           testAdminLooks,
		"live":            testAdminLive,
		"read-only":       testAdminReadOnly,
		"sweep":           testAdminSweep,
		"remove":          testAdminRemove,
		"sign out":        testAdminSignOut,
		"pages":           testAdminPages,
		"hostile keys":    testAdminHostile,
		"without scripts": testAdminWithoutScripts,
		"demo":            testAdminOfDemo,
	} {
		t.Run(name, func(t *testing.T) { run(t, b) })
	}
}

// adminTab opens the page. At the end nothing may have been refused by its policy, or be missing.
func adminTab(t *testing.T, b *Browser, d *adminSite) *Tab {
	t.Helper()
	tab := b.Profile(t).Tab(t)
	clean(t, tab)
	if status := tab.Open(t, d.url+"/"); status != http.StatusOK {
		t.Fatalf("the page answers %d", status)
	}
	return tab
}

// numbers is what the page shows that events bring up to date.
const numbers = `["entries", "entries-note", "backlog", "backlog-note", "last-note", "idle"].map(id => document.getElementById(id).textContent).join("|")`

// testAdminLooks takes pictures for a person to look at, and checks what a program can.
func testAdminLooks(t *testing.T, b *Browser) {
	views := func(d *adminSite, name string) {
		plain := b.Profile(t).Tab(t)
		plain.NoJavaScript(t)
		plain.Open(t, d.url+"/")
		before := Ask[string](t, plain, numbers)
		tab := adminTab(t, b, d)
		tab.isLive(t)
		if after := Ask[string](t, tab, numbers); after != before {
			t.Errorf("%s: the script writes other numbers than the handler: %s, not %s", name, after, before)
		}
		for _, phone := range []bool{false, true} {
			size := ""
			tab.Size(t, 1180, 820)
			if phone {
				tab.Phone(t)
				size = "-phone"
			}
			for _, dark := range []bool{false, true} {
				tab.Dark(t, dark)
				shade := map[bool]string{false: "light", true: "dark"}[dark]
				tab.Shot(t, "admin-"+name+size+"-"+shade)
				if wide := Ask[bool](t, tab, "document.documentElement.scrollWidth > innerWidth"); wide {
					t.Errorf("%s%s, %s: wider than the screen", name, size, shade)
				}
				if bright := Ask[bool](t, tab, brightness+" > 128"); bright == dark {
					t.Errorf("%s%s, %s: bright %v", name, size, shade, bright)
				}
			}
		}
	}
	empty := newAdminSite(t, admin.Options{Title: "shop, staging"})
	views(empty, "empty")

	full := newAdminSite(t, admin.Options{Title: "shop, production", AllowWrites: true, Cleanup: &cleanup.Options{Idle: 30 * 24 * time.Hour}})
	full.fill(t, 100_000)
	full.h.Swept(cleanup.Report{Removed: 1234, Bytes: 56789, Duration: 1300 * time.Millisecond, Done: true, Reason: cleanup.Done}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	var users sync.WaitGroup
	users.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			for range 10 + 30*(i/20%3) {
				full.store.Get(ctx, fmt.Sprintf("shop:session:%08x", i))
				full.store.Contains(ctx, "a")
			}
			full.store.Delete(ctx, "nothing")
			select {
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	defer users.Wait()
	defer cancel()
	views(full, "full")

	odd := newAdminSite(t, admin.Options{Title: strings.Repeat("a very long name of a deployment ", 4), AllowWrites: true})
	for i, key := range hostileKeys() {
		odd.put(t, key, i*i*i*100_000, time.Duration(i)*time.Hour)
	}
	views(odd, "hostile")
}
