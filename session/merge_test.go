package session

import (
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"
)

// during makes a request of another tab while this one is being handled.
func (b *browser) during(t testing.TB, mine, theirs func(s *Session)) int {
	t.Helper()
	other := b.twin()
	return b.do(func(s *Session) {
		ok(t, s.Err()) // it is loaded
		mine(s)
		same(t, "status of the other tab", other.do(theirs), http.StatusOK)
	})
}

func nothing(*Session) {}

// TestMerge is the table of what becomes of one field when two requests change it at once.
func TestMerge(t *testing.T) {
	set := func(v any) func(*Session) { return func(s *Session) { ok(t, s.Set("f", v)) } }
	drop := func(s *Session) { ok(t, s.Delete("f")) }
	clear := func(s *Session) { ok(t, s.Clear()) }
	for _, c := range []struct {
		name               string
		base, mine, theirs func(*Session)
		last, sum          int // without a Merger and with Sum; -1: no field
	}{
		{"only mine", set(1), set(3), nothing, 3, 3},
		{"only theirs", set(1), nothing, set(3), 3, 3},
		{"both", set(1), set(3), set(10), 3, 12},
		{"both the same", set(1), set(2), set(2), 2, 3},
		{"both new", nothing, set(3), set(10), 3, 13},
		{"both down", set(10), set(7), set(9), 7, 6},
		{"I delete", set(1), drop, set(10), -1, -1},
		{"they delete", set(1), set(3), drop, 3, 2},
		{"both delete", set(1), drop, drop, -1, -1},
		{"I clear", set(1), clear, set(10), -1, -1},
		{"they clear", set(1), set(3), clear, 3, 2},
		{"I clear and set", set(1), func(s *Session) { ok(t, s.Clear()); ok(t, s.Set("f", 5)) }, set(10), 5, 5},
		{"mine leads back", set(1), func(s *Session) { ok(t, s.Set("f", 2)); ok(t, s.Set("f", 1)) }, set(10), 10, 10},
	} {
		for want, merge := range map[int]map[string]Merger{c.last: nil, c.sum: {"f": Sum[int]()}} {
			if merge == nil && c.last == c.sum {
				continue
			}
			b := newSite(t, newLedger(), Options{Merge: merge}).browser()
			b.set(t, "other", "stays")
			b.do(c.base)
			b.during(t, c.mine, c.theirs)
			b.do(func(s *Session) {
				n, found := Get[int](s, "f")
				if !found {
					n = -1
				}
				if n != want {
					t.Errorf("%s, with %d mergers: %d, want %d", c.name, len(merge), n, want)
				}
			})
		}
	}
}

// TestClearTakesAll: also what others add meanwhile. What others clear takes nothing that I add.
func TestClearTakesAll(t *testing.T) {
	b := newSite(t, newLedger(), Options{}).browser()
	b.set(t, "a", "1")
	b.during(t, func(s *Session) { ok(t, s.Clear()); ok(t, s.Set("mine", "1")) }, func(s *Session) { ok(t, s.Set("theirs", "1")) })
	b.do(func(s *Session) { same(t, "keys", strings.Join(s.Keys(), " "), "mine") })
	b.during(t, func(s *Session) { ok(t, s.Set("late", "1")) }, func(s *Session) { ok(t, s.Clear()) })
	b.do(func(s *Session) { same(t, "keys", strings.Join(s.Keys(), " "), "late") })
}

