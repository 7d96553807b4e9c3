package mutants

import (
	"context"
	"errors"
	"maps"
	"os"
	"time"

	"github.com/larder-go/larder/store"
)

// collectThenRemove is a cleanup in two steps: remove does what it likes with what was due a moment ago.
func collectThenRemove(p *plain, remove func(key string) error) func(ctx context.Context, idle time.Duration) (int, error) {
	return func(ctx context.Context, idle time.Duration) (removed int, err error) {
		if err := p.enter(ctx, "cleanup", "any"); err != nil {
			return 0, err
		}
		var due []string
		for key, item := range p.items {
			if p.due(item, idle) {
				due = append(due, key)
			}
		}
		p.mu.Unlock()
		time.Sleep(200 * time.Microsecond)
		for _, key := range due {
			if err := remove(key); err != nil {
				return removed, err
			}
			removed++
		}
		return removed, nil
	}
}

// remove removes key, and tells whether it was there.
func (p *plain) remove(key string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.items[key]
	delete(p.items, key)
	return ok
}

func cleanupMutants() []Mutant {
	cleanup := func(change func(p *plain, idle time.Duration) time.Duration) func(store.Expiry) store.Store {
		return breakPlain(func(b *broken, p *plain) {
			b.cleanup = func(ctx context.Context, idle time.Duration) (int, error) { return p.Cleanup(ctx, change(p, idle)) }
		})
	}
	// judged is a plain whose cleanup goes by its own idea of what is due.
	judged := func(due func(p *plain, item *store.Item, idle time.Duration) bool) func(store.Expiry) store.Store {
		return breakPlain(func(b *broken, p *plain) {
			b.cleanup = func(ctx context.Context, idle time.Duration) (removed int, err error) {
				if err := p.enter(ctx, "cleanup", "any"); err != nil {
					return 0, err
				}
				defer p.mu.Unlock()
				maps.DeleteFunc(p.items, func(_ string, item *store.Item) bool {
					gone := due(p, item, idle)
					if gone {
						removed++
					}
					return gone
				})
				return removed, nil
			}
		})
	}
	return []Mutant{
		{Name: "cleanup-no-recheck", Fault: "collects what must go, and removes it later without another look", Case: "cleanup/revived",
			Seen: "scs's boltstore; DELETE WHERE id IN (SELECT ...); a file store's stat and unlink, which removed 8.9 % of the live entries",
			New: breakPlain(func(b *broken, p *plain) {
				b.cleanup = collectThenRemove(p, func(key string) error { p.remove(key); return nil })
			})},
		{Name: "cleanup-counts-twice", Fault: "counts what another cleaner has removed", Case: "cleanup/cleaners", New: breakPlain(func(b *broken, p *plain) {
			b.cleanup = collectThenRemove(p, func(key string) error {
				p.mu.Lock()
				defer p.mu.Unlock()
				if item := p.items[key]; item != nil && p.due(item, 0) {
					delete(p.items, key)
				}
				return nil
			})
		})},
		{Name: "cleanup-fails-beside", Fault: "fails where another cleaner was faster", Seen: "web.py's DiskStore: ENOENT", Case: "cleanup/cleaners", New: breakPlain(func(b *broken, p *plain) {
			b.cleanup = collectThenRemove(p, func(key string) error {
				if !p.remove(key) {
					return store.Wrap("plain", "cleanup", os.ErrNotExist)
				}
				return nil
			})
		})},
		{Name: "cleanup-counts-nothing", Fault: "returns 0 whatever it removes", Case: "cleanup/dead", New: breakPlain(func(b *broken, p *plain) {
			b.cleanup = func(ctx context.Context, idle time.Duration) (int, error) {
				_, err := p.Cleanup(ctx, idle)
				return 0, err
			}
		})},
		{Name: "cleanup-counts-all", Fault: "returns how many entries it looked at", Case: "cleanup/none", New: breakPlain(func(b *broken, p *plain) {
			b.cleanup = func(ctx context.Context, idle time.Duration) (int, error) {
				r, err := p.Sweep(ctx, store.SweepOptions{Idle: idle})
				return r.Scanned, err
			}
		})},
		{Name: "cleanup-idle-ignored", Fault: "ignores the idle time", Case: "cleanup/idle", New: cleanup(func(*plain, time.Duration) time.Duration { return 0 })},
		{Name: "cleanup-zero-all", Fault: "takes an idle time of 0 for: everything", Seen: "DELETE WHERE atime < now - 0", Case: "cleanup/none",
			New: judged(func(p *plain, item *store.Item, idle time.Duration) bool { return time.Since(item.Atime) >= idle })},
		{Name: "cleanup-overflow", Fault: "subtracts a long idle time until it lies in the future", Case: "cleanup/none",
			New: judged(func(p *plain, item *store.Item, idle time.Duration) bool {
				return p.due(item, idle) || idle > 0 && idle+p.x.Slack() < 0
			})},
		{Name: "cleanup-idle-instead", Fault: "forgets the Timeout where an idle time is given", Case: "cleanup/idle-long",
			New: judged(func(p *plain, item *store.Item, idle time.Duration) bool {
				if idle > 0 {
					return time.Since(item.Atime) > idle+p.x.Slack()
				}
				return p.due(item, 0)
			})},
		{Name: "cleanup-without-slack", Fault: "does not allow for uses that were not recorded", Case: "cleanup/slack",
			New: judged(func(p *plain, item *store.Item, idle time.Duration) bool {
				return p.due(item, 0) || idle > 0 && time.Since(item.Atime) > idle
			})},
		{Name: "cleanup-early", Fault: "removes at half the idle time", Case: "cleanup/idle-early", New: cleanup(func(p *plain, idle time.Duration) time.Duration {
			if idle <= 0 {
				return idle
			}
			return max(idle/2-p.x.Slack(), 1)
		})},
		{Name: "cleanup-live", Fault: "removes what will be dead soon", Case: "cleanup/live", New: judged(func(p *plain, item *store.Item, idle time.Duration) bool {
			return p.due(item, idle) || p.x.Timeout > 0 && time.Since(item.Atime) > p.x.Timeout*2/3
		})},
		{Name: "cleanup-used", Fault: "goes by the time at which the entry was written", Seen: "web.py's naive time stamps", Case: "cleanup/users", New: breakPlain(func(b *broken, p *plain) {
			written := map[string]time.Time{}
			b.set = func(ctx context.Context, key string, value []byte) error {
				err := p.Set(ctx, key, value)
				p.mu.Lock()
				defer p.mu.Unlock()
				written[key] = time.Now()
				return err
			}
			b.cleanup = func(ctx context.Context, idle time.Duration) (int, error) {
				p.mu.Lock()
				defer p.mu.Unlock()
				n := 0
				for key, at := range written {
					if idle > 0 && time.Since(at) > idle+p.x.Slack() {
						delete(p.items, key)
						n++
					}
				}
				return n, ctx.Err()
			}
		})},
		{Name: "cleanup-deadlines", Fault: "forgets entries that are dead by their deadline", Case: "cleanup/deadline",
			New: judged(func(p *plain, item *store.Item, idle time.Duration) bool {
				return item.Atime.Before(p.x.Cutoff(time.Now(), idle))
			})},
		{Name: "cleanup-both", Fault: "goes through two orders, and counts what stands in both of them twice", Case: "cleanup/both", New: breakPlain(func(b *broken, p *plain) {
			b.cleanup = func(ctx context.Context, idle time.Duration) (int, error) {
				twice := 0
				p.mu.Lock()
				for _, item := range p.items {
					now := time.Now()
					if item.Atime.Before(p.x.Cutoff(now, idle)) && !item.Expires.IsZero() && !now.Before(item.Expires) {
						twice++
					}
				}
				p.mu.Unlock()
				n, err := p.Cleanup(ctx, idle)
				return n + twice, err
			}
		})},
		{Name: "cleanup-first-batch", Fault: "removes one batch and leaves the rest", Case: "cleanup/many", New: breakPlain(func(b *broken, p *plain) {
			b.cleanup = func(ctx context.Context, idle time.Duration) (int, error) {
				r, err := p.Sweep(ctx, store.SweepOptions{Idle: idle, Limit: 100})
				return r.Removed, err
			}
		})},
		{Name: "cleanup-revived", Fault: "keeps a list of what it saw dead, and removes it although it was set anew", Case: "cleanup/again", New: breakPlain(func(b *broken, p *plain) {
			created := map[string]time.Time{}
			b.set = func(ctx context.Context, key string, value []byte) error {
				p.mu.Lock()
				if created[key].IsZero() {
					created[key] = time.Now()
				}
				p.mu.Unlock()
				return p.Set(ctx, key, value)
			}
			b.cleanup = func(ctx context.Context, idle time.Duration) (n int, err error) {
				p.mu.Lock()
				defer p.mu.Unlock()
				for key, at := range created {
					if p.x.Timeout > 0 && time.Since(at) > p.x.Timeout+p.x.Slack() {
						delete(p.items, key)
						n++
					}
				}
				return n, ctx.Err()
			}
		})},
		{Name: "cleanup-ignores-context", Fault: "goes on when its context has ended", Case: "cleanup/canceled", New: breakPlain(func(b *broken, p *plain) {
			b.cleanup = func(_ context.Context, idle time.Duration) (int, error) { return p.Cleanup(context.Background(), idle) }
		})},
	}
}

