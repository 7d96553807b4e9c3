package failover

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"
)

// comers are users who log in one after the other, to see which logins a failover takes back.
type comers struct {
	site   http.Handler
	clock  clock
	faults faults
	loses  bool
	all    []*user // who are logged in, as far as they were told
	next   int
}

// work logs users in until it is told to end, or one is refused.
func (c *comers) work(quit <-chan struct{}) {
	for {
		select {
		case <-quit:
			return
		case <-time.After(2 * time.Millisecond):
		}
		u := &user{site: c.site, clock: c.clock, rng: rand.New(rand.NewPCG(0, 0)), name: fmt.Sprintf("comer-%d", c.next), faults: c.faults}
		c.next++
		if err := u.login(); err != nil {
			if err != errRefused && !(err == errConflict && c.loses) {
				c.faults.say("a login: %v", err)
			}
			return
		}
		c.all = append(c.all, u)
	}
}

// gone counts those who are not logged in any more.
func (c *comers) gone(t *testing.T) (n int) {
	t.Helper()
	lost := newFaults()
	for _, u := range c.all {
		u.faults = lost // a session that is gone takes its cookie along
		switch err := u.visit(); {
		case err == errRefused:
			t.Errorf("%s is refused though all is well", u.name)
		case err != nil:
			n++
		}
	}
	c.all = nil
	return n
}
