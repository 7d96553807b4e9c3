package cases

import (
	"time"

	"github.com/larder-go/larder/store"
)

func useCases() []Case {
	const isUse = "Use: Get, Load, Set, Swap and Touch are a use: they refresh the entry's atime, the time of its last use."
	const noUse = "Use: Contains, Peek and List are not a use."
	c := []Case{
		{Name: "use/get", Rule: isUse, Run: keepsAlive(func(e *Env, s store.Store) error { _, err := s.Get(e.ctx, "key"); return err })},
		{Name: "use/set", Rule: isUse, Run: keepsAlive(func(e *Env, s store.Store) error { return s.Set(e.ctx, "key", []byte("value")) })},
		{Name: "use/touch", Rule: isUse, Run: keepsAlive(func(e *Env, s store.Store) error { return store.Touch(e.ctx, s, "key") })},
		{Name: "use/load", Rule: isUse, Needs: []string{Swap}, Run: keepsAlive(func(e *Env, s store.Store) error {
			_, err := store.Load(e.ctx, s, "key")
			return err
		})},
		{Name: "use/swap", Rule: isUse, Needs: []string{Swap}, Run: keepsAlive(func(e *Env, s store.Store) error {
			item, err := store.Peek(e.ctx, s, "key")
			if err == nil {
				_, err = store.Swap(e.ctx, s, "key", item.Version, &store.Item{Value: item.Value})
			}
			return err
		})},
		{Name: "use/not-contains", Rule: noUse, Run: letsDie(func(e *Env, s store.Store) { s.Contains(e.ctx, "key") })},
		{Name: "use/not-peek", Rule: noUse, Needs: []string{Swap}, Run: letsDie(func(e *Env, s store.Store) { store.Peek(e.ctx, s, "key") })},
		{Name: "use/not-list", Rule: noUse, Needs: []string{List}, Run: letsDie(func(e *Env, s store.Store) {
			for range store.List(e.ctx, s, "") {
			}
		})},
		{Name: "use/not-sweep", Rule: "Use: A cleanup is not a use.", Run: letsDie(func(e *Env, s store.Store) { s.Cleanup(e.ctx, 0) })},
		{Name: "use/others", Rule: "Use: A use of one entry refreshes that entry and no other.", Run: letsDie(func(e *Env, s store.Store) {
			s.Set(e.ctx, "key2", nil)
			s.Get(e.ctx, "key2")
		})},
	}
	for i := range c {
		c[i].Needs, c[i].Waits = append(c[i].Needs, Timeout), true
	}
	return append(c,
		Case{Name: "use/every", Rule: "Use: With a negative TouchAfter every use is recorded.", Needs: []string{Swap}, Waits: true, Run: useEvery},
		Case{Name: "use/touch-after", Rule: "Use: To save writes, a use is recorded only when the recorded atime is older than the slack.",
			Needs: []string{Swap}, Waits: true, Run: useTouchAfter},
		Case{Name: "use/atime", Rule: "Use: Set and Swap always record. The last use lies in [Atime, Atime+Slack].", Needs: []string{Swap}, Run: useAtime},
	)
}

// keepsAlive uses an entry again and again, less than a Timeout apart, for longer than it would live otherwise.
func keepsAlive(use func(e *Env, s store.Store) error) func(e *Env) {
	return func(e *Env) {
		e.patiently(func(timeout time.Duration) bool {
			x := store.Expiry{Timeout: timeout}
			s := e.open(x)
			begin := time.Now()
			last := begin
			e.set(s, "key", "value")
			for time.Since(begin) <= e.lapse(x)+timeout {
				time.Sleep(timeout * 5 / 8)
				there := e.contains(s, "key") // Set would not tell
				before := time.Now()
				err := use(e, s)
				if time.Since(last) > timeout {
					return false
				}
				if !there || err != nil {
					e.Errorf("%v after the last use, with a Timeout of %v: there: %v, %v", time.Since(last), timeout, there, err)
					return true
				}
				last = before
			}
			return true
		})
	}
}

