package cli

import (
	"context"
	"os"
	"runtime/debug"
	"time"

	"github.com/larder-go/larder/cleanup"
	"github.com/larder-go/larder/store"
	"github.com/spf13/cobra"
)

type cleanupFlags struct {
	idle, pause, maxTime, lease duration
	batch, limit                int
	prefix, metrics, admin      string
	dryRun                      bool
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
			"Any number of cleanups and users may run at once. With --lease, one of several\n" +
			"hosts with the same timer works and the others end with exit code 11. One\n" +
			"process only can hold a bbolt file: the program that does must clean up itself,\n" +
			"with cleanup.Loop, or be asked to with --admin, where it serves package admin.\n" +
			"memcached and Redis remove by themselves what is idle for the URL's x-timeout.\n\n" +
			"SIGINT or SIGTERM ends it behind the batch that is in flight.",
		Example: "  larder cleanup --idle 30d --dry-run\n" +
			"  larder cleanup --idle 24h -q\n" +
			"  larder cleanup --admin http+unix:///run/app.sock:/admin\n" +
			"  larder cleanup --idle 7d --max-time 10m --batch 500 --pause 50ms\n" +
			"  larder cleanup --lease -q --metrics-file /var/lib/node_exporter/larder.prom",
		Args: func(c *cobra.Command, args []string) error {
			if lease := c.Flags().Lookup("lease"); lease.Changed && len(args) == 1 && new(duration).Set(args[0]) == nil {
				return usage("write --lease="+args[0], "--lease takes its value behind an equals sign")
			}
			return takesNone("larder rm KEY removes one entry; --prefix narrows a cleanup")(c, args)
		},
		RunE: func(c *cobra.Command, _ []string) error {
			if err := f.check(c); err != nil {
				return err
			}
			defer sparingly()()
			return a.withMetrics(&f, func(m *cleanupMetrics) error {
				if f.admin != "" {
					return a.cleanupByAdmin(c.Context(), &f, m)
				}
				return a.withStore(c, false, func(ctx context.Context, s store.Closer) error {
					return a.cleanup(ctx, s, &f, m)
				})
			})
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags := c.Flags()
	flags.Var(&f.idle, "idle", "remove also what nobody has used for this long")
	flags.IntVar(&f.batch, "batch", 0, "`N` removals make a batch; else the store chooses")
	flags.Var(&f.pause, "pause", "wait between batches, so that others get through")
	flags.Var(&f.maxTime, "max-time", "stop after this time; code 12 if something is left")
	flags.IntVar(&f.limit, "limit", 0, "remove at most `N` entries in all")
	flags.StringVar(&f.prefix, "prefix", "", "only keys that begin with `PREFIX`")
	flags.Var(&f.lease, "lease", "let one of many hosts with this timer work")
	flags.Lookup("lease").NoOptDefVal = "2m"
	flags.StringVar(&f.metrics, "metrics-file", "", "write metrics for Prometheus' node exporter to `PATH`")
	flags.StringVar(&f.admin, adminFlag, "", "let the program at this `URL` clean up its store")
	flags.BoolVarP(&f.dryRun, "dry-run", "n", false, "say what would be removed, remove nothing")
	return a.exits.add(c, exitError, exitNoStore, exitLocked, exitBudget)
}

// sparingly keeps the command small beside the program whose store it sweeps, and undo ends that: a bbolt file with 1,000,000 dead entries has a
// list of free pages of 24 MB, and each commit makes another copy of it for the garbage collector. GOMEMLIMIT says otherwise.
func sparingly() (undo func()) {
	const limit = 48 << 20
	if os.Getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	before := debug.SetMemoryLimit(limit)
	return func() { debug.SetMemoryLimit(before) }
}

// check refuses what makes no sense, before any store is opened.
func (f *cleanupFlags) check(c *cobra.Command) error {
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
	if lease := time.Duration(f.lease); lease != 0 && (lease < cleanup.MinLease || lease > cleanup.MaxLease) {
		return usage("--lease alone is "+age(cleanup.DefaultLease), "--lease %v: it must be %s to %s", lease, age(cleanup.MinLease), age(cleanup.MaxLease))
	}
	if c.Flags().Changed("metrics-file") && f.metrics == "" {
		return usage("leave the flag out if you want none", "--metrics-file is empty")
	}
	return f.checkAdmin(c)
}

// options are those of package cleanup that say the same.
func (f *cleanupFlags) options() *cleanup.Options {
	return &cleanup.Options{
		Idle: time.Duration(f.idle), Batch: f.batch, Pause: time.Duration(f.pause), Limit: f.limit, MaxTime: time.Duration(f.maxTime),
		DryRun: f.dryRun, Prefix: f.prefix, Lease: time.Duration(f.lease), Grace: cleanupGrace,
	}
}
