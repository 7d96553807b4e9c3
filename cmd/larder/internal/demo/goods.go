package demo

import (
	"maps"
	"net/url"
)

// good is something in the larder.
type good struct {
	id, name string
	cents    int
	icon     fragment // what stands within an svg of 32 by 32
}

func goods() []good {
	return []good{
		{"loaf", "Sourdough loaf", 480, `<path d="M5 13c0-4 4-6 11-6s11 2 11 6c0 2-1 3-2 3v8a1.500 1.500 0 0 1-1.500 1.500h-15A1.500 1.500 0 0 1 7 24v-8c-1 0-2-1-2-3z"/><path d="m12 11 2 4m2.500-4.500 2 4m2.500-3.500 1.500 3"/>`},
		{"jelly", "Quince jelly", 350, `<path d="M10 5h12v4H10zM9.500 9h13l2 4v12a2.500 2.500 0 0 1-2.500 2.500H10A2.500 2.500 0 0 1 7.500 25V13z"/><path d="M7.500 16h17v6.500h-17"/>`},
		{"cheese", "Mountain cheese", 690, `<path d="M4 18.500 22 7c3 1 6 5 6 11.500z"/><path d="M4 18.500V26h24v-7.500"/><circle cx="11" cy="22.500" r="1.500"/><circle cx="21" cy="22.500" r="1.500"/><circle cx="19.500" cy="14" r="1.500"/>`},
		{"trout", "Smoked trout", 720, `<path d="M3.500 16c3-5 7-7 11-7 5 0 8 4 9 7-1 3-4 7-9 7-4 0-8-2-11-7z"/><path d="m23 16 5.500-5v10z"/><circle cx="9" cy="14.500" r=".8"/><path d="M13.500 11.500c1.500 3 1.500 6 0 9"/>`},
		{"eggs", "Six eggs", 260, `<path d="M12 7c3.500 0 6.500 6 6.500 10.500a6.500 6.500 0 0 1-13 0C5.500 13 8.500 7 12 7z"/><path d="M17.500 12.500C18.500 10.500 20 9 21.500 9c3 0 5.500 5 5.500 9a5.500 5.500 0 0 1-9.500 3.800"/>`},
		{"pears", "Bottled pears", 410, `<path d="M16 9c2 0 3 2 3.500 4.500.5 2.500 4 4 4 7.500 0 4-3.500 6-7.500 6s-7.500-2-7.500-6c0-3.500 3.500-5 4-7.500C13 11 14 9 16 9z"/><path d="M16 9c0-2.500.8-4 2-5M18.500 7c1.800-1.600 4-1.400 5.500-.3-1.500 1.600-3.800 1.800-5.500.3z"/>`},
	}
}

func findGood(id string) (good, bool) {
	for _, g := range goods() {
		if g.id == id {
			return g, true
		}
	}
	return good{}, false
}

// cart is how many there are of each good, by its id.
type cart map[string]int

// most is how many of one good anybody may have.
const most = 99

// mergeCarts is what becomes of a cart that two requests changed at once, as two tabs do: each good is what theirs made of it, and what
// mine added to it or took away besides.
func mergeCarts(base, mine, theirs cart) (cart, error) {
	merged := make(cart)
	for _, g := range goods() {
		if n := min(theirs[g.id]+mine[g.id]-base[g.id], most); n > 0 {
			merged[g.id] = n
		}
	}
	return merged, nil
}

// changed is the cart after what a form asks for, and what there is to say about it.
func (c cart) changed(form url.Values) (changed cart, said string) {
	changed = make(cart)
	if form.Has("clear") {
		return changed, ""
	}
	maps.Copy(changed, c)
	if g, ok := findGood(form.Get("add")); ok && c[g.id] < most {
		changed[g.id]++
		if c[g.id] == 0 {
			said = "In your cart now: " + g.name + "."
		}
	}
	if g, ok := findGood(form.Get("less")); ok && c[g.id] > 0 {
		changed[g.id]--
	}
	if g, ok := findGood(form.Get("remove")); ok {
		delete(changed, g.id)
	}
	return changed, said
}

// pieces is how many there are of all goods, cents what they cost.
func (c cart) pieces() (n int) {
	for _, g := range goods() {
		n += c[g.id]
	}
	return n
}

func (c cart) cents() (sum int) {
	for _, g := range goods() {
		sum += c[g.id] * g.cents
	}
	return sum
}
