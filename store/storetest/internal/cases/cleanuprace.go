package cases

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/larder-go/larder/store"
)

func cleanupRaceCases() []Case {
	const rule = "Cleanup: It judges in the very statement, or under the very lock, that removes: never an entry that was used within idle, however many " +
		"cleaners and users race."
	return []Case{
		{Name: "cleanup/users", Rule: rule, Waits: true, Run: cleanupUsers},
		{Name: "cleanup/revived", Rule: rule, Needs: []string{Swap, Cleanup}, Waits: true, Run: cleanupRevived},
		{Name: "cleanup/cleaners", Rule: "Cleanup: However many cleaners race, each entry is removed and counted once, and no cleaner fails because another was there.",
			Needs: []string{Cleanup, Swap}, Run: cleanupCleaners},
	}
}

// cleanupUsers lets cleaners race users who use entries all the time: no use may find its entry gone.
func cleanupUsers(e *Env) {
	e.patiently(func(timeout time.Duration) bool {
		s := e.open(store.Expiry{Timeout: timeout, TouchAfter: -1})
		var slow, stop atomic.Bool
		end := time.Now().Add(max(2*timeout, time.Duration(e.n(400, 150))*time.Millisecond))
		e.together(6, func(i int) {
			if i < 2 {
				for !stop.Load() {
					if _, err := s.Cleanup(e.ctx, timeout); err != nil && !(e.lacks(Cleanup) && errors.Is(err, errors.ErrUnsupported)) {
						e.Errorf("Cleanup: %v", err)
						return
					}
					time.Sleep(time.Millisecond)
				}
				return
			}
			key := fmt.Sprintf("key %d", i)
			used := time.Now()
			if err := s.Set(e.ctx, key, []byte("value")); err != nil {
				e.Errorf("Set: %v", err)
			}
			for time.Now().Before(end) && !slow.Load() {
				time.Sleep(timeout / 4)
				before := time.Now()
				_, err := s.Get(e.ctx, key)
				if time.Since(used) > timeout {
					slow.Store(true)
				} else if err != nil {
					e.Errorf("Get %v after the last use, beside cleaners: %v", time.Since(used), err)
					slow.Store(true)
				}
				used = before
			}
			stop.Store(true)
		})
		return !slow.Load()
	})
}

// cleanupRevived writes anew, beside cleaners, what they are about to remove, round after round: all that was written must be
// there afterwards. A cleaner that first collects what must go and then removes it, removes some of it.
func cleanupRevived(e *Env) {
	s := e.open(store.Expiry{Timeout: time.Hour})
	const entries = 40
	for range e.n(25, 8) {
		for i := range entries {
			e.swap(s, fmt.Sprintf("key %d", i), store.AnyVersion, &store.Item{Value: []byte("dead"), Atime: time.Now().Add(-3 * time.Hour)})
		}
		e.together(4, func(i int) {
			if i < 2 {
				for range 2 {
					if _, err := s.Cleanup(e.ctx, 0); err != nil {
						e.Errorf("Cleanup: %v", err)
					}
				}
				return
			}
			for k := i - 2; k < entries; k += 2 {
				if err := s.Set(e.ctx, fmt.Sprintf("key %d", k), []byte("live")); err != nil {
					e.Errorf("Set: %v", err)
				}
			}
		})
		for i := range entries {
			if got, err := s.Get(e.ctx, fmt.Sprintf("key %d", i)); err != nil || string(got) != "live" {
				e.Errorf("an entry that was written beside a cleanup holds %s, %v; want \"live\"", show(got), err)
				return
			}
		}
	}
}

func cleanupCleaners(e *Env) {
	s := e.open(store.Expiry{Timeout: time.Hour})
	for range e.n(4, 2) {
		n := e.n(300, 100)
		for i := range n {
			e.swap(s, fmt.Sprintf("dead %d", i), "", &store.Item{Value: []byte("value"), Atime: time.Now().Add(-3 * time.Hour)})
		}
		e.fill(s, "live ", 10)
		var removed atomic.Int64
		e.together(4, func(int) {
			n, err := s.Cleanup(e.ctx, 0)
			if err != nil {
				e.Errorf("Cleanup: %v", err)
			}
			removed.Add(int64(n))
		})
		again, err := s.Cleanup(e.ctx, 0) // a cleaner may leave to another what the other holds
		if err != nil || int(removed.Load())+again != n {
			e.Errorf("4 cleaners at once removed %d, one after them %d, %v; want %d in sum", removed.Load(), again, err, n)
		}
		for i := range 10 {
			e.want(s, fmt.Sprintf("live %d", i), "value")
		}
	}
}
