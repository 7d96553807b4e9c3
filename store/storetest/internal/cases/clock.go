package cases

import (
	"time"

	"github.com/larder-go/larder/store"
)

// The rules of time are tested against the clock that everybody has. That something is late can be told on any machine: the clock
// is read after the use and the entry looked at after the time has passed, so a slow machine only makes it later. That
// something is early can be told only where the machine was fast enough: the clock is read before the use and after the
// look, and where too much time has gone by the case tries again with twice the Timeout.

// idle is an Expiry with the shortest Timeout that the store keeps, and the default of TouchAfter.
func (e *Env) idle() store.Expiry { return store.Expiry{Timeout: e.Timeout} }

// margin makes "later than" out of a time at which something is still allowed.
func (e *Env) margin() time.Duration {
	if e.Bubble {
		return 1
	}
	return time.Millisecond
}

// lapse is how long after its last use an entry is absent for certain.
func (e *Env) lapse(x store.Expiry) time.Duration {
	return x.Timeout + x.Slack() + e.Slack + e.margin()
}

// until waits until t.
func (e *Env) until(t time.Time) { time.Sleep(time.Until(t)) }

// patiently calls try with longer and longer times until try could tell what it wanted to know.
func (e *Env) patiently(try func(timeout time.Duration) (told bool)) {
	e.Helper()
	for timeout := e.Timeout; timeout <= max(8*e.Timeout, 3*time.Second); timeout *= 2 {
		if try(timeout) || e.Failed() {
			return
		}
	}
	e.Skipf("this machine is too slow to tell")
}

// soon is a deadline d from now that every store can keep exactly.
func soon(d time.Duration) time.Time { return time.Now().Add(d).Truncate(time.Millisecond) }

// yield stands in every loop that goes round until somebody else is done. In a bubble, time stands still while any goroutine
// runs, and those who wait for it would wait for ever.
func (e *Env) yield() {
	if e.Bubble {
		time.Sleep(10 * time.Microsecond)
	}
}
