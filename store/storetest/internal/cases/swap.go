package cases

import (
	"errors"
	"time"

	"github.com/larder-go/larder/store"
)

func swapCases() []Case {
	const rule = "Swap: Swap compares and writes in one step."
	c := []Case{
		{Name: "swap/create", Rule: "Swap: \"\" demands that no entry is there.", Run: swapCreate},
		{Name: "swap/replace", Rule: rule, Run: swapReplace},
		{Name: "swap/conflict", Rule: "Swap: Any other state than the demanded one is ErrConflict, never ErrNotFound.", Run: swapConflict},
		{Name: "swap/aba", Rule: "Swap: After a Delete and a new Set no version from before fits.", Run: swapABA},
		{Name: "swap/any", Rule: "Swap: AnyVersion writes, or with a nil item removes, whatever is there.", Run: swapAny},
		{Name: "swap/remove", Rule: "Swap: A nil item removes the entry and returns \"\".", Run: swapRemove},
		{Name: "swap/set-between", Rule: rule + " A Set in between is a change like any other.", Run: swapSetBetween},
		{Name: "swap/other-key", Rule: "Swap: The version of one entry does not fit another.", Run: swapOtherKey},
		{Name: "swap/atime", Rule: "Use: An atime given to Swap is kept; zero means now, and so does a future one.", Run: swapAtime},
		{Name: "swap/peek", Rule: "Swap: Load and Peek return the entry with all that belongs to it, or a bare ErrNotFound.", Run: swapPeek},
		{Name: "swap/update", Rule: "Swap: Update creates, changes and removes; old itself writes nothing; an error of fn is returned as it is.", Run: swapUpdate},
	}
	for i := range c {
		c[i].Needs = append(c[i].Needs, Swap)
	}
	return c
}

// conflict checks that a Swap fails with ErrConflict and changes nothing.
func (e *Env) conflict(s store.Store, key string, old store.Version, item *store.Item) {
	e.Helper()
	before, _ := store.Peek(e.ctx, s, key)
	v, err := store.Swap(e.ctx, s, key, old, item)
	if !errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound) || v != "" {
		e.Errorf("Swap from %s, which does not stand there, = %q, %v; want \"\", ErrConflict", version(old), v, err)
	}
	after, _ := store.Peek(e.ctx, s, key)
	switch {
	case before == nil && after == nil:
	case before == nil:
		e.Errorf("a Swap that failed has created the entry")
	case after == nil:
		e.Errorf("a Swap that failed has removed the entry")
	case after.Version != before.Version || string(after.Value) != string(before.Value) || !after.Expires.Equal(before.Expires):
		e.Errorf("a Swap that failed has changed the entry")
	}
}

func swapCreate(e *Env) {
	s := e.forever()
	v := e.swap(s, "key", "", &store.Item{Value: []byte("first")})
	e.want(s, "key", "first")
	e.conflict(s, "key", "", &store.Item{Value: []byte("second")})
	e.conflict(s, "key", "", nil)
	e.swap(s, "key", v, nil)
	e.gone(s, "key")
	e.swap(s, "key", "", &store.Item{Value: []byte("third")})
	e.want(s, "key", "third")
	e.set(s, "set", "first")
	e.conflict(s, "set", "", &store.Item{Value: []byte("second")})
	e.want(s, "set", "first")
}

func swapReplace(e *Env) {
	s := e.forever()
	e.set(s, "key", "0")
	v := e.peek(s, "key").Version
	for _, value := range []string{"1", "", "22", "333", "4"} {
		old := v
		v = e.swap(s, "key", old, &store.Item{Value: []byte(value)})
		e.want(s, "key", value)
		e.conflict(s, "key", old, &store.Item{Value: []byte("late")})
		e.want(s, "key", value)
	}
}

