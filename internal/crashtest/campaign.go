package crashtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// campaign is a [Campaign] under way.
type campaign struct {
	Campaign
	dir     string // of the store
	rng     *rand.Rand
	report  *Report
	model   *model
	running []*process
	started uint64
}

func newCampaign(c Campaign, dir string) (*campaign, error) {
	workers := c.Subject.Procs * c.Subject.Workers
	if workers < 1 || workers > maxWorkers {
		return nil, fmt.Errorf("crashtest: %d workers, of 1 to %d", workers, maxWorkers)
	}
	report := &Report{}
	return &campaign{
		Campaign: c, dir: dir, report: report, model: newModel(workers, report),
		rng: rand.New(rand.NewPCG(c.Seed, 0)),
	}, nil
}

// start starts so many writers by the order o, which holds what is common to them. Seeds and sequence numbers never come again in
// this campaign.
func (c *campaign) start(procs int, o order) error {
	for i := range procs {
		c.started++
		o.Subject, o.Dir = c.Subject.Name, c.dir
		o.Seed, o.Seq = c.Seed<<20+c.started, c.started<<20
		o.Workers = c.Subject.Procs * c.Subject.Workers
		o.First, o.Count = i*c.Subject.Workers, c.Subject.Workers
		p, err := start(o)
		if err != nil {
			return err
		}
		c.running = append(c.running, p)
	}
	return nil
}

// startToKill starts writers that are going to be killed, half of them doomed.
func (c *campaign) startToKill(procs int, o order) error {
	if o.Doom = -1; c.rng.IntN(2) == 0 {
		o.Doom = drawDoom(c.rng)
		o.DoomIn = time.Duration(c.rng.Int64N(int64(10 * time.Millisecond)))
		if c.rng.IntN(4) > 0 { // else the rare ones, which need fewest calls, would hardly ever be met
			o.DoomOp = c.drawWrite()
		}
	}
	return c.start(procs, o)
}

func (c *campaign) drawWrite() string {
	all := []string{opSet, opSwap, opBrief, opDead, opDel, opIncr}
	return all[c.rng.IntN(len(all))]
}

// await waits until all writers have opened the store.
func (c *campaign) await() error {
	for _, p := range c.running {
		if err := p.await(); err != nil {
			return err
		}
	}
	return nil
}

// mayAwait waits for the writers, or not: a tenth of the crashes come while they start, and half of the first few, when they
// make the store.
func (c *campaign) mayAwait() error {
	if c.rng.IntN(10) == 0 || c.model.cycle <= 4 && c.rng.IntN(2) == 0 {
		return nil
	}
	return c.await()
}

// pause waits for a seeded time below d.
func (c *campaign) pause(d time.Duration) { time.Sleep(time.Duration(c.rng.Int64N(int64(d)))) }

// work lets the writers work for a seeded time below d, and on a busy machine up to four times d, until they have begun and ended a
// seeded number of operations below most.
func (c *campaign) work(d time.Duration, most int) {
	target := int64(2 * c.rng.IntN(most))
	end := time.Now().Add(4 * d)
	for c.pause(d); time.Now().Before(end) && c.heard() < target; {
		time.Sleep(100 * time.Microsecond)
	}
	c.pause(500 * time.Microsecond)
}

func (c *campaign) heard() (n int64) {
	for _, p := range c.running {
		n += p.heard.Load()
	}
	return n
}

// over tells whether every writer has ended by itself.
func (c *campaign) over() bool {
	for _, p := range c.running {
		select {
		case <-p.ended:
		default:
			return false
		}
	}
	return true
}

// kill ends the writers one after the other, with gap at most between two, so that the last ones also meet what the first
// ones left, and accounts for what they said.
func (c *campaign) kill(gap time.Duration) {
	c.rng.Shuffle(len(c.running), func(i, j int) { c.running[i], c.running[j] = c.running[j], c.running[i] })
	for i, p := range c.running {
		if i > 0 && gap > 0 {
			c.pause(gap)
		}
		err := p.kill()
		c.report.Killed++
		c.model.killed += c.Subject.Workers
		c.model.apply(p.lines)
		if err != nil {
			c.model.find(Broken, nil, "%v", err)
		}
	}
	c.running = nil
	c.model.ended()
}

// abandon ends what still runs when a campaign ends early.
func (c *campaign) abandon() {
	for _, p := range c.running {
		_ = p.kill()
	}
	c.running = nil
}

// Kills kills the writers of a store in c.Dir, c.Cycles times, with a check after each. An error is a failure of the harness or the
// end of ctx, and never one of the store: those are the report's findings.
func Kills(ctx context.Context, c Campaign) (Report, error) {
	k, err := newCampaign(c, c.Dir)
	if err != nil {
		return Report{}, err
	}
	defer k.abandon()
	for k.model.cycle = 1; k.model.cycle <= c.Cycles && len(k.report.Findings) == 0; k.model.cycle++ {
		if err := errors.Join(ctx.Err(), k.killCycle(ctx)); err != nil {
			return *k.report, err
		}
		k.report.Cycles++
	}
	return *k.report, nil
}

func (c *campaign) killCycle(ctx context.Context) error {
	if err := c.startToKill(c.Subject.Procs, order{}); err != nil {
		return err
	}
	if err := c.mayAwait(); err != nil {
		return err
	}
	c.work(12*time.Millisecond, 100)
	c.kill(4 * time.Millisecond)
	c.model.noteAll("killed")
	c.model.check(ctx, &c.Subject, c.dir, false)
	return nil
}
