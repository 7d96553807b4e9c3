package outage

import (
	"sync"
	"time"
)

// control measures how late this machine wakes anybody up, by a goroutine that wants to be woken every few milliseconds. What a store
// is late because the machine is busy is not the store's.
type control struct {
	epoch time.Time
	quit  chan struct{}
	done  chan struct{}

	mu    sync.Mutex
	lates []late
}

type late struct{ due, woke time.Duration }

const (
	controlPeriod = 2 * time.Millisecond
	worthNoting   = time.Millisecond
)

func startControl() *control {
	c := &control{epoch: time.Now(), quit: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(c.done)
		t := time.NewTimer(controlPeriod)
		defer t.Stop()
		for {
			due := c.now() + controlPeriod
			t.Reset(controlPeriod)
			select {
			case <-c.quit:
				return
			case <-t.C:
			}
			if woke := c.now(); woke-due > worthNoting {
				c.mu.Lock()
				c.lates = append(c.lates, late{due, woke})
				c.mu.Unlock()
			}
		}
	}()
	return c
}

func (c *control) stop() {
	close(c.quit)
	<-c.done
}

// now is the time since the control began.
func (c *control) now() time.Duration { return time.Since(c.epoch) }

// excuse is the delay that the machine owes to somebody who was to be woken at from and was done at to: everybody's lateness in that
// time.
func (c *control) excuse(from, to time.Duration) (sum time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.lates {
		if l.due < to && l.woke > from {
			sum += max(0, min(l.woke, to)-max(l.due, from))
		}
	}
	return sum
}

// worst is the greatest lateness of all.
func (c *control) worst() (worst time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.lates {
		worst = max(worst, l.woke-l.due)
	}
	return worst
}
