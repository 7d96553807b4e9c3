package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/larder-go/larder/store"
	"github.com/larder-go/larder/store/storetest/live"
	"github.com/spf13/cobra"
)

type checkFlags struct {
	cases        []string
	full, strict bool
}

func (a *app) checkCommand() *cobra.Command {
	var f checkFlags
	c := &cobra.Command{
		Use:   "check",
		Short: "Test which promises this very deployment keeps",
		Long: "Test which promises this very deployment keeps, set up as it is: run the\n" +
			"conformance suite against it, and ask the server about itself. What could be amiss\n" +
			"is a warning, a rule that was broken an error.\n\n" +
			"It writes some thousand entries under a random prefix that begins with\n" +
			live.Prefix + ", and removes them again, also after Ctrl-C. Nothing else is\n" +
			"touched, whatever time-outs it tries. It does not test what would take an outage\n" +
			"or a damaged record.",
		Example: "  larder check --store redis://host\n" +
			"  larder check --cases keys,swap\n" +
			"  larder check --json | jq '.facts[]|select(.warn!=\"\")'",
		Args:              takesNone("name the store by --store URL"),
		RunE:              func(c *cobra.Command, _ []string) error { return a.check(c, &f) },
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags := c.Flags()
	flags.Var((*nameList)(&f.cases), "cases", "only these cases or themes, as `keys,swap/create`")
	flags.BoolVar(&f.full, "full", false, "the suite's long form, which takes minutes")
	flags.BoolVar(&f.strict, "strict", false, "warnings are errors too")
	return a.exits.add(c, exitError, exitNoStore, exitLocked)
}

func (a *app) check(c *cobra.Command, f *checkFlags) error {
	start := time.Now()
	rawURL, _, err := a.storeURL(c.Flags().Changed(storeFlag))
	if err != nil {
		return err
	}
	// To open one is to begin it, and the suite would do so with a dozen time-outs that none of the programs has.
	if strings.HasPrefix(rawURL, handoverScheme+":") {
		return usage("check the two stores that it names, each by its own URL", "a handover cannot be checked: %w", errors.ErrUnsupported)
	}
	var facts []store.Fact
	err = a.withStore(c, false, func(ctx context.Context, s store.Closer) (err error) {
		facts, err = a.facts(ctx, s)
		return err
	})
	if err != nil {
		return err
	}
	cfg, done, err := a.liveConfig()
	if err != nil {
		return err
	}
	defer done()
	cfg.Cases, cfg.Full = f.cases, f.full
	var ended, total atomic.Int64
	cfg.Progress = func(done, of int) {
		ended.Store(int64(done))
		total.Store(int64(of))
	}
	line := a.progress(func() string { return fmt.Sprintf("checking: %d of %d cases", ended.Load(), total.Load()) })
	report, err := live.Run(c.Context(), cfg)
	line.stop()
	switch {
	case report == nil && c.Context().Err() == nil && len(f.cases) > 0 && !errors.Is(err, store.ErrUnavailable):
		return usage("larder check without --cases runs all of them", "%w", err)
	case report == nil:
		return err
	case err != nil && !errors.Is(err, context.Canceled):
		return a.leftBehind(report, err)
	case err != nil:
		a.note("interrupted after %d cases; what was written is removed", len(report.Results))
		return err
	}
	result := newCheckResult(store.Redact(a.secret), facts, report, time.Since(start))
	broken := report.Broken()
	if len(broken) > 0 && a.quiet { // then the error alone must do
		return checkFailed(broken)
	}
	if err := a.summary(result, result.text()); err != nil {
		return err
	}
	switch {
	case len(broken) > 0:
		return checkFailed(broken)
	case f.strict && result.Warnings > 0:
		return &failure{exitError, errors.New(count(result.Warnings, "warning", "warnings")),
			"do what they say, or leave --strict out"}
	}
	return nil
}

// facts are those that the store tells, and what its URL means for it.
func (a *app) facts(ctx context.Context, s store.Store) ([]store.Fact, error) {
	facts, err := store.Inspect(ctx, s)
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return nil, err
	}
	timeout := store.Fact{Name: "idle time-out", Value: "none: entries stay until a cleanup with --idle, or for ever"}
	switch {
	case slices.ContainsFunc(facts, func(f store.Fact) bool { return f.Name == timeout.Name }):
		return facts, nil
	case a.expiry.Timeout > 0:
		timeout.Value = fmt.Sprintf("%s, and %s of x-touch-after", age(a.expiry.Timeout), age(a.expiry.Slack()))
	case a.backend.Expires:
		timeout.Value, timeout.Warn = "none", keptForEver
	}
	return append(facts, timeout), nil
}

// keptForEver is said of backends that expire by themselves and were not told when.
const keptForEver = "the URL has no x-timeout: what has no deadline of its own stays for ever, or until the server is full; add ?x-timeout=24h, " +
	"as every program that uses the store must"

func checkFailed(broken []live.Result) error {
	names := make([]string, len(broken))
	for i, r := range broken {
		names[i] = r.Case
	}
	return &failure{exitError, fmt.Errorf("%s broken: %s", count(len(broken), "promise is", "promises are"), strings.Join(names, ", ")),
		"larder check --cases NAME tries one again; if the server is set up as it should be, report it"}
}

// leftBehind says how to get rid of what could not be removed.
func (a *app) leftBehind(report *live.Report, err error) error {
	hint := "when the store is well again, larder cleanup --prefix " + report.Prefix + " --idle 1s removes it"
	for _, ability := range report.Lacks {
		if ability == "sweep" && !report.Slow {
			hint = "the server drops it when it needs the room"
		}
	}
	return &failure{exitError, err, hint}
}
