package cases

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/larder-go/larder/store"
)

func cleanupCases() []Case {
	const dead = "Cleanup: Cleanup(idle) removes what is absent, and returns how many it removed."
	const idle = "Cleanup: Where idle > 0, Cleanup removes what has now - atime > idle + slack."
	return []Case{
		{Name: "cleanup/dead", Rule: dead, Needs: []string{Cleanup, Timeout}, Waits: true, Run: cleanupDead},
		{Name: "cleanup/live", Rule: "Cleanup: It removes what is absent, and nothing else.", Waits: true, Run: cleanupLive},
		{Name: "cleanup/deadline", Rule: dead + " That goes for deadlines, too.", Needs: []string{Cleanup, Swap}, Waits: true, Run: cleanupDeadline},
		{Name: "cleanup/both", Rule: dead + " What is absent by its atime and by its deadline counts once.", Needs: []string{Cleanup, Swap, Timeout}, Waits: true,
			Run: cleanupBoth},
		{Name: "cleanup/idle", Rule: idle, Needs: []string{Cleanup}, Waits: true, Run: cleanupIdle},
		{Name: "cleanup/idle-early", Rule: "Cleanup: Never an entry that was used within idle.", Waits: true, Run: cleanupIdleEarly},
		{Name: "cleanup/slack", Rule: "Cleanup: Never an entry that was used within idle, also where that use was not recorded.", Waits: true, Run: cleanupSlack},
		{Name: "cleanup/idle-long", Rule: "Cleanup: An idle time longer than the Timeout removes what is absent by the Timeout.", Needs: []string{Cleanup, Timeout},
			Waits: true, Run: cleanupIdleLong},
		{Name: "cleanup/none", Rule: "Cleanup: With idle ≤ 0 it removes what is absent, and without Timeout and deadlines nothing is.", Run: cleanupNone},
		{Name: "cleanup/again", Rule: dead + " What was set anew is another entry, and lives.", Needs: []string{Timeout}, Waits: true, Run: cleanupAgain},
		{Name: "cleanup/many", Rule: "Cleanup: It works in bounded batches; one call removes all that must go.", Needs: []string{Cleanup, Swap}, Run: cleanupMany},
		{Name: "cleanup/given-atime", Rule: idle + " That goes for an atime that was given to Swap, too.", Needs: []string{Cleanup, Swap}, Run: cleanupGiven},
		{Name: "cleanup/by-itself", Rule: "Cleanup: A backend that expires by itself returns 0 and nil where idle ≤ 0 or 0 < Timeout ≤ idle, else an error that " +
			"wraps errors.ErrUnsupported.", Needs: []string{"no " + Cleanup}, Run: cleanupByItself},
		{Name: "cleanup/canceled", Rule: "Cleanup: When its context ends, it returns what it has removed so far with the context's error.", Run: cleanupCanceled},
	}
}

// cleanup calls Cleanup and checks what it returns.
func (e *Env) cleanup(s store.Store, idle time.Duration, want int) {
	e.Helper()
	if n, err := s.Cleanup(e.ctx, idle); n != want || err != nil {
		e.Errorf("Cleanup(%v) = %d, %v; want %d", idle, n, err, want)
	}
}

func (e *Env) fill(s store.Store, prefix string, n int) {
	e.Helper()
	for i := range n {
		e.set(s, fmt.Sprintf("%s%d", prefix, i), "value")
	}
}

func cleanupDead(e *Env) {
	x := e.idle()
	s := e.open(x)
	e.fill(s, "dead ", 5)
	time.Sleep(e.lapse(x))
	e.cleanup(s, 0, 5)
	e.cleanup(s, 0, 0)
	for i := range 5 {
		e.gone(s, fmt.Sprintf("dead %d", i))
	}
	e.fill(s, "dead ", 5)
	time.Sleep(e.lapse(x))
	e.gone(s, "dead 3") // seen dead: whether it is still to be removed is the store's business
	if n, err := s.Cleanup(e.ctx, 0); err != nil || n < 4 || n > 5 {
		e.Errorf("Cleanup = %d, %v; want 5, or 4 if the use of an absent entry has removed it", n, err)
	}
}