// TestMergeFunc: a cart that two tabs put things into, and one of them takes something out of.
func TestMergeFunc(t *testing.T) {
	merge := func(base, mine, theirs map[string]int) (map[string]int, error) {
		all := maps.Clone(theirs)
		if all == nil {
			all = map[string]int{}
		}
		for name := range mine {
			all[name] += mine[name] - base[name]
		}
		for name := range base {
			if _, still := mine[name]; !still {
				delete(all, name)
			}
		}
		return all, nil
	}
	b := newSite(t, newLedger(), Options{Merge: map[string]Merger{"cart": MergeFunc(merge)}}).browser()
	fill := func(cart map[string]int) func(s *Session) { return func(s *Session) { ok(t, s.Set("cart", cart)) } }
	b.during(t, fill(map[string]int{"tea": 1}), nothing)
	b.during(t, fill(map[string]int{"tea": 3, "milk": 1}), fill(map[string]int{"tea": 2, "jam": 1}))
	b.do(func(s *Session) {
		cart, _ := Get[map[string]int](s, "cart")
		must(t, maps.Equal(cart, map[string]int{"tea": 4, "milk": 1, "jam": 1}), "the cart is %v", cart)
	})
	b.during(t, fill(map[string]int{"tea": 4}), fill(map[string]int{"tea": 4, "milk": 5, "jam": 1}))
	b.do(func(s *Session) {
		cart, _ := Get[map[string]int](s, "cart")
		must(t, maps.Equal(cart, map[string]int{"tea": 4}), "the cart is %v", cart)
	})
}

// TestMergeFails: the error of a Merger fails the save, and nothing is lost of what is stored. So does a field that does not fit its type.
func TestMergeFails(t *testing.T) {
	cause := errors.New("no way")
	b := newSite(t, newLedger(), Options{Merge: map[string]Merger{
		"f": MergeFunc(func(_, _, _ string) (string, error) { return "", cause }), "n": Sum[int]()}}).browser()
	b.do(func(s *Session) { ok(t, s.Set("f", "base")); ok(t, s.Set("n", "text")) })
	same(t, "status", b.during(t, func(s *Session) { ok(t, s.Set("f", "mine")) }, func(s *Session) { ok(t, s.Set("f", "theirs")) }), 500)
	must(t, b.sent() == nil, "a cookie was sent: %v", b.sent())
	same(t, "f", b.get("f"), "theirs")
	same(t, "status", b.during(t, func(s *Session) { ok(t, s.Set("n", 1)) }, func(s *Session) { ok(t, s.Set("n", 2)) }), 500)
	other := b.twin()
	b.do(func(s *Session) {
		ok(t, s.Set("f", "mine"))
		other.set(t, "f", "again")
		err := s.Save()
		must(t, errors.Is(err, cause) && strings.HasPrefix(err.Error(), "session: save: ") && strings.Count(err.Error(), "session:") == 1, "the error is %v", err)
	})
}

// TestMergeFlashes: messages of both are shown, each once.
func TestMergeFlashes(t *testing.T) {
	flash := func(text string) func(*Session) { return func(s *Session) { ok(t, s.Flash(text)) } }
	take := func(s *Session) { s.Flashes() }
	for _, c := range []struct {
		name, base   string
		mine, theirs func(*Session)
		want         string
	}{
		{"both add", "", flash("mine"), flash("theirs"), "theirs mine"},
		{"both add to some", "old", flash("mine"), flash("theirs"), "old theirs mine"},
		{"I take", "old", take, flash("theirs"), "theirs"},
		{"they take", "old", flash("mine"), take, "mine"},
		{"both take", "old", take, take, ""},
		{"I take and add", "old", func(s *Session) { take(s); flash("mine")(s) }, flash("theirs"), "theirs mine"},
		{"they take and add", "old", flash("mine"), func(s *Session) { take(s); flash("theirs")(s) }, "theirs mine"},
		{"both take and add", "old", func(s *Session) { take(s); flash("mine")(s) }, func(s *Session) { take(s); flash("theirs")(s) }, "theirs mine"},
		{"both add the same", "", flash("saved"), flash("saved"), "saved saved"},
	} {
		b := newSite(t, newLedger(), Options{}).browser()
		b.set(t, "x", 1)
		if c.base != "" {
			b.do(flash(c.base))
		}
		b.during(t, c.mine, c.theirs)
		b.do(func(s *Session) { same(t, c.name, strings.Join(s.Flashes(), " "), c.want) })
	}
}
