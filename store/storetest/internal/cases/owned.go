package cases

import (
	"bytes"
	"fmt"

	"github.com/larder-go/larder/store"
)

func ownerCases() []Case {
	const rule = "Values: The caller owns the slices on both sides: no store keeps the one that it was given, nor changes or reuses one that it has returned."
	return []Case{
		{Name: "values/owned-given", Rule: rule, Run: ownedGiven},
		{Name: "values/owned-returned", Rule: rule, Run: ownedReturned},
		{Name: "values/owned-later", Rule: rule, Run: ownedLater},
		{Name: "values/owned-item", Rule: rule + " The same goes for an Item.", Needs: []string{Swap}, Run: ownedItem},
	}
}

// sizesOwned are small enough to be kept inside a record, and large enough to be kept elsewhere.
var sizesOwned = [...]int{1, 100, 5000, 100_000}

func ownedGiven(e *Env) {
	s := e.forever()
	for _, n := range sizesOwned {
		given, want := noise(n), noise(n)
		if err := s.Set(e.ctx, "set", given); err != nil {
			e.Fatalf("Set: %v", err)
		}
		clear(given)
		e.same(s, "set", want, "the slice that was given to Set was changed by its owner")
		if e.lacks(Swap) {
			continue
		}
		copy(given, want)
		e.swap(s, "swap", store.AnyVersion, &store.Item{Value: given})
		clear(given)
		e.same(s, "swap", want, "the slice that was given to Swap was changed by its owner")
	}
}

func (e *Env) same(s store.Store, key string, want []byte, why string) {
	e.Helper()
	if got, err := s.Get(e.ctx, key); err != nil || !bytes.Equal(got, want) {
		e.Errorf("%s, and Get returns another value, %v", why, err)
	}
}

func ownedReturned(e *Env) {
	s := e.forever()
	for _, n := range sizesOwned {
		want := noise(n)
		if err := s.Set(e.ctx, "key", want); err != nil {
			e.Fatalf("Set: %v", err)
		}
		got, err := s.Get(e.ctx, "key")
		if err != nil {
			e.Fatalf("Get: %v", err)
		}
		spoil(got)
		e.same(s, "key", want, "the slice that Get returned was changed by its owner")
		if e.lacks(Swap) {
			continue
		}
		for name, read := range readers() {
			item, err := read(e.ctx, s, "key")
			if err != nil {
				e.Fatalf("%s: %v", name, err)
			}
			spoil(item.Value)
			e.same(s, "key", want, "the slice that "+name+" returned was changed by its owner")
		}
	}
}

// spoil changes b, and what lies behind it in the same memory.
func spoil(b []byte) {
	clear(b)
	clear(b[:min(cap(b), len(b)+64)])
}

// ownedLater keeps what was returned while the store is busy with many other entries, as those stores need that return
// memory which they use again: a mapped page, a buffer of a connection.
func ownedLater(e *Env) {
	s := e.forever()
	const entries = 50
	var kept [][]byte
	for i := range entries {
		if err := s.Set(e.ctx, fmt.Sprintf("key %d", i), noise(500+i)); err != nil {
			e.Fatalf("Set: %v", err)
		}
	}
	for i := range entries {
		got, err := s.Get(e.ctx, fmt.Sprintf("key %d", i))
		if err != nil {
			e.Fatalf("Get: %v", err)
		}
		kept = append(kept, got)
		if !e.lacks(Swap) {
			kept[i] = e.peek(s, fmt.Sprintf("key %d", i)).Value
		}
		if i%2 == 0 {
			kept[i] = got
		}
	}
	for i := range e.n(1000, 200) {
		if err := s.Set(e.ctx, fmt.Sprintf("key %d", (i+7)%(2*entries)), noise(400+i%300)); err != nil {
			e.Fatalf("Set: %v", err)
		}
		if i%3 == 0 {
			e.delete(s, fmt.Sprintf("key %d", (i*5)%entries))
		}
		s.Get(e.ctx, fmt.Sprintf("key %d", (i*3)%(2*entries)))
	}
	for i, got := range kept {
		if !bytes.Equal(got, noise(500+i)) {
			e.Errorf("the value that was returned for key %d has changed in the hands of its owner during later calls", i)
		}
	}
}

func ownedItem(e *Env) {
	s := e.forever()
	item := &store.Item{Value: []byte("value"), Version: "mine"}
	v := e.swap(s, "key", "", item)
	if string(item.Value) != "value" || item.Version != "mine" || !item.Atime.IsZero() || !item.Expires.IsZero() {
		e.Errorf("Swap changed the item that it was given to %+v", *item)
	}
	got := e.peek(s, "key")
	got.Version, got.Value = "spoilt", nil
	if again := e.peek(s, "key"); again.Version != v || string(again.Value) != "value" {
		e.Errorf("the item that Peek returned was changed by its owner, and Peek returns %+v", *again)
	}
}
