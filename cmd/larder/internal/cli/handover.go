package cli

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/larder-go/larder/internal/traits"
	"github.com/larder-go/larder/internal/words"
	"github.com/larder-go/larder/store"
	"github.com/spf13/cobra"
)

// handoverScheme begins a URL that names two stores.
const handoverScheme = "handover"

type handoverResult struct {
	Old      string  `json:"old"` // URLs without their passwords
	New      string  `json:"new"`
	Moved    int     `json:"moved"`    // entries
	Bytes    int64   `json:"bytes"`    // of their values; with dry_run: of those that are left
	Garbage  int     `json:"garbage"`  // entries that NEW had already, removed from OLD
	Left     int     `json:"left"`     // entries that NEW refuses, as too large; with dry_run: all that OLD holds
	Corrupt  int     `json:"corrupt"`  // entries that cannot be read
	Drained  bool    `json:"drained"`  // OLD is empty and every program knows
	Duration float64 `json:"duration"` // seconds
	DryRun   bool    `json:"dry_run"`
}

type handoverFlags struct {
	workers int
	rate    float64
	recheck duration
	dryRun  bool
}

func (a *app) handoverCommand() *cobra.Command {
	f := handoverFlags{recheck: duration(5 * time.Second)}
	c := &cobra.Command{
		Use:   "handover OLD NEW",
		Short: "Drain the store OLD into NEW while programs use both",
		Long: "Drain the store OLD into NEW while programs use both: the third of four steps in\n" +
			"which a running site moves from one kind of store to another. Nobody is logged\n" +
			"out, no write and no delete is lost.\n\n" +
			"  1. Roll out every program with 'handover:?old=OLD&new=NEW&prepare=true' as URL,\n" +
			"     where OLD and NEW are percent-encoded. Make NEW's table before.\n" +
			"  2. Roll out every program with 'handover:?old=OLD&new=NEW'.\n" +
			"  3. Run larder handover OLD NEW until it ends with exit code 0.\n" +
			"  4. Roll out every program with NEW.\n\n" +
			"Each step must be complete before the next. Give OLD and NEW the x-timeout and\n" +
			"x-prefix that the programs give them. It may be interrupted, be killed, run twice\n" +
			"at once, and be run again. When all has moved, it waits for four times --recheck,\n" +
			"until every program has noticed. @FILE stands for a URL in a file. Where no program\n" +
			"runs, larder copy is the tool.",
		Example: "  larder handover file:///var/lib/app/sessions postgres://app@db/app\n" +
			"  larder handover --dry-run file:///var/lib/app/sessions postgres://app@db/app",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage("usage: "+c.UseLine(), "%s takes two URLs, OLD and NEW", c.CommandPath())
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case c.Flags().Changed(storeFlag):
				return usage("usage: "+c.UseLine(), "%s takes its stores as arguments, not by --%s", c.CommandPath(), storeFlag)
			case f.workers <= 0 && c.Flags().Changed("workers"):
				return usage("leave the flag out for 8", "--workers %d: it must be greater than zero", f.workers)
			case !(f.rate > 0) && c.Flags().Changed("rate"):
				return usage("leave the flag out if you mean no limit", "--rate %v: it must be greater than zero", f.rate)
			}
			return a.handover(c.Context(), args[0], args[1], &f)
		},
		Annotations: map[string]string{storeAnnotation: noStore},
	}
	flags := c.Flags()
	flags.IntVar(&f.workers, "workers", 0, "`N` entries on their way at once; 8 without it")
	flags.Float64Var(&f.rate, "rate", 0, "move at most `N` entries a second")
	flags.Var(&f.recheck, "recheck", "what the programs' URLs say")
	flags.BoolVarP(&f.dryRun, "dry-run", "n", false, "count what OLD still holds, move nothing")
	return a.exits.add(c, exitError, exitPartial, exitNoStore, exitLocked)
}

