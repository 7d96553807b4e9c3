package cases

import (
	"errors"
	"fmt"
	"time"

	"github.com/larder-go/larder/store"
)

func corruptCases() []Case {
	const rule = "Corrupt: A record that is there but cannot be read is ErrCorrupt from Contains, Get, Load, Peek and a conditional Swap, and is never taken for absent."
	const replaced = "Corrupt: Set, Delete and Swap with AnyVersion replace it."
	return []Case{
		{Name: "corrupt/read", Rule: rule, Needs: []string{corrupt}, Run: corruptRead},
		{Name: "corrupt/swap", Rule: rule, Needs: []string{corrupt, Swap}, Run: corruptSwap},
		{Name: "corrupt/replaced", Rule: replaced, Needs: []string{corrupt}, Run: corruptReplaced},
		{Name: "corrupt/list", Rule: "List: An error that wraps ErrCorrupt does not end the list.", Needs: []string{corrupt, List}, Run: corruptList},
		{Name: "corrupt/swept", Rule: "Corrupt: A sweep removes it by its age.", Needs: []string{corrupt, Timeout, Cleanup}, Waits: true, Run: corruptSwept},
	}
}

// damaged opens a store with an entry that cannot be read, between two that can, and returns the version that it had.
func (e *Env) damaged(x store.Expiry) (s store.Store, v store.Version) {
	e.Helper()
	s = e.open(x)
	for _, key := range []string{"before", "key", "later"} {
		e.set(s, key, "value")
	}
	if !e.lacks(Swap) && x.Timeout == 0 { // otherwise it may have died, on a slow machine
		v = e.peek(s, "key").Version
	}
	e.Corrupt(e.T, s, "key")
	return s, v
}

func (e *Env) stillCorrupt(s store.Store) {
	e.Helper()
	if ok, err := s.Contains(e.ctx, "key"); !errors.Is(err, store.ErrCorrupt) || ok {
		e.Errorf("Contains = %v, %v; want ErrCorrupt", ok, err)
	}
	if got, err := s.Get(e.ctx, "key"); !errors.Is(err, store.ErrCorrupt) || errors.Is(err, store.ErrNotFound) || got != nil {
		e.Errorf("Get = %s, %v; want ErrCorrupt", show(got), err)
	}
	if e.lacks(Swap) {
		return
	}
	for name, read := range readers() {
		if item, err := read(e.ctx, s, "key"); !errors.Is(err, store.ErrCorrupt) || item != nil {
			e.Errorf("%s = %v, %v; want nil, ErrCorrupt", name, item, err)
		}
	}
}

func corruptRead(e *Env) {
	s, _ := e.damaged(store.Expiry{})
	for range 2 {
		e.stillCorrupt(s)
		e.want(s, "before", "value")
		e.want(s, "later", "value")
	}
}

func corruptSwap(e *Env) {
	s, v := e.damaged(store.Expiry{})
	for which, old := range map[string]store.Version{"\"\"": "", "the version that it had": v, "another version": store.NewVersion()} {
		for what, item := range map[string]*store.Item{"an item": {Value: []byte("new")}, "nil": nil} {
			_, err := store.Swap(e.ctx, s, "key", old, item)
			e.is("Swap from "+which+" to "+what, err, store.ErrCorrupt)
			e.stillCorrupt(s)
		}
	}
}

func corruptReplaced(e *Env) {
	s, _ := e.damaged(store.Expiry{})
	e.set(s, "key", "new")
	e.want(s, "key", "new")
	s, _ = e.damaged(store.Expiry{})
	e.delete(s, "key")
	e.gone(s, "key")
	e.set(s, "key", "new")
	e.want(s, "key", "new")
	if e.lacks(Swap) {
		return
	}
	s, _ = e.damaged(store.Expiry{})
	e.swap(s, "key", store.AnyVersion, &store.Item{Value: []byte("new")})
	e.want(s, "key", "new")
	s, _ = e.damaged(store.Expiry{})
	e.swap(s, "key", store.AnyVersion, nil)
	e.gone(s, "key")
}

func corruptList(e *Env) {
	s, _ := e.damaged(store.Expiry{})
	e.fill(s, "more ", 20)
	seen := map[string]bool{}
	for info, err := range store.List(e.ctx, s, "") {
		switch {
		case err == nil:
			seen[info.Key] = true
		case !errors.Is(err, store.ErrCorrupt):
			e.Errorf("List of a store with a corrupt record: %v", err)
		case info != (store.Info{}):
			e.Errorf("List yields %+v with an error; want a zero Info", info)
		}
	}
	for i := range 20 {
		if !seen[fmt.Sprintf("more %d", i)] || !seen["before"] || !seen["later"] {
			e.Errorf("beside a corrupt record, List leaves out others")
			break
		}
	}
}

func corruptSwept(e *Env) {
	x := e.idle()
	s, _ := e.damaged(x)
	time.Sleep(e.lapse(x))
	if _, err := s.Cleanup(e.ctx, 0); err != nil {
		e.Errorf("Cleanup: %v", err)
	}
	e.gone(s, "key")
	e.gone(s, "before")
}
