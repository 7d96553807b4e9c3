package cli

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/larder-go/larder/cleanup"
	"github.com/larder-go/larder/store"
	"github.com/spf13/cobra"
)

type cleanupResult struct {
	Scanned  int        `json:"scanned"`  // entries looked at
	Removed  int        `json:"removed"`  // with dry_run: that would have been
	Bytes    int64      `json:"bytes"`    // of their values
	Oldest   *time.Time `json:"oldest"`   // earliest atime among them; null: none
	Duration float64    `json:"duration"` // seconds
	Done     bool       `json:"done"`     // nothing that should go is left
	Reason   string     `json:"reason"`   // why it stopped
	DryRun   bool       `json:"dry_run"`
}

type cleanupFlags struct {
	idle, pause, maxTime duration
	batch, limit         int
	prefix               string
	dryRun               bool
}

func (a *app) cleanupCommand() *cobra.Command {
	var f cleanupFlags
	c := &cobra.Command{
		Use:   "cleanup",
		Short: "Remove what is expired, and what nobody has used for --idle",
		Long: "Remove what is expired, by its deadline or by the x-timeout of the store's URL,\n" +
			"and with --idle also what nobody has used for so long. Durations are written as\n" +
			"90s, 24h, 30d or 1d12h; a bare number is seconds.\n\n" +
			"Nothing goes that was used within --idle. A use is recorded only when the last\n" +
			"recorded one is older than x-touch-after (by default a minute, or a twentieth of\n" +
			"a shorter x-timeout), so an entry may stay for that much longer. Give the URL the\n" +
			"same x-timeout and x-touch-after as the program that uses the store.\n\n" +
			"Any number of cleanups and users may run at once, but one process only can hold\n" +
			"a bbolt file: the program that does must clean up itself, with cleanup.Loop.\n" +
			"memcached and Redis remove by themselves what is idle for the URL's x-timeout.",
		Example: "  larder cleanup --idle 30d --dry-run\n" +
			"  larder cleanup --idle 24h -q\n" +
			"  larder cleanup --idle 7d --max-time 10m --batch 500 --pause 50ms",
		Args: takesNone("larder rm KEY removes one entry; --prefix narrows a cleanup"),
		RunE: func(c *cobra.Command, _ []string) error {
			for _, n := range []struct {
				name  string
				value int
			}{{"batch", f.batch}, {"limit", f.limit}} {
				if n.value <= 0 && c.Flags().Changed(n.name) {
					return usage("leave the flag out if you mean none", "--%s %d: it must be greater than zero", n.name, n.value)
				}
			}
			if f.maxTime > 0 && f.pause >= f.maxTime {
				return usage("shorten --pause or give a longer --max-time", "--pause %v is as long as the whole budget, --max-time %v",
					time.Duration(f.pause), time.Duration(f.maxTime))
			}
			return a.withStore(c, false, func(ctx context.Context, s store.Closer) error {
				return a.cleanup(ctx, s, &f)
			})
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags := c.Flags()
	flags.Var(&f.idle, "idle", "remove also what nobody has used for this long")
	flags.IntVar(&f.batch, "batch", 0, "`N` removals make a batch; else the store chooses")
	flags.Var(&f.pause, "pause", "wait between batches, so that others get through")
	flags.Var(&f.maxTime, "max-time", "stop after this time; exit code 12 if something is left")
	flags.IntVar(&f.limit, "limit", 0, "remove at most `N` entries in all")
	flags.StringVar(&f.prefix, "prefix", "", "only keys that begin with `PREFIX`")
	flags.BoolVarP(&f.dryRun, "dry-run", "n", false, "say what would be removed, remove nothing")
	return a.exits.add(c, exitError, exitNoStore, exitLocked, exitBudget)
}

func (a *app) cleanup(ctx context.Context, s store.Store, f *cleanupFlags) error {
	if err := a.cleansItself(s, f); err != nil {
		return err
	}
	var scanned, removed atomic.Int64
	verb := "removed"
	if f.dryRun {
		verb = "to remove"
	}
	line := a.progress(func() string {
		return fmt.Sprintf("cleaning up: %s looked at, %s %s", entries(int(scanned.Load())), thousands(int(removed.Load())), verb)
	})
	r, err := cleanup.Run(ctx, s, &cleanup.Options{
		Idle: time.Duration(f.idle), Batch: f.batch, Pause: time.Duration(f.pause), Limit: f.limit, MaxTime: time.Duration(f.maxTime),
		DryRun: f.dryRun, Prefix: f.prefix,
		Progress: func(r cleanup.Report) {
			scanned.Store(int64(r.Scanned))
			removed.Store(int64(r.Removed))
		},
	})
	line.stop()
	if errors.Is(err, errors.ErrUnsupported) {
		return &failure{exitUsage, err, "this kind of store expires by itself, or can clean up only as a whole: leave the other flags out"}
	}
	result := cleanupResult{r.Scanned, r.Removed, r.Bytes, stamp(r.Oldest), r.Duration.Seconds(), r.Done, string(r.Reason), f.dryRun}
	if err := a.summary(result, a.cleanupText(r, f)); err != nil {
		return err
	}
	switch {
	case f.dryRun:
	case r.Reason == cleanup.Limit:
		a.note("stopped at --limit; more may be left")
	case r.Reason == cleanup.Incomplete:
		a.note("something is left: another cleanup is at work, or a program holds entries; the next run takes it")
	}
	return err
}

// cleansItself refuses what a backend that expires by itself cannot do, and says what will not happen by itself.
func (a *app) cleansItself(s store.Store, f *cleanupFlags) error {
	if store.CanSweep(s) || !a.backend.Expires {
		a.noteForEver()
		return nil
	}
	advice := "in the store's URL, here and in every program that uses the store; larder rm KEY removes one entry"
	switch idle := time.Duration(f.idle); {
	case a.expiry.Timeout <= 0:
		return usage("write ?x-timeout=24h "+advice, "%s removes what is idle by itself, but only where the URL has x-timeout: without, entries stay for ever",
			a.backend.Name)
	case idle > 0 && idle < a.expiry.Timeout:
		return usage(fmt.Sprintf("write ?x-timeout=%s %s", idle, advice), "%s removes what is idle for x-timeout, %s, by itself, and cannot say what is idle for %s",
			a.backend.Name, age(a.expiry.Timeout), age(idle))
	}
	return nil
}

// noteForEver is for backends that expire by themselves if they are told when.
func (a *app) noteForEver() {
	if a.backend.Expires && a.expiry.Timeout <= 0 {
		a.note("note: %s", keptForEver)
	}
}

// cleanupText says what went and, since that surprises, how much longer than --idle an entry may stay.
func (a *app) cleanupText(r cleanup.Report, f *cleanupFlags) string {
	which := "expired"
	if f.idle > 0 {
		which += " or not used for " + age(time.Duration(f.idle))
		if slack := a.expiry.Slack(); slack > 0 {
			which += " (and " + age(slack) + " of x-touch-after)"
		}
	}
	switch {
	case r.Removed == 0 && r.Done && a.backend.Expires && (f.idle <= 0 || a.expiry.Timeout > 0 && a.expiry.Timeout <= time.Duration(f.idle)):
		return "nothing to do: " + a.backend.Name + " removes by itself what is " + which
	case r.Removed == 0 && r.Done:
		return "nothing to remove: no entry is " + which
	case f.dryRun:
		return fmt.Sprintf("would remove %s, %s: %s", entries(r.Removed), size(r.Bytes), which)
	}
	return fmt.Sprintf("removed %s, %s, in %s: %s", entries(r.Removed), size(r.Bytes), age(roundDuration(r.Duration)), which)
}

// roundDuration keeps what a person wants to read of a run time.
func roundDuration(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(time.Second)
}
