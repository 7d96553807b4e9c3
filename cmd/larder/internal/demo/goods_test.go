package demo

import (
	"maps"
	"net/url"
	"testing"
)

func TestMergeCarts(t *testing.T) {
	for name, c := range map[string]struct{ base, mine, theirs, want cart }{
		"both begin":          {nil, cart{"loaf": 1}, cart{"eggs": 2}, cart{"loaf": 1, "eggs": 2}},
		"both add the same":   {cart{"loaf": 1}, cart{"loaf": 2}, cart{"loaf": 3}, cart{"loaf": 4}},
		"one adds, one takes": {cart{"loaf": 2}, cart{"loaf": 3}, cart{"loaf": 1}, cart{"loaf": 2}},
		"mine takes out":      {cart{"loaf": 2, "eggs": 1}, cart{"eggs": 1}, cart{"loaf": 2, "eggs": 2}, cart{"eggs": 2}},
		"theirs empties":      {cart{"loaf": 2}, cart{"loaf": 3}, cart{}, cart{"loaf": 1}},
		"both take out":       {cart{"loaf": 1}, cart{}, cart{}, cart{}},
		"never less than 0":   {cart{"loaf": 2}, cart{}, cart{"loaf": 1}, cart{}},
		"never too many":      {cart{"loaf": 98}, cart{"loaf": 99}, cart{"loaf": 99}, cart{"loaf": 99}},
		"what is no good":     {cart{"x": 1}, cart{"x": 2, "loaf": 1}, cart{"x": 9}, cart{"loaf": 1}},
	} {
		if got, err := mergeCarts(c.base, c.mine, c.theirs); err != nil || !maps.Equal(got, c.want) {
			t.Errorf("%s: %v, %v, want %v", name, got, err, c.want)
		}
	}
}

func TestCartChanged(t *testing.T) {
	full := cart{"loaf": most, "eggs": 1}
	for form, want := range map[string]cart{
		"add=jelly": {"loaf": most, "eggs": 1, "jelly": 1}, "add=eggs": {"loaf": most, "eggs": 2}, "add=loaf": full, "add=nothing": full, "": full,
		"less=loaf": {"loaf": most - 1, "eggs": 1}, "less=eggs": {"loaf": most}, "less=jelly": full, "remove=loaf": {"eggs": 1}, "remove=jelly": full,
		"clear=yes": {}, "add=%00": full,
	} {
		values, err := url.ParseQuery(form)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := full.changed(values)
		if merged, _ := mergeCarts(nil, got, nil); !maps.Equal(merged, want) {
			t.Errorf("%s: %v, want %v", form, got, want)
		}
		if !maps.Equal(full, cart{"loaf": most, "eggs": 1}) {
			t.Fatalf("%s changed the cart that it was given", form)
		}
	}
	if c := (cart{"loaf": 2, "eggs": 1}); c.pieces() != 3 || c.cents() != 2*480+260 || price(c.cents()) != "€ 12.20" || price(5) != "€ 0.05" {
		t.Error(c.pieces(), c.cents(), price(c.cents()), price(5))
	}
}
