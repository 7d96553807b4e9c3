package cases

import (
	"fmt"
	"strings"

	"github.com/larder-go/larder/store"
)

func versionCases() []Case {
	const rule = "Version: A Version is 128 random bits that the writer draws for every Set and every Swap and keeps in the record."
	c := []Case{
		{Name: "version/each-write", Rule: rule, Run: versionEachWrite},
		{Name: "version/random", Rule: rule + " It is never a server's counter, since those begin again.", Run: versionRandom},
		{Name: "version/use", Rule: "Version: A use does not change it.", Run: versionUse},
		{Name: "version/ignored", Rule: "Version: Swap ignores the version in the new item and draws one.", Run: versionIgnored},
	}
	for i := range c {
		c[i].Needs = append(c[i].Needs, Swap)
	}
	return c
}

func versionEachWrite(e *Env) {
	s := e.forever()
	seen := map[store.Version]string{}
	note := func(op string, v store.Version) {
		if v == "" || v == store.AnyVersion {
			e.Errorf("%s gives the version %q, which means something else", op, v)
		}
		if before, ok := seen[v]; ok {
			e.Errorf("%s gives the same version as %s", op, before)
		}
		seen[v] = op
	}
	for i := range 20 {
		for _, key := range []string{"a", "b"} {
			e.set(s, key, "the same value")
			v := e.peek(s, key).Version
			note(fmt.Sprintf("Set %d of %s", i, key), v)
			v = e.swap(s, key, v, &store.Item{Value: []byte("the same value")})
			note(fmt.Sprintf("Swap %d of %s", i, key), v)
			if item, err := store.Load(e.ctx, s, key); err != nil || item.Version != v {
				e.Errorf("Load after Swap returns another version than Swap did, %v", err)
			}
			if got := e.peek(s, key).Version; got != v {
				e.Errorf("Peek after Swap returns another version than Swap did")
			}
			v = e.swap(s, key, store.AnyVersion, &store.Item{Value: []byte("the same value")})
			note(fmt.Sprintf("Swap %d of %s from AnyVersion", i, key), v)
		}
	}
}

// versionRandom does the same in two stores that know nothing of each other: as a store does after a restart.
func versionRandom(e *Env) {
	versions := func() (list []store.Version) {
		s := e.forever()
		for range 10 {
			e.set(s, "key", "value")
			v := e.peek(s, "key").Version
			list = append(list, v, e.swap(s, "key", v, &store.Item{Value: []byte("value")}))
		}
		return list
	}
	first, second := versions(), versions()
	for i, v := range first {
		if len(v) < 16 {
			e.Errorf("the version %q is shorter than 128 bits", v)
		}
		if i > 0 && len(v) > 8 && strings.HasPrefix(string(v), string(first[i-1][:min(len(first[i-1]), len(v)*3/4)])) {
			e.Errorf("the versions %q and %q count", first[i-1], v)
		}
		for j, w := range second {
			if v == w {
				e.Errorf("write %d of one store and write %d of another give the same version", i, j)
			}
		}
	}
}

func versionUse(e *Env) {
	s := e.open(store.Expiry{TouchAfter: -1})
	v := e.swap(s, "key", "", &store.Item{Value: []byte("value")})
	uses := map[string]func(){
		"Get":      func() { s.Get(e.ctx, "key") },
		"Load":     func() { store.Load(e.ctx, s, "key") },
		"Peek":     func() { store.Peek(e.ctx, s, "key") },
		"Touch":    func() { store.Touch(e.ctx, s, "key") },
		"Contains": func() { s.Contains(e.ctx, "key") },
		"Cleanup":  func() { s.Cleanup(e.ctx, 0) },
	}
	for name, use := range uses {
		use()
		if got := e.peek(s, "key").Version; got != v {
			e.Errorf("%s has changed the version", name)
			v = got
		}
	}
	s.Get(e.ctx, "key")
	store.Touch(e.ctx, s, "key")
	item, err := store.Load(e.ctx, s, "key")
	if err != nil {
		e.Fatalf("Load: %v", err)
	}
	s.Get(e.ctx, "key")
	if _, err := store.Swap(e.ctx, s, "key", item.Version, &store.Item{Value: []byte("new")}); err != nil {
		e.Errorf("Swap from the version that Load gave, after a Get: %v", err)
	}
}

func versionIgnored(e *Env) {
	s := e.forever()
	given := store.NewVersion()
	v := e.swap(s, "key", "", &store.Item{Value: []byte("value"), Version: given})
	if v == given || e.peek(s, "key").Version == given {
		e.Errorf("Swap has taken the version from the item")
	}
	w := e.swap(s, "key", v, e.peek(s, "key"))
	if w == v {
		e.Errorf("Swap of what was loaded has kept its version")
	}
	_, err := store.Swap(e.ctx, s, "key", v, &store.Item{})
	e.is("Swap from the version before", err, store.ErrConflict)
}