func swapConflict(e *Env) {
	s := e.forever()
	some := store.NewVersion()
	for _, item := range []*store.Item{{Value: []byte("new")}, nil} {
		e.conflict(s, "absent", some, item)
		e.gone(s, "absent")
		e.set(s, "key", "value")
		e.conflict(s, "key", some, item)
		v := e.peek(s, "key").Version
		e.conflict(s, "key", v+"0", item)
		e.conflict(s, "key", v[:len(v)-1], item)
		e.conflict(s, "key", "0", item)
		e.conflict(s, "key", "1", item)
		e.want(s, "key", "value")
		e.swap(s, "key", v, &store.Item{Value: []byte("other")})
		e.conflict(s, "key", v, item)
		e.want(s, "key", "other")
		e.delete(s, "key")
		e.conflict(s, "key", v, item)
		e.gone(s, "key")
	}
}

func swapABA(e *Env) {
	s := e.forever()
	e.set(s, "key", "value")
	v := e.peek(s, "key").Version
	e.delete(s, "key")
	e.set(s, "key", "value")
	e.conflict(s, "key", v, &store.Item{Value: []byte("late")})
	e.conflict(s, "key", v, nil)
	e.want(s, "key", "value")

	v = e.peek(s, "key").Version
	e.swap(s, "key", v, nil)
	e.swap(s, "key", "", &store.Item{Value: []byte("value")})
	e.conflict(s, "key", v, &store.Item{Value: []byte("late")})
	e.want(s, "key", "value")

	v = e.peek(s, "key").Version
	e.set(s, "key", "other")
	e.set(s, "key", "value") // what was there is there again, and is not the same
	e.conflict(s, "key", v, &store.Item{Value: []byte("late")})
	e.want(s, "key", "value")
}

func swapAny(e *Env) {
	s := e.forever()
	v := e.swap(s, "key", store.AnyVersion, &store.Item{Value: []byte("created")})
	e.want(s, "key", "created")
	if w := e.swap(s, "key", store.AnyVersion, &store.Item{Value: []byte("replaced")}); w == v || w == "" || w == store.AnyVersion {
		e.Errorf("Swap from AnyVersion returns the version %q after %q", w, v)
	}
	e.want(s, "key", "replaced")
	for range 2 { // the second time nothing is there
		if v := e.swap(s, "key", store.AnyVersion, nil); v != "" {
			e.Errorf("Swap to nil returns the version %q", v)
		}
		e.gone(s, "key")
	}
}

func swapRemove(e *Env) {
	s := e.forever()
	e.set(s, "key", "value")
	e.set(s, "other", "value")
	if v := e.swap(s, "key", e.peek(s, "key").Version, nil); v != "" {
		e.Errorf("Swap to nil returns the version %q", v)
	}
	e.gone(s, "key")
	e.want(s, "other", "value")
	if v, err := store.Swap(e.ctx, s, "key", "", nil); v != "" || err != nil {
		e.Errorf("Swap from \"\" to nil of an absent entry = %q, %v; want \"\", nil", v, err)
	}
	e.gone(s, "key")
}

func swapSetBetween(e *Env) {
	s := e.forever()
	v := e.swap(s, "key", "", &store.Item{Value: []byte("loaded")})
	e.set(s, "key", "set")
	e.conflict(s, "key", v, &store.Item{Value: []byte("late")})
	e.conflict(s, "key", v, nil)
	e.want(s, "key", "set")
	v = e.peek(s, "key").Version
	e.swap(s, "key", store.AnyVersion, &store.Item{Value: []byte("swapped")})
	e.conflict(s, "key", v, &store.Item{Value: []byte("late")})
	e.want(s, "key", "swapped")
}

func swapOtherKey(e *Env) {
	s := e.forever()
	v := e.swap(s, "a", "", &store.Item{Value: []byte("value")})
	w := e.swap(s, "b", "", &store.Item{Value: []byte("value")})
	if v == w {
		e.Errorf("two entries have the same version")
	}
	e.conflict(s, "b", v, &store.Item{Value: []byte("late")})
	e.conflict(s, "a", w, nil)
	e.want(s, "a", "value")
	e.want(s, "b", "value")
}

