package demo

import (
	"net/http"
	"sync"
	"testing"

	"github.com/larder-go/larder/store"
)

// TestCart: what is put in before the login stays, and so does the count of visits.
func TestCart(t *testing.T) {
	b := newBrowser(t, serve(t, store.NewMap(nil)))
	b.post("/cart", "add", "jelly").wants(http.StatusOK, "In your cart now: Quince jelly.")
	b.post("/cart", "add", "jelly")
	if b.quantity("jelly") != 2 || b.flash() != "" || b.visits() != 2 || b.user() != "" {
		t.Errorf("%d, %q, visit %d", b.quantity("jelly"), b.flash(), b.visits())
	}
	b.post("/login", "name", "anna", "password", "wrong")
	if b.quantity("jelly") != 2 || b.visits() != 2 {
		t.Errorf("after a wrong password %d, visit %d", b.quantity("jelly"), b.visits())
	}
	b.login("anna")
	if b.quantity("jelly") != 2 || b.visits() != 3 {
		t.Errorf("after the login %d, visit %d", b.quantity("jelly"), b.visits())
	}
	b.post("/cart", "add", "loaf").wants(http.StatusOK, `id="cart-total">€ 11.80<`)
	b.post("/cart", "less", "jelly").wants(http.StatusOK, `id="cart-pieces">2<`)
	b.post("/cart", "remove", "jelly").wants(http.StatusOK, `id="cart-total">€ 4.80<`)
	b.post("/cart", "add", "<script>").wants(http.StatusOK, `id="cart-pieces">1<`)
	b.post("/cart", "clear", "yes").wants(http.StatusOK, "Nothing in it yet.")
}

// TestAtOnce: tabs of one browser that click together lose nothing of each other.
func TestAtOnce(t *testing.T) {
	server := serve(t, store.NewMap(nil))
	b := newBrowser(t, server).login("anna")
	b.post("/cart", "add", "eggs")
	before := b.get("/").visits()
	const tabs, clicks = 6, 4 // no good more often than may be
	var all sync.WaitGroup
	for range tabs {
		all.Go(func() {
			tab := &browser{t: t, client: b.client, url: b.url, agent: b.agent}
			for range clicks {
				tab.post("/cart", "add", "eggs") // which shows the page then
				tab.post("/cart", "add", "trout")
			}
		})
	}
	all.Wait()
	if b.get("/"); b.visits() != before+2*tabs*clicks+1 || b.quantity("eggs") != 1+tabs*clicks || b.quantity("trout") != tabs*clicks {
		t.Errorf("visit %d after %d, %d eggs, %d trouts", b.visits(), before, b.quantity("eggs"), b.quantity("trout"))
	}
}
