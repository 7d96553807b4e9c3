package outage

import (
	"runtime"
	"sync"
	"time"
)

// control measures how late this machine wakes anybody up, by goroutines that want to be woken every few milliseconds. What a store is
// late because the machine is busy is not the store's. They are several, since it may be one thread alone that gets no processor, and with it
// the timers that are its own.
type control struct {
	epoch   time.Time
	quit    chan struct{}
	running sync.WaitGroup

	mu    sync.Mutex
	lates [][]late // of each goroutine
}

type late struct{ due, woke time.Duration }

const (
	controlPeriod = 2 * time.Millisecond
	worthNoting   = time.Millisecond
)

func startControl() *control {
	c := &control{epoch: time.Now(), quit: make(chan struct{})}
	c.lates = make([][]late, 2*runtime.GOMAXPROCS(0))
	for i := range c.lates {
		c.running.Go(func() { c.watch(i) })
	}
	return c
}

func (c *control) watch(i int) {
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
			c.lates[i] = append(c.lates[i], late{due, woke})
			c.mu.Unlock()
		}
	}
}

func (c *control) stop() {
	close(c.quit)
	c.running.Wait()
}

// now is the time since the control began.
func (c *control) now() time.Duration { return time.Since(c.epoch) }

// excuse is the delay that the machine owes to somebody who was to be woken at from and was done at to: how late it has woken one
// goroutine in that time, the one that it has treated worst.
func (c *control) excuse(from, to time.Duration) (worst time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, lates := range c.lates {
		var sum time.Duration
		for _, l := range lates {
			sum += max(0, min(l.woke, to)-max(l.due, from))
		}
		worst = max(worst, sum)
	}
	return worst
}

// worst is the greatest lateness of all.
func (c *control) worst() (worst time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, lates := range c.lates {
		for _, l := range lates {
			worst = max(worst, l.woke-l.due)
		}
	}
	return worst
}