func swapAtime(e *Env) {
	s := e.open(store.Expiry{TouchAfter: time.Hour})
	past := time.Now().Add(-20 * time.Minute).Truncate(time.Second)
	v := e.swap(s, "key", "", &store.Item{Value: []byte("value"), Atime: past})
	if e.peek(s, "key").Atime.IsZero() {
		e.Skipf("the store does not tell the atime")
	}
	near := func(what string, want time.Time) {
		e.Helper()
		if got := e.peek(s, "key").Atime; got.Sub(want).Abs() > e.Slack+e.margin() {
			e.Errorf("%s, the atime is %v; want %v", what, got, want)
		}
	}
	near("given to create", past)
	if !e.lacks(List) {
		if got := e.list(s, "key")["key"].Atime; got.Sub(past).Abs() > e.Slack+e.margin() {
			e.Errorf("List tells the atime %v; want %v", got, past)
		}
	}
	past = past.Add(-10 * time.Minute)
	v = e.swap(s, "key", v, &store.Item{Value: []byte("value"), Atime: past})
	near("given to replace, and earlier than it was", past)
	for what, given := range map[string]time.Time{"zero": {}, "in the future": time.Now().Add(30 * 24 * time.Hour)} {
		begin := time.Now()
		v = e.swap(s, "key", v, &store.Item{Value: []byte("value"), Atime: given})
		end := time.Now()
		atime := e.peek(s, "key").Atime
		e.after("given "+what+", the atime", atime, begin)
		if atime.After(end.Add(e.Slack + e.margin())) {
			e.Errorf("given %s, the atime is %v later than now", what, atime.Sub(end))
		}
	}
}

func swapPeek(e *Env) {
	s := e.forever()
	expires := soon(time.Hour)
	v := e.swap(s, "key", "", &store.Item{Value: []byte("value"), Expires: expires})
	for name, read := range readers() {
		item, err := read(e.ctx, s, "key")
		if err != nil || item == nil {
			e.Fatalf("%s = %v, %v", name, item, err)
		}
		if string(item.Value) != "value" || item.Version != v || !item.Expires.Equal(expires) {
			e.Errorf("%s = %+v; want the value, version and deadline that were swapped", name, *item)
		}
		if item, err := read(e.ctx, s, "absent"); item != nil || err != store.ErrNotFound {
			e.Errorf("%s of an absent entry = %v, %v; want nil and a bare ErrNotFound", name, item, err)
		}
	}
}

func swapUpdate(e *Env) {
	s := e.forever()
	write := func(value string) func(*store.Item) (*store.Item, error) {
		return func(*store.Item) (*store.Item, error) { return &store.Item{Value: []byte(value)}, nil }
	}
	update := func(fn func(*store.Item) (*store.Item, error)) {
		e.Helper()
		if err := store.Update(e.ctx, s, "key", fn); err != nil {
			e.Fatalf("Update: %v", err)
		}
	}
	update(func(old *store.Item) (*store.Item, error) {
		if old != nil {
			e.Errorf("fn is given %+v of an absent entry; want nil", *old)
		}
		return old, nil
	})
	e.gone(s, "key")
	update(write("created"))
	e.want(s, "key", "created")
	update(write("changed"))
	e.want(s, "key", "changed")
	v := e.peek(s, "key").Version
	update(func(old *store.Item) (*store.Item, error) { return old, nil })
	if e.peek(s, "key").Version != v {
		e.Errorf("Update that returns old has written")
	}
	mine := errors.New("mine")
	if err := store.Update(e.ctx, s, "key", func(*store.Item) (*store.Item, error) { return nil, mine }); err != mine {
		e.Errorf("Update = %v; want fn's error as it is", err)
	}
	e.want(s, "key", "changed")
	update(func(*store.Item) (*store.Item, error) { return nil, nil })
	e.gone(s, "key")
}
