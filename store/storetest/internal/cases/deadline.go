package cases

import (
	"fmt"
	"time"

	"github.com/larder-go/larder/store"
)

func deadlineCases() []Case {
	const rule = "Deadline: Expires is absolute and no use moves it."
	c := []Case{
		{Name: "deadline/late", Rule: "Absent: An entry is absent, cleaned up or not, when now ≥ Expires.", Waits: true, Run: deadlineLate},
		{Name: "deadline/early", Rule: "Absent: An entry is absent when now ≥ Expires, and not before.", Waits: true, Run: deadlineEarly},
		{Name: "deadline/unmoved", Rule: rule, Waits: true, Run: deadlineUnmoved},
		{Name: "deadline/set-clears", Rule: "Deadline: Set clears it.", Waits: true, Run: deadlineCleared},
		{Name: "deadline/kept", Rule: "Deadline: Who wants to keep it across a change uses Update and passes it on.", Run: deadlineKept},
		{Name: "deadline/swap-clears", Rule: "Deadline: A Swap sets the deadline of its item; a zero Expires is none.", Waits: true, Run: deadlineSwapped},
		{Name: "deadline/past", Rule: "Absent: An entry is absent when now ≥ Expires, also one that is written so.", Run: deadlinePast},
		{Name: "deadline/far", Rule: "Absent: A deadline that is far away is far away, whatever a backend counts it in.", Run: deadlineFar},
		{Name: "deadline/door", Rule: "One-way door: Nothing revives an absent entry but Set, or Swap with the version \"\" or AnyVersion.", Waits: true,
			Run: deadlineDoor},
	}
	for i := range c {
		c[i].Needs = append(c[i].Needs, Swap)
	}
	return c
}

// mortal creates an entry with a deadline.
func (e *Env) mortal(s store.Store, key string, expires time.Time) store.Version {
	e.Helper()
	return e.swap(s, key, "", &store.Item{Value: []byte("value"), Expires: expires})
}

func deadlineLate(e *Env) {
	s := e.forever()
	expires := soon(e.Timeout)
	e.mortal(s, "key", expires)
	e.until(expires.Add(e.Slack))
	e.gone(s, "key")
}

func deadlineEarly(e *Env) {
	e.patiently(func(timeout time.Duration) bool {
		s := e.forever()
		expires := soon(timeout)
		e.mortal(s, "key", expires)
		told := false
		for _, before := range []time.Duration{timeout / 2, timeout / 4, timeout / 8, 1} { // the last only in a bubble
			e.until(expires.Add(-before))
			there := e.contains(s, "key")
			if !time.Now().Before(expires) {
				return told
			}
			if !there {
				e.Errorf("absent %v before its deadline", time.Until(expires))
				return true
			}
			told = before <= timeout/4
		}
		return told
	})
}

func deadlineUnmoved(e *Env) {
	s := e.open(store.Expiry{TouchAfter: -1, Timeout: time.Hour})
	expires := soon(e.Timeout)
	v := e.mortal(s, "key", expires)
	for time.Now().Before(expires.Add(-e.margin())) {
		s.Get(e.ctx, "key")
		store.Load(e.ctx, s, "key")
		store.Touch(e.ctx, s, "key")
		s.Contains(e.ctx, "key")
		if item, err := store.Peek(e.ctx, s, "key"); err == nil && (!item.Expires.Equal(expires) || item.Version != v) {
			e.Fatalf("after a use the deadline is %v; it was %v", item.Expires, expires)
		}
		time.Sleep(e.Timeout / 10)
	}
	e.until(expires.Add(e.Slack))
	e.gone(s, "key")
}

func deadlineCleared(e *Env) {
	s := e.forever()
	expires := soon(e.Timeout)
	e.mortal(s, "key", expires)
	e.set(s, "key", "for ever")
	if got := e.peek(s, "key").Expires; !got.IsZero() {
		e.Errorf("the deadline after Set is %v; want none", got)
	}
	e.until(expires.Add(e.Slack + e.margin()))
	e.want(s, "key", "for ever")
	if n, err := s.Cleanup(e.ctx, 0); n != 0 || err != nil {
		e.Errorf("Cleanup(0) = %d, %v; want 0", n, err)
	}
	e.want(s, "key", "for ever")
}

