package browser

import (
	"net/http"
	"slices"
	"testing"
)

// testLooks takes pictures for a person to look at, and checks what a program can.
func testLooks(t *testing.T, b *Browser, d *demo) {
	_, tab := guest(t, b, d)
	views := func(page string) {
		for _, phone := range []bool{false, true} {
			name := page
			tab.Size(t, 1180, 820)
			if phone {
				tab.Phone(t)
				name += "-phone"
			}
			for _, dark := range []bool{false, true} {
				tab.Dark(t, dark)
				shade := map[bool]string{false: "light", true: "dark"}[dark]
				tab.Shot(t, "demo-"+name+"-"+shade)
				if wide := Ask[bool](t, tab, "document.documentElement.scrollWidth > innerWidth"); wide {
					t.Errorf("%s, %s: wider than the screen", name, shade)
				}
				bright := Ask[bool](t, tab, brightness+" > 128")
				if bright == dark {
					t.Errorf("%s, %s: bright %v", name, shade, bright)
				}
			}
		}
		tab.Size(t, 1180, 820)
		tab.Dark(t, false)
	}
	views("guest")
	login(t, tab, "anna")
	_, other := guest(t, b, d)
	login(t, other, "anna")
	for _, good := range []string{"loaf", "jelly", "jelly", "cheese"} {
		tab.Follow(t, `#goods button[value="`+good+`"]`)
	}
	tab.Shot(t, "demo-flash")
	tab.Open(t, d.url+"/")
	views("user")
	if status := tab.Open(t, d.url+"/no-such-page"); status != http.StatusNotFound || tab.Count(t, "#problem") != 1 {
		t.Errorf("a page that is not there: %d", status)
	}
	views("problem")
	if all := tab.Problems(); slices.ContainsFunc(all, isPolicy) {
		t.Errorf("the browser complains: %q", all)
	}
}

// brightness of the page's own background, 0 to 255.
const brightness = `(c => (c[0] + c[1] + c[2]) / 3)(
	getComputedStyle([document.body, document.documentElement].find(e => getComputedStyle(e).backgroundColor != "rgba(0, 0, 0, 0)")).backgroundColor.match(/\d+/g).map(Number))`

// testPhone: on a small screen, who mistypes the password sees that, and can type at once.
func testPhone(t *testing.T, b *Browser, d *demo) {
	_, tab := guest(t, b, d)
	tab.Size(t, 360, 740)
	tab.Type(t, "#name", "anna")
	tab.Type(t, "#password", "wrong")
	if status := tab.Follow(t, "#login-submit"); status != http.StatusUnprocessableEntity {
		t.Errorf("a wrong password: %d", status)
	}
	tab.Problems() // the browser counts a 422 among the failed loads
	for _, selector := range []string{"#login-error", "#name", "#password", "#login-submit"} {
		if !Ask[bool](t, tab, `(r => r.top >= 0 && r.bottom <= innerHeight)(document.querySelector("`+selector+`").getBoundingClientRect())`) {
			t.Errorf("%s is not in view", selector)
		}
	}
	if got := Ask[string](t, tab, "document.activeElement.id"); got != "password" {
		t.Errorf("the keyboard types into %q", got)
	}
	login(t, tab, "anna")
	if top := Ask[int](t, tab, "scrollY"); top != 0 {
		t.Errorf("after the login the page begins at %d", top)
	}
}

// fullCart writes the longest numbers into a cart that there can be.
const fullCart = `(document.querySelectorAll("#cart .quantity").forEach(e => e.textContent = "99"),
	document.querySelectorAll("#cart tbody .sum").forEach(e => e.textContent = "€ 712.80"),
	document.getElementById("cart-pieces").textContent = "594", document.getElementById("cart-total").textContent = "€ 2880.90", true)`

// testNarrow: a full cart on the smallest screens, with and without a bar to scroll by, and on one whose browser takes no styles.
func testNarrow(t *testing.T, b *Browser, d *demo) {
	_, tab := guest(t, b, d)
	login(t, tab, "chiara")
	for _, good := range []string{"loaf", "jelly", "cheese", "trout", "eggs", "pears"} {
		tab.Follow(t, `#goods button[value="`+good+`"]`)
	}
	for _, width := range []int64{430, 390, 385, 375, 360, 353, 320, 305, 280} {
		tab.Size(t, width, 640)
		tab.Open(t, d.url+"/")
		Ask[bool](t, tab, fullCart)
		if wide := Ask[int](t, tab, "document.documentElement.scrollWidth"); wide > int(width) {
			t.Errorf("the page is %d wide, on a screen of %d", wide, width)
		}
		if over := Ask[float64](t, tab, `(right => right("#cart table") - right("#cart"))(s => document.querySelector(s).getBoundingClientRect().right)`); over > 0.5 {
			t.Errorf("on a screen of %d the cart is %v wider than its place", width, over)
		}
	}
	tab.Size(t, 305, 640)
	tab.Shot(t, "demo-narrow")
	tab.Size(t, 1180, 820)
	Ask[bool](t, tab, "(document.styleSheets[0].disabled = true)")
	if wide := Ask[float64](t, tab, "Math.max(...[...document.querySelectorAll('svg')].map(e => e.getBoundingClientRect().width))"); wide > 64 {
		t.Errorf("without styles a picture is %v wide", wide)
	}
	tab.Shot(t, "demo-unstyled")
}