// letsDie does what is no use of the entry until the entry must be gone: often enough to keep it alive if it were one.
func letsDie(noUse func(e *Env, s store.Store)) func(e *Env) {
	return func(e *Env) {
		e.patiently(func(timeout time.Duration) bool {
			x := store.Expiry{Timeout: timeout}
			s := e.open(x)
			last := time.Now()
			e.set(s, "key", "value")
			told := true
			for end := time.Now().Add(e.lapse(x)); time.Now().Before(end); {
				noUse(e, s)
				told = told && time.Since(last) < timeout
				last = time.Now()
				time.Sleep(min(timeout/8, time.Until(end)))
			}
			if e.contains(s, "key") {
				e.Errorf("still there %v after its last use", e.lapse(x))
			}
			e.gone(s, "key")
			return told
		})
	}
}

// after checks that t is at or after begin, as far as the store can tell.
func (e *Env) after(what string, t, begin time.Time) {
	e.Helper()
	if t.Before(begin.Add(-e.Slack - e.margin())) {
		e.Errorf("%s is %v, before %v", what, t, begin)
	}
}

func useEvery(e *Env) {
	s := e.open(store.Expiry{TouchAfter: -1})
	e.set(s, "key", "value")
	if e.peek(s, "key").Atime.IsZero() {
		e.Skipf("the store does not tell the atime")
	}
	for range 3 {
		for name, use := range map[string]func() error{
			"Get":   func() error { _, err := s.Get(e.ctx, "key"); return err },
			"Load":  func() error { _, err := store.Load(e.ctx, s, "key"); return err },
			"Touch": func() error { return store.Touch(e.ctx, s, "key") },
		} {
			time.Sleep(2*e.Slack + 5*time.Millisecond)
			begin := time.Now()
			if err := use(); err != nil {
				e.Fatalf("%s: %v", name, err)
			}
			e.after("the atime after "+name, e.peek(s, "key").Atime, begin)
		}
	}
}

func useTouchAfter(e *Env) {
	s := e.open(store.Expiry{TouchAfter: time.Hour})
	e.set(s, "key", "value")
	atime := e.peek(s, "key").Atime
	if atime.IsZero() {
		e.Skipf("the store does not tell the atime")
	}
	time.Sleep(2*e.Slack + 5*time.Millisecond)
	s.Get(e.ctx, "key")
	store.Touch(e.ctx, s, "key")
	store.Load(e.ctx, s, "key")
	if got := e.peek(s, "key").Atime; !got.Equal(atime) {
		e.Errorf("a use %v after the last was recorded, with a TouchAfter of an hour", got.Sub(atime))
	}
	old := time.Now().Add(-2 * time.Hour)
	for _, op := range []string{"Get", "Touch", "Load"} {
		e.swap(s, "key", store.AnyVersion, &store.Item{Value: []byte("value"), Atime: old})
		begin := time.Now()
		switch op {
		case "Get":
			s.Get(e.ctx, "key")
		case "Touch":
			store.Touch(e.ctx, s, "key")
		case "Load":
			store.Load(e.ctx, s, "key")
		}
		e.after("with a TouchAfter of an hour, the atime after "+op+" two hours after the last use", e.peek(s, "key").Atime, begin)
	}
}

func useAtime(e *Env) {
	s := e.open(store.Expiry{TouchAfter: time.Hour})
	old := time.Now().Add(-30 * time.Minute)
	for _, op := range []string{"Set", "Swap"} {
		e.swap(s, "key", store.AnyVersion, &store.Item{Value: []byte("value"), Atime: old})
		begin := time.Now()
		if op == "Set" {
			e.set(s, "key", "value")
		} else {
			e.swap(s, "key", e.peek(s, "key").Version, &store.Item{Value: []byte("value")})
		}
		atime := e.peek(s, "key").Atime
		if atime.IsZero() {
			e.Skipf("the store does not tell the atime")
		}
		e.after("the atime after "+op, atime, begin)
		if atime.After(time.Now().Add(e.Slack + e.margin())) {
			e.Errorf("the atime after %s lies in the future, by %v", op, time.Until(atime))
		}
	}
}
