package cases

import (
	"fmt"
	"math"
	"time"

	"github.com/larder-go/larder/store"
)

func absentCases() []Case {
	const rule = "Absent: An entry is absent, cleaned up or not, when Timeout > 0 and now - atime > Timeout + slack."
	return []Case{
		{Name: "absent/late", Rule: rule + " It is absent at most slack later than Timeout after its last use, for every method.",
			Needs: []string{Timeout}, Waits: true, Run: absentLate},
		{Name: "absent/after-use", Rule: rule + " A use puts that off, and no more.", Needs: []string{Timeout}, Waits: true, Run: absentAfterUse},
		{Name: "absent/early", Rule: rule + " It is never absent earlier than Timeout after its last use.", Waits: true, Run: absentEarly},
		{Name: "absent/slack", Rule: "Absent: All of an Expiry counts: with a long TouchAfter an entry is not absent earlier than Timeout after its last use, " +
			"although that use was not recorded.", Waits: true, Run: absentSlack},
		{Name: "absent/never", Rule: "Absent: Without Timeout and deadline an entry stays.", Waits: true, Run: absentNever},
		{Name: "absent/long", Rule: rule + " A long Timeout is long, not short and not past.", Run: absentLong},
		{Name: "absent/counted", Rule: "Absent: Every method treats an absent entry as one that was never there; Cleanup counts it only where it removes it.",
			Needs: []string{Timeout}, Waits: true, Run: absentDelete},
		{Name: "absent/given-atime", Rule: rule + " That goes for an atime that was given to Swap, too.", Needs: []string{Swap, Timeout}, Run: absentGiven},
	}
}

func absentLate(e *Env) {
	x := e.idle()
	s := e.open(x)
	// One entry for each method, since the first that sees it might change what the next one sees.
	for i := range 7 {
		e.set(s, fmt.Sprintf("key %d", i), "value")
	}
	time.Sleep(e.lapse(x))
	if ok, err := s.Contains(e.ctx, "key 0"); ok || err != nil {
		e.Errorf("Contains = %v, %v; want false", ok, err)
	}
	if got, err := s.Get(e.ctx, "key 1"); err != store.ErrNotFound {
		e.Errorf("Get = %s, %v; want a bare ErrNotFound", show(got), err)
	}
	if err := store.Touch(e.ctx, s, "key 2"); err != store.ErrNotFound {
		e.Errorf("Touch = %v; want a bare ErrNotFound", err)
	}
	if !e.lacks(Swap) {
		if item, err := store.Load(e.ctx, s, "key 3"); err != store.ErrNotFound {
			e.Errorf("Load = %v, %v; want a bare ErrNotFound", item, err)
		}
		if item, err := store.Peek(e.ctx, s, "key 4"); err != store.ErrNotFound {
			e.Errorf("Peek = %v, %v; want a bare ErrNotFound", item, err)
		}
		if _, err := store.Swap(e.ctx, s, "key 5", "", &store.Item{}); err != nil {
			e.Errorf("Swap from \"\" = %v; want nil", err)
		}
		e.delete(s, "key 5")
	}
	if !e.lacks(List) {
		if infos := e.list(s, "key"); len(infos) > 0 {
			e.Errorf("List yields %d entries; want none", len(infos))
		}
	}
	for i := range 7 {
		e.gone(s, fmt.Sprintf("key %d", i))
	}
}

// absentAfterUse uses entries that must die all the same: a use that loses the time-out makes them immortal.
func absentAfterUse(e *Env) {
	x := store.Expiry{Timeout: e.Timeout, TouchAfter: -1}
	s := e.open(x)
	for _, c := range e.calls() {
		if !c.keyed {
			continue
		}
		key := c.name
		e.set(s, key, "value")
		c.do(e.ctx, s, key)
		c.do(e.ctx, s, key)
	}
	time.Sleep(e.lapse(x))
	for _, c := range e.calls() {
		if c.keyed && e.contains(s, c.name) {
			e.Errorf("an entry is still there %v after %s", e.lapse(x), c.name)
		}
	}
}

