package cases

import (
	"time"

	"github.com/larder-go/larder/store"
)

func doorCases() []Case {
	const rule = "One-way door: Nothing revives an absent entry but Set, or Swap with the version \"\" or AnyVersion."
	const use = rule + " A use of it, Get, Load or Touch, returns ErrNotFound and leaves it absent for everybody."
	return []Case{
		{Name: "door/get", Rule: use, Needs: []string{Timeout}, Waits: true,
			Run: staysDead(func(e *Env, s store.Store) error { _, err := s.Get(e.ctx, "key"); return err })},
		{Name: "door/touch", Rule: use, Needs: []string{Timeout}, Waits: true,
			Run: staysDead(func(e *Env, s store.Store) error { return store.Touch(e.ctx, s, "key") })},
		{Name: "door/load", Rule: use, Needs: []string{Timeout, Swap}, Waits: true,
			Run: staysDead(func(e *Env, s store.Store) error { _, err := store.Load(e.ctx, s, "key"); return err })},
		{Name: "door/swap", Rule: rule + " Swap on it with any other version is ErrConflict; Swap never returns ErrNotFound.",
			Needs: []string{Timeout, Swap}, Waits: true, Run: doorSwap},
		{Name: "door/create", Rule: rule + " These do.", Needs: []string{Timeout}, Waits: true, Run: doorCreate},
		{Name: "door/edge", Rule: use + " There is no moment at which a use both succeeds and comes too late.", Needs: []string{Timeout}, Waits: true,
			Run: doorEdge},
	}
}

// staysDead uses an entry that has died, three times, and looks whether it stays dead.
func staysDead(use func(e *Env, s store.Store) error) func(e *Env) {
	return func(e *Env) {
		x := e.idle()
		s := e.open(x)
		e.set(s, "key", "value")
		time.Sleep(e.lapse(x))
		for range 3 {
			if err := use(e, s); err != store.ErrNotFound {
				e.Errorf("a use of an absent entry returns %v; want a bare ErrNotFound", err)
			}
			if e.contains(s, "key") {
				e.Errorf("the use has revived the entry")
			}
		}
		e.gone(s, "key")
	}
}

func doorSwap(e *Env) {
	x := e.idle()
	s := e.open(x)
	v := e.swap(s, "key", "", &store.Item{Value: []byte("value")})
	time.Sleep(e.lapse(x))
	for what, item := range map[string]*store.Item{"an item": {Value: []byte("late")}, "nil": nil} {
		for which, old := range map[string]store.Version{"the version that it had": v, "another version": store.NewVersion()} {
			got, err := store.Swap(e.ctx, s, "key", old, item)
			e.is("Swap of an absent entry from "+which+" to "+what, err, store.ErrConflict)
			if got != "" {
				e.Errorf("a Swap that failed returns the version %q", got)
			}
			e.gone(s, "key")
		}
	}
}

func doorCreate(e *Env) {
	ways := map[string]func(s store.Store){"Set": func(s store.Store) { e.set(s, "key", "new") }}
	if !e.lacks(Swap) {
		ways["Swap from \"\""] = func(s store.Store) { e.swap(s, "key", "", &store.Item{Value: []byte("new")}) }
		ways["Swap from AnyVersion"] = func(s store.Store) { e.swap(s, "key", store.AnyVersion, &store.Item{Value: []byte("new")}) }
	}
	for name, create := range ways {
		e.patiently(func(timeout time.Duration) bool {
			x := store.Expiry{Timeout: timeout}
			s := e.open(x)
			e.set(s, "key", "old")
			time.Sleep(e.lapse(x))
			used := time.Now()
			create(s)
			got, err := s.Get(e.ctx, "key")
			if time.Since(used) > timeout {
				return false
			}
			if err != nil || string(got) != "new" {
				e.Errorf("after the entry died, %s and Get return %s, %v; want \"new\"", name, show(got), err)
			}
			return true
		})
	}
}

// doorEdge watches an entry at the very time at which it dies: once somebody is told that it is gone, no later call may find it.
func doorEdge(e *Env) {
	x := store.Expiry{Timeout: e.Timeout, TouchAfter: -1}
	for range e.n(6, 2) {
		s := e.open(x)
		e.set(s, "key", "value")
		e.until(time.Now().Add(x.Timeout - 2*time.Millisecond))
		end := time.Now().Add(e.Slack + 5*time.Millisecond)
		for dead := false; time.Now().Before(end); {
			there := e.contains(s, "key")
			if there && dead {
				e.Errorf("an entry that was absent is there again")
				return
			}
			dead = dead || !there
			if dead {
				_, err := s.Get(e.ctx, "key")
				if err != store.ErrNotFound {
					e.Errorf("Contains says false, and Get after it returns %v", err)
					return
				}
			}
			time.Sleep(100 * time.Microsecond)
		}
	}
}
