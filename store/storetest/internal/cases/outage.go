package cases

import (
	"context"
	"errors"
	"time"

	"github.com/larder-go/larder/store"
)

func outageCases() []Case {
	const rule = "Errors: An outage, or a time-out of the backend's own, is ErrUnavailable, never ErrNotFound."
	return []Case{
		{Name: "down/unavailable", Rule: rule, Needs: []string{down}, Waits: true, Run: downUnavailable},
		{Name: "down/deadline", Rule: "Errors: A deadline that passed is both context.DeadlineExceeded and ErrUnavailable; a cancelled context is no outage, " +
			"also where the backend is down.", Needs: []string{down}, Waits: true, Run: downDeadline},
	}
}

func downUnavailable(e *Env) {
	s := e.forever()
	e.set(s, "key", "value")
	up := e.Down(e.T, s)
	for _, key := range []string{"key", "absent"} {
		for _, c := range e.calls() {
			ctx, cancel := context.WithTimeout(e.ctx, 5*time.Second)
			err := c.do(ctx, s, key)
			cancel()
			if c.name == "Cleanup" && err == nil && e.lacks(Cleanup) {
				continue // it asks nobody
			}
			if !errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrNotFound) || errors.Is(err, context.Canceled) {
				e.Errorf("%s of a store that is down: %v; want ErrUnavailable", c.name, err)
			}
		}
	}
	up()
	if !e.eventually(10*time.Second, func() bool { ok, err := s.Contains(e.ctx, "key"); return err == nil && ok }) {
		_, err := s.Contains(e.ctx, "key")
		e.Fatalf("after the outage the entry that was there is not found: %v", err)
	}
	e.set(s, "key", "after")
	e.want(s, "key", "after")
}

func downDeadline(e *Env) {
	s := e.forever()
	e.set(s, "key", "value")
	up := e.Down(e.T, s)
	defer up()
	for _, c := range e.calls() {
		if !c.keyed {
			continue
		}
		ctx, cancel := context.WithCancel(e.ctx)
		cancel()
		err := c.do(ctx, s, "key")
		if !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnavailable) {
			e.Errorf("%s of a store that is down, cancelled: %v; want context.Canceled and not ErrUnavailable", c.name, err)
		}
		begin := time.Now()
		ctx, cancel = context.WithTimeout(e.ctx, 50*time.Millisecond)
		err = c.do(ctx, s, "key")
		cancel()
		if took := time.Since(begin); took > 2*time.Second {
			e.Errorf("%s of a store that is down returned after %v; its context had 50 ms", c.name, took)
		}
		if !errors.Is(err, store.ErrUnavailable) {
			e.Errorf("%s of a store that is down, within 50 ms: %v; want ErrUnavailable", c.name, err)
		}
	}
}