// early looks at an entry until timeout has passed since its last use, by look, which tells whether it is there.
func (e *Env) early(s store.Store, used time.Time, timeout time.Duration, look func() bool) (told bool) {
	e.Helper()
	for _, part := range []time.Duration{4, 6, 7, 8} { // eighths: the last is the very edge, which only a bubble can hit
		e.until(used.Add(timeout * part / 8))
		there := look()
		passed := time.Since(used)
		if passed > timeout {
			return told
		}
		if !there {
			e.Errorf("absent %v after its last use, with a Timeout of %v", passed, timeout)
			return true
		}
		told = part >= 6
	}
	return told
}

func absentEarly(e *Env) {
	e.patiently(func(timeout time.Duration) bool {
		s := e.open(store.Expiry{Timeout: timeout})
		used := time.Now()
		e.set(s, "key", "value")
		return e.early(s, used, timeout, func() bool { return e.contains(s, "key") })
	})
	e.patiently(func(timeout time.Duration) bool { // a second life: what stood there before does not count
		s := e.open(store.Expiry{Timeout: timeout})
		e.set(s, "key", "value")
		time.Sleep(timeout * 3 / 4)
		used := time.Now()
		e.set(s, "key", "value")
		return e.early(s, used, timeout, func() bool { return e.contains(s, "key") })
	})
}

func absentSlack(e *Env) {
	e.patiently(func(timeout time.Duration) bool {
		x := store.Expiry{Timeout: timeout, TouchAfter: timeout * 3 / 4}
		s := e.open(x)
		begin := time.Now()
		e.set(s, "key", "value")
		time.Sleep(timeout / 2)
		used := time.Now()
		_, err := s.Get(e.ctx, "key") // within TouchAfter: it need not be recorded
		if time.Since(begin) > timeout*3/4 {
			return false
		}
		if err != nil {
			e.Errorf("Get: %v", err)
			return true
		}
		return e.early(s, used, timeout, func() bool { return e.contains(s, "key") })
	})
}

func absentNever(e *Env) {
	s := e.forever()
	e.set(s, "key", "value")
	time.Sleep(min(3*e.Timeout, e.Timeout+2*time.Second))
	if _, err := s.Cleanup(e.ctx, 0); err != nil {
		e.Errorf("Cleanup(0): %v", err)
	}
	if _, err := s.Cleanup(e.ctx, -time.Hour); err != nil {
		e.Errorf("Cleanup(-1h): %v", err)
	}
	e.want(s, "key", "value")
}

func absentLong(e *Env) {
	const day = 24 * time.Hour
	for _, timeout := range []time.Duration{time.Hour, 25 * day, 30 * day, 30*day + time.Second, 31 * day, 50 * day, 365 * day, 30 * 365 * day, 80 * 365 * day,
		200 * 365 * day, math.MaxInt64} {
		s := e.open(store.Expiry{Timeout: timeout})
		e.set(s, "key", "value")
		if ok, err := s.Contains(e.ctx, "key"); !ok || err != nil {
			e.Errorf("with a Timeout of %v Contains = %v, %v at once after Set", timeout, ok, err)
			continue
		}
		if n, err := s.Cleanup(e.ctx, 0); n != 0 || err != nil {
			e.Errorf("with a Timeout of %v Cleanup(0) = %d, %v at once after Set", timeout, n, err)
		}
		e.want(s, "key", "value")
	}
}

func absentDelete(e *Env) {
	x := e.idle()
	s := e.open(x)
	e.set(s, "key", "value")
	time.Sleep(e.lapse(x))
	e.delete(s, "key")
	e.gone(s, "key")
	if n, err := s.Cleanup(e.ctx, 0); err != nil || n > 0 {
		e.Errorf("Cleanup after the Delete of an absent entry = %d, %v; want 0", n, err)
	}
}

func absentGiven(e *Env) {
	s := e.open(store.Expiry{Timeout: time.Hour})
	e.swap(s, "dead", "", &store.Item{Value: []byte("value"), Atime: time.Now().Add(-2 * time.Hour)})
	e.gone(s, "dead")
	e.swap(s, "live", "", &store.Item{Value: []byte("value"), Atime: time.Now().Add(-30 * time.Minute)})
	if !e.contains(s, "live") {
		e.Errorf("with a Timeout of an hour, an entry that was last used half an hour ago is absent")
	}
}