func sweepMutants() []Mutant {
	sweep := func(change func(o *store.SweepOptions, r *store.SweepReport) (after func())) func(store.Expiry) store.Store {
		return breakPlain(func(b *broken, p *plain) {
			b.sweep = func(ctx context.Context, o store.SweepOptions) (r store.SweepReport, err error) {
				after := change(&o, &r)
				r, err = p.Sweep(ctx, o)
				if after != nil {
					after()
				}
				return r, err
			}
		})
	}
	return []Mutant{
		{Name: "sweep-prefix", Fault: "sweeps the whole store whatever the prefix", Case: "sweep/prefix",
			New: sweep(func(o *store.SweepOptions, _ *store.SweepReport) func() { o.Prefix = ""; return nil })},
		{Name: "sweep-limit", Fault: "ignores the limit", Case: "sweep/limit", New: sweep(func(o *store.SweepOptions, _ *store.SweepReport) func() { o.Limit = 0; return nil })},
		{Name: "sweep-dry-run", Fault: "removes in a dry run", Case: "sweep/dry-run", New: sweep(func(o *store.SweepOptions, _ *store.SweepReport) func() { o.DryRun = false; return nil })},
		{Name: "sweep-idle", Fault: "ignores the idle time", Case: "sweep/idle", New: sweep(func(o *store.SweepOptions, _ *store.SweepReport) func() { o.Idle = 0; return nil })},
		{Name: "sweep-silent", Fault: "never tells its progress", Case: "sweep/batch", New: sweep(func(o *store.SweepOptions, _ *store.SweepReport) func() { o.Progress = nil; return nil })},
		{Name: "sweep-scanned", Fault: "counts an entry again in each batch", Case: "sweep/scanned",
			New: sweep(func(_ *store.SweepOptions, r *store.SweepReport) func() { return func() { r.Scanned += 5 * r.Removed } })},
		{Name: "sweep-bytes", Fault: "does not count bytes", Case: "sweep/report",
			New: sweep(func(_ *store.SweepOptions, r *store.SweepReport) func() { return func() { r.Bytes = 0 } })},
		{Name: "sweep-oldest", Fault: "reports the latest atime as the oldest", Case: "sweep/report",
			New: sweep(func(_ *store.SweepOptions, r *store.SweepReport) func() { return func() { r.Oldest = time.Now() } })},
		{Name: "sweep-done", Fault: "says that it is done where its limit has ended it", Case: "sweep/limit",
			New: sweep(func(_ *store.SweepOptions, r *store.SweepReport) func() { return func() { r.Done = true } })},
		{Name: "sweep-cancel", Fault: "says nil where its context has ended it", Case: "sweep/cancel", New: breakPlain(func(b *broken, p *plain) {
			b.sweep = func(ctx context.Context, o store.SweepOptions) (store.SweepReport, error) {
				r, err := p.Sweep(ctx, o)
				if errors.Is(err, context.Canceled) && r.Scanned > 0 {
					err = nil
				}
				return r, err
			}
		})},
		{Name: "sweep-cancel-forgets", Fault: "says that it removed nothing where its context has ended it", Case: "sweep/cancel", New: breakPlain(func(b *broken, p *plain) {
			b.sweep = func(ctx context.Context, o store.SweepOptions) (store.SweepReport, error) {
				r, err := p.Sweep(ctx, o)
				if err != nil {
					r = store.SweepReport{}
				}
				return r, err
			}
		})},
		{Name: "sweep-batch", Fault: "removes all in one batch", Case: "sweep/batch", New: breakPlain(func(b *broken, p *plain) {
			b.sweep = func(ctx context.Context, o store.SweepOptions) (store.SweepReport, error) {
				progress := o.Progress
				o.Progress, o.Pause = nil, 0
				r, err := p.Sweep(ctx, o)
				if progress != nil && err == nil {
					progress(r)
				}
				return r, err
			}
		})},
	}
}
