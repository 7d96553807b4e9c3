package outage

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// TestKills kills all processes of a server by SIGKILL under load, again and again. No acknowledged write is lost, no acknowledged
// removal undone, and an entry has the version that it had.
func TestKills(t *testing.T) {
	t.Parallel()
	kills := 3
	if soaking() {
		kills = 100
	}
	each(t, func(t *testing.T, b backend) {
		if !b.durable {
			t.Skip("it promises nothing about a kill")
		}
		server := b.server(t)
		c := &campaign{b: b, server: server, clock: startControl(), rng: rand.New(rand.NewPCG(1, 1))}
		defer c.clock.stop()
		s := b.dial(t, server.Addr, sockets, patientOwn)
		defer s.Close()
		c.load = newLoad(s, "kills", patientOwn, c.clock, 1)
		c.load.calm, c.load.memory, c.load.settles = true, b.memory, b.settles()
		if err := c.load.seed(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range kills {
			c.kill(t)
			if t.Failed() {
				break
			}
		}
		c.report(t)
	})
}

type campaign struct {
	b      backend
	server *testserver.Server
	clock  *control
	load   *load
	rng    *rand.Rand

	kills, acked, cut, happened int
	back, recovered             []time.Duration // from the start of the server to its first answer; from then to the last goroutine's
}

// kill kills the server once, and looks at what it left.
func (c *campaign) kill(t *testing.T) {
	m := marks{}
	c.load.start()
	wait(time.Duration(50+c.rng.IntN(200)) * time.Millisecond)
	m.eve = c.clock.now()
	c.server.Kill(t)
	m.begun = c.clock.now()
	wait(time.Duration(c.rng.IntN(100)) * time.Millisecond)
	m.ending = c.clock.now()
	c.server.Start(t)
	m.returned = c.clock.now()
	c.load.goOn(m.returned, recovery/2)
	c.load.stop()
	m.stopped = c.clock.now()

	v := c.load.judge(fault{total: true, refuses: true}, m)
	for _, wrong := range v.wrong {
		t.Errorf("kill %d: %s", c.kills, wrong)
	}
	c.kills++
	c.back = append(c.back, m.returned-m.ending)
	c.recovered = append(c.recovered, v.recovered)
	for _, w := range c.load.workers {
		for _, r := range w.records {
			if !r.kind.reads() && r.kind != opTouch {
				if r.err == nil {
					c.acked++
				} else {
					c.cut++
				}
			}
		}
		w.records = w.records[:0]
		for _, e := range w.entries {
			c.look(t, e)
		}
	}
	for _, key := range c.load.steady {
		if data, err := c.load.store.Get(t.Context(), key); err != nil {
			t.Errorf("kill %d: a key that is there: %v", c.kills, err)
		} else if _, err := parse(key, data); err != nil {
			t.Errorf("kill %d: %v", c.kills, err)
		}
	}
}

// look compares an entry with what its writer knows.
func (c *campaign) look(t *testing.T, e *entry) {
	item, err := store.Peek(context.Background(), c.load.store, e.key)
	seq, version := uint64(absent), store.Version("")
	wrong := ""
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		wrong = err.Error()
	default:
		version = item.Version
		if seq, err = parse(e.key, item.Value); err != nil {
			wrong = err.Error()
		} else {
			wrong = e.checkVersion(seq, version)
		}
	}
	if wrong == "" {
		wrong = e.check(seq)
	}
	if wrong != "" {
		t.Errorf("after kill %d: %s", c.kills, wrong)
	}
	if seq != e.acked {
		c.happened++
	}
	e.settled(seq, version)
}

func (c *campaign) report(t *testing.T) {
	spread := func(all []time.Duration) string {
		slices.Sort(all)
		return fmt.Sprintf("%v, at most %v", round(all[len(all)/2]), round(all[len(all)-1]))
	}
	t.Logf("%d kills: %d writes acknowledged, %d cut off, of which %d had happened; the server took %v to answer again, "+
		"and then all goroutines %v to work; machine late by %v at worst",
		c.kills, c.acked, c.cut, c.happened, spread(c.back), spread(c.recovered), round(c.clock.worst()))
}