func cleanupLive(e *Env) {
	e.patiently(func(timeout time.Duration) bool {
		x := store.Expiry{Timeout: timeout}
		s := e.open(x)
		e.fill(s, "dead ", 5)
		time.Sleep(e.lapse(x))
		used := time.Now()
		e.fill(s, "live ", 5)
		told := e.early(s, used, timeout, func() bool {
			s.Cleanup(e.ctx, 0)
			for i := range 5 {
				if !e.contains(s, fmt.Sprintf("live %d", i)) {
					return false
				}
			}
			return true
		})
		return told
	})
}

func cleanupDeadline(e *Env) {
	s := e.forever()
	expires := soon(e.Timeout)
	for i := range 5 {
		e.mortal(s, fmt.Sprintf("dead %d", i), expires)
		e.mortal(s, fmt.Sprintf("later %d", i), soon(time.Hour))
	}
	e.fill(s, "live ", 5)
	e.until(expires.Add(e.Slack))
	e.cleanup(s, 0, 5)
	e.cleanup(s, 0, 0)
	for i := range 5 {
		e.gone(s, fmt.Sprintf("dead %d", i))
		e.want(s, fmt.Sprintf("later %d", i), "value")
		e.want(s, fmt.Sprintf("live %d", i), "value")
	}
}

func cleanupBoth(e *Env) {
	x := e.idle()
	s := e.open(x)
	for i := range 5 {
		e.mortal(s, fmt.Sprintf("dead %d", i), soon(e.Timeout))
	}
	time.Sleep(e.lapse(x) + e.margin())
	e.cleanup(s, 0, 5)
	e.cleanup(s, 0, 0)
}

func cleanupIdle(e *Env) {
	e.patiently(func(timeout time.Duration) bool {
		x := store.Expiry{TouchAfter: timeout / 20} // no Timeout: nothing is absent by itself
		s := e.open(x)
		e.fill(s, "idle ", 5)
		time.Sleep(e.lapse(store.Expiry{Timeout: timeout, TouchAfter: x.TouchAfter}))
		begin := time.Now()
		e.fill(s, "new ", 5)
		e.cleanup(s, time.Hour, 0)
		e.cleanup(s, 0, 0)
		e.want(s, "idle 0", "value") // a use: this one is not idle any more
		n, err := s.Cleanup(e.ctx, timeout)
		if time.Since(begin) > timeout {
			return false
		}
		if n != 4 || err != nil {
			e.Errorf("Cleanup(%v) = %d, %v; want 4", timeout, n, err)
		}
		for i := 1; i < 5; i++ {
			e.gone(s, fmt.Sprintf("idle %d", i))
		}
		return true
	})
}

func cleanupIdleEarly(e *Env) {
	e.patiently(func(timeout time.Duration) bool {
		s := e.open(store.Expiry{TouchAfter: timeout / 20})
		if n, err := s.Cleanup(e.ctx, timeout); errors.Is(err, errors.ErrUnsupported) && n == 0 && e.lacks(Cleanup) {
			return true
		}
		used := time.Now()
		e.set(s, "key", "value")
		return e.early(s, used, timeout, func() bool {
			s.Cleanup(e.ctx, timeout)
			return e.contains(s, "key")
		})
	})
}

func cleanupSlack(e *Env) {
	e.patiently(func(timeout time.Duration) bool {
		s := e.open(store.Expiry{TouchAfter: timeout * 3 / 4})
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
		return e.early(s, used, timeout, func() bool {
			s.Cleanup(e.ctx, timeout)
			return e.contains(s, "key")
		})
	})
}

func cleanupIdleLong(e *Env) {
	x := e.idle()
	s := e.open(x)
	e.fill(s, "dead ", 3)
	time.Sleep(e.lapse(x))
	e.cleanup(s, time.Hour, 3)
}