func (a *app) handover(ctx context.Context, old, new string, f *handoverFlags) (err error) {
	for _, rawURL := range []*string{&old, &new} {
		if *rawURL, err = urlFrom(*rawURL); err != nil {
			return err
		}
	}
	r := handoverResult{Old: store.Redact(old), New: store.Redact(new), DryRun: f.dryRun}
	start := time.Now()
	if f.dryRun {
		s, err := a.openURL(ctx, old, "OLD", false)
		if err != nil {
			return err
		}
		defer s.Close()
		err = a.countLeft(ctx, s, &r)
		r.Duration = time.Since(start).Seconds()
		return a.handoverDone(r, err)
	}
	both := url.Values{"old": {old}, "new": {new}, "recheck": {time.Duration(f.recheck).String()}}
	s, err := a.openURL(ctx, handoverScheme+":?"+both.Encode(), "the command line", false)
	if err != nil {
		if lockedErr := explain(err); lockedErr.code == exitLocked {
			lockedErr.hint = "only the program that has it open can drain it: HandoverStore.Drain does so inside a program"
			return lockedErr
		}
		return err
	}
	defer func() {
		if closeErr := s.Close(); err == nil {
			err = closeErr
		}
	}()
	drainer, ok := s.(interface {
		Drain(context.Context, *store.DrainOptions) (store.DrainReport, error)
	})
	if !ok {
		return fmt.Errorf("%T cannot drain: %w", s, errors.ErrUnsupported)
	}
	var moved, garbage atomic.Int64
	line := a.progress(func() string {
		return fmt.Sprintf("draining: %s moved, %s had moved before", entries(int(moved.Load())), thousands(int(garbage.Load())))
	})
	report, err := drainer.Drain(ctx, &store.DrainOptions{
		Workers: f.workers, Rate: f.rate,
		Progress: func(r store.DrainReport) {
			moved.Store(int64(r.Moved))
			garbage.Store(int64(r.Garbage))
		},
	})
	line.stop()
	r.Moved, r.Bytes, r.Garbage, r.Left, r.Corrupt, r.Drained = report.Moved, report.Bytes, report.Garbage, report.Failed, report.Corrupt, report.Drained
	r.Duration = time.Since(start).Seconds()
	return a.handoverDone(r, err)
}

// countLeft counts what a store holds.
func (a *app) countLeft(ctx context.Context, s store.Store, r *handoverResult) error {
	if !store.CanList(s) {
		return cannotList()
	}
	var seen atomic.Int64
	line := a.progress(func() string { return fmt.Sprintf("counting: %s", entries(int(seen.Load()))) })
	defer line.stop()
	for info, err := range store.List(ctx, s, "") {
		switch {
		case errors.Is(err, store.ErrCorrupt):
			r.Corrupt++
		case err != nil:
			return err
		default:
			seen.Add(1)
			r.Left++
			r.Bytes += info.Size
		}
	}
	return nil
}

// handoverDone prints what was done, also where an error ended it, and turns that into the exit code.
func (a *app) handoverDone(r handoverResult, err error) error {
	text := fmt.Sprintf("moved %s, %s, in %s", entries(r.Moved), words.Size(r.Bytes), age(roundDuration(time.Duration(r.Duration*float64(time.Second)))))
	switch {
	case r.DryRun && r.Left == 0 && r.Corrupt == 0:
		text = "nothing is left to move"
	case r.DryRun:
		text = fmt.Sprintf("%s left to move, %s", entries(r.Left), words.Size(r.Bytes))
	case r.Drained:
		text += ": OLD is empty; roll out every program with NEW alone"
	}
	text += "\nOLD " + r.Old + "\nNEW " + r.New
	if printErr := a.summary(r, text); printErr != nil {
		return printErr
	}
	switch {
	case errors.Is(err, store.ErrTooLarge) || errors.Is(err, store.ErrCorrupt):
		return &failure{exitPartial, err, "the others have moved; programs go on with both stores, and this can be run again"}
	case err == nil && r.Corrupt > 0:
		return &failure{exitPartial, fmt.Errorf("%s cannot be read", entries(r.Corrupt)), adviceOnCorrupt}
	}
	return err
}

// handoverOpener opens a handover of stores that mux opens. It is neither kind of store, and its Expiry is the shorter of the two.
func (a *app) handoverOpener(mux store.Mux) store.Opener {
	open := store.OpenHandover(mux)
	return func(ctx context.Context, u *url.URL) (store.Closer, error) {
		s, err := open(ctx, u)
		if err != nil {
			return nil, err
		}
		a.backend = traits.Backend{}
		a.expiry, _ = store.ExpiryOf(s)
		return s, nil
	}
}
