package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/larder-go/larder/internal/words"
	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
	"github.com/spf13/cobra"
)

type ringRebalanceResult struct {
	Moved    int      `json:"moved"`    // entries
	Bytes    int64    `json:"bytes"`    // of their values
	Garbage  int      `json:"garbage"`  // entries that stood in their new places already, removed from the old ones
	Left     int      `json:"left"`     // entries that their new nodes refuse, as too large; with dry_run: all that are to move
	Corrupt  int      `json:"corrupt"`  // entries that cannot be read
	Checked  int      `json:"checked"`  // entries that the last look over all nodes has found in their places
	Drained  bool     `json:"drained"`  // all is in its place and every program knows
	Unlisted []string `json:"unlisted"` // nodes that cannot list
	Duration float64  `json:"duration"` // seconds
	DryRun   bool     `json:"dry_run"`
}

type ringRebalanceFlags struct {
	workers int
	rate    float64
	dryRun  bool
}

func (a *app) ringRebalanceCommand() *cobra.Command {
	var f ringRebalanceFlags
	c := &cobra.Command{
		Use:   "rebalance",
		Short: "Move every entry to its node in the next set, while programs run",
		Long: "Move every entry to its node in the next set, while programs run, and look over all\n" +
			"nodes again. It comes after the second roll-out of a change, and takes its URL:\n" +
			"larder ring plan prints both. Nobody is logged out, no write and no delete is lost.\n\n" +
			"It may be interrupted, be killed, run twice at once, and be run again: what has\n" +
			"moved has moved. When all is in its place it waits for twice recheck, 5 seconds\n" +
			"unless the URL says otherwise, whether something comes to where it has no place.\n" +
			"Exit code 0 says that the third roll-out may begin.",
		Example: "  larder ring rebalance --store \"$SECOND\"\n" +
			"  larder ring rebalance --rate 500\n" +
			"  larder ring rebalance --dry-run",
		Args: takesNone("the store's URL says what moves where"),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := checkPace(c, f.workers, f.rate); err != nil {
				return err
			}
			r, err := a.readRing(c)
			switch {
			case err != nil:
				return err
			case r.Next == nil:
				return usage("larder ring plan prints the URL of the second roll-out, which has", "the URL (%s) has no next set", r.from)
			case r.Prepare && !f.dryRun:
				return usage("roll out every program without prepare, and run this with that URL", "the URL (%s) is that of the first roll-out: it says prepare", r.from)
			case f.dryRun:
				return a.ringLeft(c.Context(), r)
			}
			return a.ringRebalance(c.Context(), r, &f)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags := c.Flags()
	flags.IntVar(&f.workers, "workers", 0, "`N` entries on their way at once; 8 without it")
	flags.Float64Var(&f.rate, "rate", 0, "move at most `N` entries a second")
	flags.BoolVarP(&f.dryRun, "dry-run", "n", false, "count what is to move still, move nothing")
	return a.exits.add(c, exitError, exitPartial, exitNoStore, exitLocked)
}

// ringLeft counts what is to move still.
func (a *app) ringLeft(ctx context.Context, r *ring) error {
	start := time.Now()
	plan, sampled, err := a.countRing(ctx, r)
	switch {
	case err != nil:
		return err
	case sampled:
		return usage("larder ring plan says what part of all that is, by made-up keys", "a node cannot list, so what is to move is not known")
	}
	result := ringRebalanceResult{Corrupt: plan.Corrupt, Unlisted: []string{}, DryRun: true, Duration: time.Since(start).Seconds()}
	result.Left, result.Bytes = plan.Moving()
	return a.ringRebalanced(&result, nil)
}

func (a *app) ringRebalance(ctx context.Context, r *ring, f *ringRebalanceFlags) (err error) {
	start, watch := time.Now(), ringWatch{}
	if a.tty(a.stderr) && !a.quiet { // how much there is to do is for who looks on
		if plan, sampled, err := a.countRing(ctx, r); err == nil && !sampled {
			watch.total, _ = plan.Moving()
		}
	}
	s, err := shard.Open(a.nodeMux(r.from, false))(ctx, r.u)
	if err != nil && ctx.Err() != nil {
		return a.ringRebalanced(&ringRebalanceResult{Unlisted: []string{}, Duration: time.Since(start).Seconds()}, err)
	}
	if err != nil {
		f := explainOpen(err)
		if f.code == exitLocked {
			f.hint = "only the program that has it open can move what it holds: Change.Rebalance of package shard does so inside a program"
		}
		return f
	}
	defer func() { err = closed(s, err) }()
	change, ok := s.(interface {
		Rebalance(context.Context, *shard.RebalanceOptions) (shard.RebalanceReport, error)
	})
	if !ok {
		return fmt.Errorf("%T cannot rebalance: %w", s, errors.ErrUnsupported)
	}
	watch.start = time.Now()
	line := a.progress(watch.text)
	report, err := change.Rebalance(ctx, &shard.RebalanceOptions{Workers: f.workers, Rate: f.rate, Progress: watch.tell})
	line.stop()
	result := ringRebalanceResult{report.Moved, report.Bytes, report.Garbage, report.Failed, report.Corrupt, report.Checked, report.Drained,
		append([]string{}, report.Unlisted...), time.Since(start).Seconds(), false}
	return a.ringRebalanced(&result, err)
}

// ringWatch says how far a rebalance is.
type ringWatch struct {
	start time.Time
	total int // 0: not known
	last  atomic.Pointer[shard.RebalanceReport]
}

func (w *ringWatch) tell(r shard.RebalanceReport) { w.last.Store(&r) }

func (w *ringWatch) text() string {
	r := w.last.Load()
	if r == nil {
		return "rebalancing"
	}
	return rebalanceLine(r.Moved, r.Garbage, r.Checked, w.total, time.Since(w.start))
}

func rebalanceLine(moved, garbage, checked, total int, took time.Duration) string {
	rate := float64(moved) / max(took.Seconds(), 0.001)
	line := "rebalancing: " + thousands(moved)
	if total > 0 {
		line += " of " + thousands(max(total, moved))
	}
	if garbage > 0 {
		line += fmt.Sprintf(", %s had moved before", thousands(garbage))
	}
	switch {
	case checked > 0:
		return line + fmt.Sprintf("; checking: %s", thousands(checked))
	case total > 0 && moved >= total:
		return line + "; waiting until every program knows"
	}
	line += fmt.Sprintf(", %s/s", thousands(int(rate)))
	if rate > 0 && total > moved {
		line += fmt.Sprintf(", %s left", age(time.Duration(float64(total-moved)/rate*float64(time.Second)).Round(time.Second)))
	}
	return line
}

// ringRebalanced prints what was done, also where an error ended it, and turns that into the exit code.
func (a *app) ringRebalanced(r *ringRebalanceResult, err error) error {
	text := fmt.Sprintf("moved %s, %s, in %s%s", entries(r.Moved), words.Size(r.Bytes), age(roundDuration(time.Duration(r.Duration*float64(time.Second)))),
		listCounts([]counted{{r.Garbage, "had moved before"}, {r.Left, "too large for their new nodes"}, {r.Corrupt, "unreadable"}}))
	switch {
	case r.DryRun && r.Left == 0 && r.Corrupt == 0:
		text = "nothing is left to move"
	case r.DryRun:
		text = fmt.Sprintf("%s left to move, %s%s", entries(r.Left), words.Size(r.Bytes), listCounts([]counted{{r.Corrupt, "unreadable"}}))
	case r.Drained:
		text += fmt.Sprintf("\nall %s found in their places: roll out every program with the next set alone", entries(r.Checked))
		if len(r.Unlisted) > 0 {
			text += fmt.Sprintf("\nwhat is on %s was not looked over, since that cannot list", strings.Join(r.Unlisted, ", "))
		}
	}
	if printErr := a.summary(r, text); printErr != nil {
		return printErr
	}
	const again = "what has moved has moved; programs go on, and this can be run again"
	switch {
	case errors.Is(err, shard.ErrUnlisted):
		return &failure{exitPartial, err, "the time counts from the second roll-out on; then comes the third"}
	case errors.Is(err, store.ErrTooLarge) || errors.Is(err, store.ErrCorrupt):
		return &failure{exitPartial, err, "the others have moved; programs go on, and this can be run again"}
	case errors.Is(err, context.Canceled):
		return &failure{exitInterrupted, errors.New("interrupted"), again}
	case errors.Is(err, store.ErrUnavailable):
		return &failure{exitError, err, "look whether all nodes are there; " + again}
	case err == nil && r.Corrupt > 0:
		return &failure{exitPartial, fmt.Errorf("%s cannot be read", entries(r.Corrupt)), adviceOnCorrupt}
	}
	return err
}
