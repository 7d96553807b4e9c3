package crashtest

import (
	"context"
	"errors"
	"path/filepath"
	"time"
)

// Cuts cuts the power under the writers of a store, c.Cycles times, with a check after each. It needs what [CanCut] asks for. In two
// of three cycles writers are killed and started again before the cut: what they had begun is visible then, without being
// durable, and the next writer, at times one that does the same again, must not take it for done.
func Cuts(ctx context.Context, c Campaign) (_ Report, err error) {
	im, err := newImage(c.Dir, c.Options)
	if err != nil {
		return Report{}, err
	}
	defer func() { err = errors.Join(err, im.close()) }()
	k, err := newCampaign(c, filepath.Join(im.mount, "store"))
	if err != nil {
		return Report{}, err
	}
	defer k.abandon() // before the image is let go
	for k.model.cycle = 1; k.model.cycle <= c.Cycles && len(k.report.Findings) == 0; k.model.cycle++ {
		if err := errors.Join(ctx.Err(), k.cutCycle(ctx, im)); err != nil {
			return *k.report, err
		}
		k.report.Cycles++
	}
	return *k.report, nil
}

func (c *campaign) cutCycle(ctx context.Context, im *image) error {
	run := c.mixed
	if c.rng.IntN(3) == 0 {
		run = c.scripted
	}
	if err := run(); err != nil {
		return err
	}
	for _, p := range c.running {
		if err := p.freeze(); err != nil {
			return err
		}
	}
	if err := im.cut(); err != nil {
		return err
	}
	c.kill(0)
	if err := im.remount(); err != nil {
		return err
	}
	c.model.noteAll("power cut")
	c.model.check(ctx, &c.Subject, c.dir, true)
	return nil
}

// scripted does what the mix hardly ever comes to: one worker writes a key, begins another write of it and is killed at one of its
// system calls, and does the same again. That is the last thing that happens.
func (c *campaign) scripted() error {
	again := retry{Worker: c.rng.IntN(c.Subject.Workers), Op: c.drawWrite()}
	again.Key = ownKey(again.Worker, c.rng.IntN(keysPerWorker))
	if again.Op == opIncr {
		again.Key = c.rng.IntN(counters)
	}
	first := again
	if first.Op != opIncr {
		first.Op = opSet
	}
	for i, o := range []order{
		{Retry: []retry{first}, Doom: -1},
		{Retry: []retry{again}, Doom: drawDoom(c.rng), DoomOp: again.Op},
		{Retry: []retry{again}, Doom: -1},
	} {
		o.Ops, o.Lone = 1, true
		if err := c.start(1, o); err != nil {
			return err
		}
		for end := time.Now().Add(100 * time.Millisecond); c.heard() < 3 && !c.over() && time.Now().Before(end); {
			time.Sleep(100 * time.Microsecond)
		}
		if i < 2 {
			c.kill(0)
			c.model.noteAll("killed")
		}
	}
	return nil
}

// mixed lets writers do as they like, in two of three cycles with a kill in between.
func (c *campaign) mixed() error {
	// Any fsync brings the whole journal out, that of a neighbour too. So that the last acknowledgements are not always covered by
	// the fsync of what is already under way, there is at times a single writer, and at times all fall silent before the cut.
	procs, o := 1+c.rng.IntN(c.Subject.Procs), order{Ops: 12 * c.rng.IntN(2), Rest: true, Doom: -1}
	if c.rng.IntN(3) > 0 {
		if err := c.startToKill(procs, order{}); err != nil {
			return err
		}
		if err := c.await(); err != nil {
			return err
		}
		c.work(8*time.Millisecond, 60)
		c.kill(2 * time.Millisecond)
		c.model.noteAll("killed")
		if c.rng.IntN(3) > 0 {
			o.Retry, o.Ops = c.model.retries(), 1+c.rng.IntN(2)
		}
		if c.rng.IntN(3) > 0 && len(o.Retry) > 0 {
			o.Retry, o.Lone = o.Retry[:1], true
		}
	}
	if err := c.start(procs, o); err != nil {
		return err
	}
	if err := c.mayAwait(); err != nil {
		return err
	}
	if o.Ops > 0 {
		c.work(15*time.Millisecond, o.Ops)
	} else {
		c.work(15*time.Millisecond, 30)
	}
	return nil
}
