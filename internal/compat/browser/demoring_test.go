package browser

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestDemoRing: who is logged in stays so while nodes come, weigh more and go, and sees in the table and the plot what that moved.
func TestDemoRing(t *testing.T) {
	b := Start(t)
	d := &demo{binary: buildLarder(t), ring: true}
	d.start(t, "127.0.0.1:0")
	t.Cleanup(func() { d.stop(t) })
	_, tab := guest(t, b, d)
	login(t, tab, "anna")
	tab.Follow(t, `#goods button[value="loaf"]`)
	if status := tab.Follow(t, "#ring-link"); status != http.StatusOK || tab.Count(t, "#ring-nodes tbody tr") != 3 {
		t.Fatalf("the page of the ring: %d, %d nodes", status, tab.Count(t, "#ring-nodes tbody tr"))
	}
	for range 4 {
		tab.Follow(t, "#ring-fill")
	}
	entries := tab.Text(t, "#ring-entries")
	visits := func() string {
		tab.Open(t, d.url+"/")
		defer tab.Open(t, d.url+"/ring")
		if !tab.isUser(t, "anna") || tab.Text(t, "#cart-pieces") != "1" {
			t.Errorf("anna is logged in %v, with %s in the cart", tab.isUser(t, "anna"), tab.Text(t, "#cart-pieces"))
		}
		return tab.Text(t, "#visits")
	}
	var before, after int
	fmt.Sscan(visits(), &before)
	weigh := func() int {
		tab.Type(t, `tr[data-node="b"] input[name=weight]`, "2")
		return tab.Follow(t, `tr[data-node="b"] .weigh`)
	}
	for i, change := range []func() int{
		func() int { return tab.Follow(t, "#ring-add") },
		weigh,
		func() int { return tab.Follow(t, `tr[data-node="a"] .remove`) },
	} {
		if status := change(); status != http.StatusOK || tab.Count(t, "#ring-said, #ring-continue") > 0 {
			t.Fatalf("change %d: %d, refused or standing still", i+1, status)
		}
		if got := tab.Text(t, "#ring-entries"); got != entries {
			t.Errorf("change %d: %s entries, there were %s", i+1, got, entries)
		}
		if moved, left := tab.Text(t, "#ring-moved"), tab.Text(t, "#ring-left"); moved == "0" || left != "0" {
			t.Errorf("change %d: %s moved, %s left behind", i+1, moved, left)
		}
		fmt.Sscan(visits(), &after)
		if before++; after != before {
			t.Errorf("change %d: %d visits, not %d", i+1, after, before)
		}
	}
	if tab.Count(t, `tr[data-node="a"]`) != 0 || tab.Count(t, `tr[data-node="d"]`) != 1 {
		t.Errorf("the nodes are %q", tab.Text(t, "#ring-nodes"))
	}
	tab.Follow(t, "#ring-add") // so that the picture has one node that is new, and none that has left
	if !Ask[bool](t, tab, `(i => i.complete && i.naturalWidth > 0)(document.getElementById("ring-plot"))`) {
		t.Error("the plot does not load")
	}
	for _, phone := range []bool{false, true} {
		name := "demo-ring"
		tab.Size(t, 1180, 820)
		if phone {
			tab.Phone(t)
			name += "-phone"
		}
		for _, dark := range []bool{false, true} {
			tab.Dark(t, dark)
			tab.Shot(t, name+map[bool]string{false: "-light", true: "-dark"}[dark])
			if Ask[bool](t, tab, "document.documentElement.scrollWidth > innerWidth") {
				t.Errorf("%s: wider than the screen", name)
			}
		}
	}
	for _, width := range []int64{430, 360, 320} {
		tab.Size(t, width, 640)
		if over := Ask[float64](t, tab, `(e => e.getBoundingClientRect().right - e.parentNode.getBoundingClientRect().right)(document.getElementById("ring-nodes"))`); over > 0.5 {
			t.Errorf("on a screen of %d the table is %v wider than its card", width, over)
		}
	}
	tab.Size(t, 1180, 820)
	if all := tab.Problems(); slices.ContainsFunc(all, isPolicy) || strings.Contains(strings.Join(all, ""), "ring.svg") {
		t.Errorf("the browser complains: %q", all)
	}
}