func cleanupNone(e *Env) {
	s := e.forever()
	e.fill(s, "key ", 10)
	for _, idle := range []time.Duration{0, -1, -time.Hour, -1 << 63} {
		e.cleanup(s, idle, 0)
	}
	if n, err := s.Cleanup(e.ctx, 1<<63-1); n != 0 || err != nil && !e.lacks(Cleanup) {
		e.Errorf("Cleanup(292 years) = %d, %v; want 0", n, err)
	}
	for i := range 10 {
		e.want(s, fmt.Sprintf("key %d", i), "value")
	}
	e.cleanup(s, 0, 0)
}

func cleanupAgain(e *Env) {
	e.patiently(func(timeout time.Duration) bool {
		x := store.Expiry{Timeout: timeout}
		s := e.open(x)
		e.fill(s, "key ", 5)
		time.Sleep(e.lapse(x))
		used := time.Now()
		e.set(s, "key 1", "new")
		n, err := s.Cleanup(e.ctx, 0)
		ok := e.contains(s, "key 1")
		if time.Since(used) > timeout {
			return false
		}
		if !ok {
			e.Errorf("Cleanup has removed an entry that was set anew")
		}
		if err != nil || n != 4 && !e.lacks(Cleanup) {
			e.Errorf("Cleanup(0) = %d, %v; want 4", n, err)
		}
		return true
	})
}

func cleanupMany(e *Env) {
	s := e.open(store.Expiry{Timeout: time.Hour})
	n := e.n(1200, 600)
	for i := range n {
		e.swap(s, fmt.Sprintf("dead %d", i), "", &store.Item{Value: []byte("value"), Atime: time.Now().Add(-3 * time.Hour)})
	}
	e.fill(s, "live ", 10)
	e.cleanup(s, 0, n)
	e.cleanup(s, 0, 0)
	for i := range 10 {
		e.want(s, fmt.Sprintf("live %d", i), "value")
	}
}

func cleanupGiven(e *Env) {
	s := e.open(store.Expiry{TouchAfter: time.Minute})
	for i := range 10 {
		e.swap(s, fmt.Sprintf("key %d", i), "", &store.Item{Value: []byte("value"), Atime: time.Now().Add(-time.Duration(i) * time.Hour)})
	}
	e.cleanup(s, 5*time.Hour+30*time.Minute, 4)
	e.cleanup(s, 5*time.Hour+30*time.Minute, 0)
	e.cleanup(s, 30*time.Minute, 5)
	e.want(s, "key 0", "value")
}

func cleanupByItself(e *Env) {
	for _, c := range []struct {
		timeout, idle time.Duration
		can           bool
	}{{0, 0, true}, {0, -time.Hour, true}, {time.Hour, 0, true}, {time.Hour, time.Hour, true}, {time.Hour, 2 * time.Hour, true}, {time.Hour, time.Minute, false}, {0, time.Hour, false}} {
		s := e.open(store.Expiry{Timeout: c.timeout})
		e.set(s, "key", "value")
		n, err := s.Cleanup(e.ctx, c.idle)
		switch {
		case n != 0, c.can && err != nil, !c.can && !errors.Is(err, errors.ErrUnsupported):
			e.Errorf("with a Timeout of %v Cleanup(%v) = %d, %v; want 0 and, supported: %v", c.timeout, c.idle, n, err, c.can)
		}
		e.want(s, "key", "value")
	}
}

func cleanupCanceled(e *Env) {
	s := e.forever()
	e.set(s, "key", "value")
	ctx, cancel := context.WithCancel(e.ctx)
	cancel()
	n, err := s.Cleanup(ctx, 0)
	if n != 0 || !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnavailable) {
		e.Errorf("Cleanup under a context that was cancelled = %d, %v; want 0, context.Canceled", n, err)
	}
	e.want(s, "key", "value")
}