func deadlineKept(e *Env) {
	s := e.forever()
	expires := soon(time.Hour)
	e.mortal(s, "key", expires)
	for i := range 3 {
		err := store.Update(e.ctx, s, "key", func(old *store.Item) (*store.Item, error) {
			if old == nil {
				return nil, fmt.Errorf("the entry is absent")
			}
			return &store.Item{Value: append(old.Value, '+'), Expires: old.Expires}, nil
		})
		if err != nil {
			e.Fatalf("Update: %v", err)
		}
		item := e.peek(s, "key")
		if want := "value+++"[:6+i]; string(item.Value) != want || !item.Expires.Equal(expires) {
			e.Errorf("after Update the entry holds %s with the deadline %v; want %q, %v", show(item.Value), item.Expires, want, expires)
		}
	}
	if !e.lacks(List) {
		if info := e.list(s, "key")["key"]; !info.Expires.Equal(expires) {
			e.Errorf("List tells the deadline %v; want %v", info.Expires, expires)
		}
	}
}

func deadlineSwapped(e *Env) {
	e.patiently(func(timeout time.Duration) bool {
		s := e.forever()
		expires, later := soon(timeout), soon(time.Hour)
		cleared, postponed := e.mortal(s, "cleared", expires), e.mortal(s, "later", expires)
		_, err := store.Swap(e.ctx, s, "cleared", cleared, &store.Item{Value: []byte("value")})
		_, err2 := store.Swap(e.ctx, s, "later", postponed, &store.Item{Value: []byte("value"), Expires: later})
		if !time.Now().Before(expires) {
			return false // they may have died first, and conflict
		}
		if err != nil || err2 != nil {
			e.Fatalf("Swap of an entry with a deadline: %v, %v", err, err2)
		}
		e.swap(s, "sooner", e.mortal(s, "sooner", later), &store.Item{Value: []byte("value"), Expires: expires})
		e.until(expires.Add(e.Slack + e.margin()))
		e.want(s, "cleared", "value")
		e.want(s, "later", "value")
		e.gone(s, "sooner")
		if got := e.peek(s, "cleared").Expires; !got.IsZero() {
			e.Errorf("after a Swap to an item without deadline it is %v", got)
		}
		if got := e.peek(s, "later").Expires; !got.Equal(later) {
			e.Errorf("after a Swap to the deadline %v it is %v", later, got)
		}
		return true
	})
}

func deadlinePast(e *Env) {
	s := e.forever()
	for name, expires := range map[string]time.Time{
		"now": soon(0), "a second ago": soon(-time.Second), "a year ago": soon(-365 * 24 * time.Hour), "at the epoch": time.Unix(0, 0), "before the epoch": time.Unix(-1000, 0),
	} {
		if name == "now" && e.Slack > 0 {
			continue
		}
		e.mortal(s, name, expires)
		e.gone(s, name)
		e.set(s, name, "old")
		e.swap(s, name, store.AnyVersion, &store.Item{Value: []byte("value"), Expires: expires})
		e.gone(s, name)
	}
}

func deadlineFar(e *Env) {
	const day = 24 * time.Hour
	s := e.forever()
	now := time.Now().Truncate(time.Second)
	for i, expires := range []time.Time{
		now.Add(30*day - time.Minute), now.Add(30*day + time.Minute), now.Add(365 * day), now.Add(90 * 365 * day),
		time.Date(2038, 1, 19, 3, 14, 8, 0, time.UTC), time.Date(2106, 2, 7, 6, 28, 16, 0, time.UTC), time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		key := fmt.Sprintf("key %d", i)
		e.mortal(s, key, expires)
		if ok := e.contains(s, key); !ok {
			e.Errorf("an entry with the deadline %v is absent at once", expires)
			continue
		}
		if got := e.peek(s, key).Expires; !got.Equal(expires) {
			e.Errorf("the deadline is %v; it was given as %v", got, expires)
		}
	}
	if n, err := s.Cleanup(e.ctx, 0); n != 0 || err != nil {
		e.Errorf("Cleanup(0) = %d, %v; want 0", n, err)
	}
}

func deadlineDoor(e *Env) {
	s := e.open(store.Expiry{TouchAfter: -1})
	expires := soon(e.Timeout)
	v := e.mortal(s, "key", expires)
	e.until(expires.Add(e.Slack))
	for range 2 {
		e.gone(s, "key")
		_, err := store.Swap(e.ctx, s, "key", v, &store.Item{Value: []byte("late")})
		e.is("Swap of an entry after its deadline", err, store.ErrConflict)
	}
	e.gone(s, "key")
	e.swap(s, "key", "", &store.Item{Value: []byte("new")})
	e.want(s, "key", "new")
	if got := e.peek(s, "key").Expires; !got.IsZero() {
		e.Errorf("the new entry has the deadline %v of the old", got)
	}
}
