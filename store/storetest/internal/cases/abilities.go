package cases

import (
	"context"
	"errors"
	"time"

	"github.com/larder-go/larder/store"
)

// An ability is there where its case passes: a Config that declares it lacking is then wrong, and so is one that does not
// declare it where the case fails.
func abilityCases() []Case {
	const rule = "Abilities: An ability that is not declared as lacking works."
	return []Case{
		{Name: "abilities/" + Swap, Rule: rule, Run: func(e *Env) { e.can(store.CanSwap(e.forever()), "Swap, Load or Peek") }},
		{Name: "abilities/" + List, Rule: rule, Run: func(e *Env) { e.can(store.CanList(e.forever()), "List") }},
		{Name: "abilities/" + Sweep, Rule: rule, Run: func(e *Env) { e.can(store.CanSweep(e.forever()), "Sweep") }},
		{Name: "abilities/" + Touch, Rule: rule, Run: canTouch},
		{Name: "abilities/" + Timeout, Rule: rule, Waits: true, Run: canTimeout},
		{Name: "abilities/" + Cleanup, Rule: rule, Waits: true, Run: canCleanup},
		{Name: "abilities/expiry", Rule: "Abilities: Expirer tells the Expiry that the store was opened with: that one, and no other.", Run: expiryTold},
		{Name: "abilities/free", Rule: "Abilities: A store that has the method but not the ability returns an error that wraps errors.ErrUnsupported before it " +
			"looks at key, context or backend.", Run: abilitiesFree},
	}
}

func (e *Env) can(ok bool, what string) {
	e.Helper()
	if !ok {
		e.Errorf("the store cannot %s", what)
	}
}

// canTouch fails for nobody, since Touch has an honest fallback. It tells those who declare that they lack it and do not.
func canTouch(e *Env) {
	if _, ok := e.forever().(store.Toucher); !ok {
		e.Skipf("the store has no Touch of its own, so store.Touch falls back to Get")
	}
}

func canTimeout(e *Env) {
	x := e.idle()
	s := e.open(x)
	e.set(s, "key", "value")
	time.Sleep(e.lapse(x))
	if e.contains(s, "key") {
		e.Errorf("with a Timeout of %v the entry is still there after %v", x.Timeout, e.lapse(x))
	}
}

func canCleanup(e *Env) {
	x := store.Expiry{TouchAfter: e.Timeout / 20}
	s := e.open(x)
	e.set(s, "key", "value")
	x.Timeout = e.Timeout
	time.Sleep(e.lapse(x))
	if n, err := s.Cleanup(e.ctx, e.Timeout); n != 1 || err != nil {
		e.Errorf("Cleanup(%v) after %v = %d, %v; want 1", e.Timeout, e.lapse(x), n, err)
	}
}

// expiryTold leaves out who does not tell his Expiry. That need not be declared: nothing of the contract rests on it, and most wrappers were
// written without it. A store that fills in TouchAfter's default tells the same, and one that has no time-out may tell so.
func expiryTold(e *Env) {
	for _, x := range []store.Expiry{{}, {Timeout: e.Timeout}, {Timeout: 24 * time.Hour, TouchAfter: -1}, {Timeout: time.Hour, TouchAfter: 10 * time.Minute}} {
		s := e.open(x)
		told, err := store.ExpiryOf(s)
		switch {
		case errors.Is(err, errors.ErrUnsupported):
			e.Skipf("the store does not tell its Expiry")
		case err != nil:
			e.Errorf("ExpiryOf = %v", err)
		case e.lacks(Timeout) && told.Timeout == 0:
		case told.Timeout != x.Timeout || told.Slack() != x.Slack():
			e.Errorf("opened with %+v (slack %v), the store tells %+v (slack %v)", x, x.Slack(), told, told.Slack())
		}
	}
}

// abilitiesFree asks with what every other answer would refuse: no key, and a context that has ended.
func abilitiesFree(e *Env) {
	s := e.forever()
	ctx, cancel := context.WithCancel(e.ctx)
	cancel()
	listed := func() (err error) {
		for _, err = range store.List(ctx, s, "\x00") {
			break
		}
		return err
	}
	_, swap := store.Swap(ctx, s, "", "", nil)
	_, load := store.Load(ctx, s, "")
	_, peek := store.Peek(ctx, s, "")
	_, sweep := store.Sweep(ctx, s, store.SweepOptions{Batch: 1, DryRun: true})
	for _, ask := range []struct {
		op, ability string
		err         error
	}{{"Swap", Swap, swap}, {"Load", Swap, load}, {"Peek", Swap, peek}, {"List", List, listed()}, {"Sweep", Sweep, sweep}} {
		switch unsupported := errors.Is(ask.err, errors.ErrUnsupported); {
		case e.lacks(ask.ability) && !unsupported:
			e.Errorf("the store lacks %s, and %s answers a call that is wrong in every way with %v; want ErrUnsupported", ask.ability, ask.op, ask.err)
		case !e.lacks(ask.ability) && unsupported:
			e.Errorf("the store has %s, and %s answers %v", ask.ability, ask.op, ask.err)
		case ask.err == nil:
			e.Errorf("%s answers nil under a context that has ended", ask.op)
		}
	}
	if e.lacks(Swap) {
		err := store.Update(e.ctx, s, "key", func(*store.Item) (*store.Item, error) { panic("fn was called") })
		e.is("Update", err, errors.ErrUnsupported)
	}
}
