package cases

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/larder-go/larder/store"
)

func keyCases() []Case {
	const distinct = "Keys: Distinct keys never meet: nothing is folded, trimmed, cut or normalised, and no key reaches what the backend uses for itself."
	const refused = "Keys: Every method that takes a key refuses any key that CheckKey refuses, with ErrInvalidKey, on every backend."
	return []Case{
		{Name: "keys/hostile", Rule: distinct, Run: keysHostile},
		{Name: "keys/pairs", Rule: distinct, Run: keysPairs},
		{Name: "keys/listed", Rule: distinct + " A list gives them back as they were given.", Needs: []string{List}, Run: keysListed},
		{Name: "keys/refused", Rule: refused, Run: keysRefused},
		{Name: "keys/longest", Rule: "Keys: A key is valid UTF-8 of 1 to 1024 bytes without NUL; over the store's limit it is ErrInvalidKey.", Run: keysLongest},
	}
}

// keysHostile puts a value of its own under each hostile key, then looks whether all of them are there, then removes every
// other one and looks again.
func keysHostile(e *Env) {
	s := e.forever()
	var taken []hostile
	value := func(i int) string { return fmt.Sprintf("value %d", i) }
	for _, h := range hostileKeys() {
		err := s.Set(e.ctx, h.key, []byte(value(len(taken))))
		switch valid := e.valid(h); {
		case valid && err != nil:
			e.Errorf("%s: Set(%s): %v; every store takes this key", h.class, show(h.key), err)
		case !valid && !errors.Is(err, store.ErrInvalidKey):
			e.Errorf("%s: Set(%s): %v; want ErrInvalidKey", h.class, show(h.key), err)
		case valid:
			taken = append(taken, h)
		}
	}
	for i, h := range slices.Backward(taken) { // again, in the other order: who comes last must not matter
		e.set(s, h.key, value(i))
	}
	look := func(when string, there func(i int) bool) {
		for i, h := range taken {
			got, err := s.Get(e.ctx, h.key)
			ok, err2 := s.Contains(e.ctx, h.key)
			switch {
			case there(i) && (err != nil || string(got) != value(i) || !ok || err2 != nil):
				e.Errorf("%s: %s holds %s, %v (Contains: %v, %v) %s; want %q", h.class, show(h.key), show(got), err, ok, err2, when, value(i))
			case !there(i) && (err != store.ErrNotFound || ok || err2 != nil):
				e.Errorf("%s: %s holds %s, %v (Contains: %v, %v) %s; want ErrNotFound", h.class, show(h.key), show(got), err, ok, err2, when)
			}
		}
	}
	look("after all were set", func(int) bool { return true })
	for i, h := range taken {
		if i%2 == 0 {
			e.delete(s, h.key)
		}
	}
	look("after every other one was deleted", func(i int) bool { return i%2 == 1 })
}

// keysPairs names the confusion where keysHostile only finds one.
func keysPairs(e *Env) {
	pairs := []struct{ class, a, b string }{
		{"case", "session-AbC", "session-abc"},
		{"case beyond ASCII", "ÄRGER", "ärger"},
		{"case of the dotless i", "ı", "I"},
		{"normal form", "caf\u00e9", "cafe\u0301"},
		{"compatibility form", "ﬁ", "fi"},
		{"trailing space", "a", "a   "},
		{"leading space", "a", " a"},
		{"trailing dot", "a", "a."},
		{"trailing newline", "a", "a\n"},
		{"trailing slash", "a", "a/"},
		{"leading slash", "a", "/a"},
		{"doubled slash", "a/b", "a//b"},
		{"base name", "a/b", "c/b"},
		{"cleaned path", "b", "a/../b"},
		{"dot", "a", "./a"},
		{"backslash", "a/b", `a\b`},
		{"percent escape", "a/b", "a%2fb"},
		{"underscore escape", "a/b", "a__0x2f__b"},
		{"underscore", "a/b", "a_b"},
		{"plus", "a b", "a+b"},
		{"stripped byte", "a:b", "ab"},
		{"invisible character", "a", "a\u200b"},
		{"byte order mark", "a", "\ufeffa"},
		{"cut at 250 bytes", strings.Repeat("k", 250), strings.Repeat("k", 250) + "l"},
		{"cut at 255 bytes", strings.Repeat("k", 255), strings.Repeat("k", 255) + "l"},
		{"cut at the last byte", strings.Repeat("k", e.MaxKey-1) + "a", strings.Repeat("k", e.MaxKey-1) + "b"},
		{"cut at a quote", "a", "a'"},
		{"cut at a line end", "a", "a\r\nb"},
		{"wildcard", "ab", "a*"},
		{"hash tag", "{a}b", "{a}c"},
		{"number", "1", "01"},
	}
	s := e.forever()
	for _, p := range pairs {
		if max(len(p.a), len(p.b)) > e.MaxKey {
			continue
		}
		for range 2 {
			e.set(s, p.a, "first")
			if e.contains(s, p.b) {
				e.Errorf("%s: %s was set, and %s is there", p.class, show(p.a), show(p.b))
			}
			e.set(s, p.b, "second")
			if got, err := s.Get(e.ctx, p.a); string(got) != "first" {
				e.Errorf("%s: setting %s changed %s to %s, %v", p.class, show(p.b), show(p.a), show(got), err)
			}
			e.delete(s, p.b)
			if !e.contains(s, p.a) {
				e.Errorf("%s: deleting %s removed %s", p.class, show(p.b), show(p.a))
			}
			e.delete(s, p.a)
			p.a, p.b = p.b, p.a
		}
	}
}

func keysListed(e *Env) {
	s := e.forever()
	want := map[string]bool{}
	for _, h := range hostileKeys() {
		if e.valid(h) {
			e.set(s, h.key, h.class)
			want[h.key] = true
		}
	}
	infos := e.list(s, "")
	for key := range infos {
		if !want[key] {
			e.Errorf("List yields %s, which nobody has set", show(key))
		}
	}
	for key := range want {
		if _, ok := infos[key]; !ok {
			e.Errorf("List leaves out %s", show(key))
		}
	}
}

func keysRefused(e *Env) {
	s := e.forever()
	e.set(s, "a", "stays")
	for _, h := range hostileKeys() {
		if e.valid(h) {
			continue
		}
		for _, c := range e.calls() {
			if !c.keyed {
				continue
			}
			if err := c.do(e.ctx, s, h.key); !errors.Is(err, store.ErrInvalidKey) {
				e.Errorf("%s: %s of %s: %v; want ErrInvalidKey", h.class, c.name, show(h.key), err)
			}
		}
	}
	e.want(s, "a", "stays")
}

func keysLongest(e *Env) {
	s := e.forever()
	for _, unit := range []string{"k", "é", "\n", "/"} {
		key := strings.Repeat(unit, e.MaxKey/len(unit))
		e.set(s, key, "longest")
		e.want(s, key, "longest")
		long := key + "kk"
		if err := s.Set(e.ctx, long, nil); !errors.Is(err, store.ErrInvalidKey) {
			e.Errorf("Set of a key of %d bytes: %v; want ErrInvalidKey", len(long), err)
		}
		e.want(s, key, "longest")
	}
}
