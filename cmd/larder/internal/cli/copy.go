package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/larder-go/larder/store"
	"github.com/spf13/cobra"
)

type copyFlags struct {
	prefix    string
	workers   int
	rate      float64
	overwrite overwrite
	dryRun    bool
	verify    bool
	restart   bool
}

// overwrite is the flag of that name.
type overwrite store.Overwrite

func (o *overwrite) String() string { return store.Overwrite(*o).String() }

func (o *overwrite) Type() string { return "WHICH" }

func (o *overwrite) Set(text string) error {
	for _, known := range []store.Overwrite{store.OverwriteNever, store.OverwriteOlder, store.OverwriteAlways} {
		if text == known.String() {
			*o = overwrite(known)
			return nil
		}
	}
	return errors.New("it is never, older or always")
}

func (a *app) copyCommand() *cobra.Command {
	var f copyFlags
	c := &cobra.Command{
		Use:   "copy SRC DST",
		Short: "Copy all entries from one store to another",
		Long: "Copy all entries from the store SRC to the store DST, each with its deadline and\n" +
			"with the time of its last use, so that what was idle for an hour stays idle for\n" +
			"an hour. SRC and DST are URLs, or @FILE for a file that holds one, which keeps a\n" +
			"password out of the list of processes. SRC is not changed; a folder or a file that\n" +
			"DST names is made.\n\n" +
			"A copy that is interrupted or killed goes on where it was when it is run again,\n" +
			"and then looks for what came to SRC since the first run, in front of that place.\n" +
			"Programs may use both stores meanwhile: what they write to DST stays, unless\n" +
			"--overwrite always is given; what they write to SRC behind the copy's back does\n" +
			"not arrive. Where a site must keep running, larder handover is the tool.",
		Example: "  larder copy file:///var/lib/app/sessions postgres://app@db/app\n" +
			"  larder copy --dry-run ./larder-data bolt:./larder.db\n" +
			"  larder copy --verify --overwrite older @old.url @new.url",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage("usage: "+c.UseLine(), "%s takes two URLs, SRC and DST", c.CommandPath())
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if c.Flags().Changed(storeFlag) {
				return usage("usage: "+c.UseLine(), "%s takes its stores as arguments, not by --%s", c.CommandPath(), storeFlag)
			}
			if err := checkPace(c, f.workers, f.rate); err != nil {
				return err
			}
			return a.copy(c.Context(), args[0], args[1], &f)
		},
		Annotations: map[string]string{storeAnnotation: noStore},
	}
	flags := c.Flags()
	flags.StringVar(&f.prefix, "prefix", "", "only keys that begin with `PREFIX`")
	flags.Var(&f.overwrite, "overwrite", "replace in DST: never, older or always")
	flags.IntVar(&f.workers, "workers", 0, "copy `N` entries at once; 8 without it")
	flags.Float64Var(&f.rate, "rate", 0, "copy at most `N` entries a second")
	flags.BoolVar(&f.verify, "verify", false, "compare both sides afterwards; in a dry run only that")
	flags.BoolVarP(&f.dryRun, "dry-run", "n", false, "say what would be copied, copy nothing")
	flags.BoolVar(&f.restart, "restart", false, "begin anew, also where an earlier copy was interrupted")
	return a.exits.add(c, exitError, exitPartial, exitNoStore, exitLocked)
}

// checkPace refuses what is no number of workers, and no rate.
func checkPace(c *cobra.Command, workers int, rate float64) error {
	switch {
	case workers <= 0 && c.Flags().Changed("workers"):
		return usage("leave the flag out for 8", "--workers %d: it must be greater than zero", workers)
	case !(rate > 0) && c.Flags().Changed("rate"):
		return usage("leave the flag out if you mean no limit", "--rate %v: it must be greater than zero", rate)
	}
	return nil
}

func (a *app) copy(ctx context.Context, from, to string, f *copyFlags) (err error) {
	for _, url := range []*string{&from, &to} {
		if *url, err = urlFrom(*url); err != nil {
			return err
		}
	}
	if err := refuseWithin(from, to, f.prefix); err != nil {
		return err
	}
	src, err := a.openURL(ctx, enoughConns(from, f.workers), "SRC", false)
	if err != nil {
		return err
	}
	defer func() { err = closed(src, err) }()
	if !store.CanList(src) {
		return usage("a copy must know the keys; programs can move by the URL 'handover:?old=SRC&new=DST', which looks at each key that is asked for",
			"%s cannot list what it holds", store.Redact(from))
	}
	dst, err := a.openTarget(ctx, enoughConns(to, f.workers), f.dryRun)
	if err != nil {
		return err
	}
	defer func() { err = closed(dst, err) }()

	name := checkpointName(from, f.prefix, store.Overwrite(f.overwrite))
	if f.restart && !f.dryRun {
		if err := dst.Delete(ctx, store.ReservedKey("copy:"+name)); err != nil {
			return err
		}
	}
	seen := a.watch(ctx, src, f)
	var problems problemList
	r, err := store.Copy(ctx, store.Observe(src, seen.src), store.Observe(dst, seen.dst), &store.CopyOptions{
		Prefix: f.prefix, Workers: f.workers, Rate: f.rate, Overwrite: store.Overwrite(f.overwrite),
		DryRun: f.dryRun, Verify: f.verify, Checkpoint: name, Progress: seen.tell, Problem: problems.add,
	})
	seen.stop()
	return a.copyDone(r, &problems, f, err)
}

// urlFrom reads the URL out of a file where that is asked for.
func urlFrom(arg string) (string, error) {
	path, isFile := strings.CutPrefix(arg, "@")
	if !isFile {
		if arg == "" {
			return "", usage("name both stores by their URLs", "a URL is empty")
		}
		return arg, nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return "", usage("@FILE names a file that holds the store's URL; write ./@NAME for a folder of that name", "%w", err)
	}
	rawURL := strings.TrimSpace(string(content))
	if rawURL == "" || strings.ContainsAny(rawURL, "\r\n") {
		return "", usage("write the store's URL into it, and nothing else", "the file %q must hold one line", path)
	}
	return rawURL, nil
}

// openTarget opens what is written to. In a dry run, a folder or file that is not there yet is an empty store.
func (a *app) openTarget(ctx context.Context, rawURL string, dryRun bool) (store.Closer, error) {
	s, err := a.openURL(ctx, rawURL, "DST", !dryRun)
	var f *failure
	where, _ := whereabouts(rawURL)
	if dryRun && errors.As(err, &f) && f.code == exitNoStore && (strings.HasPrefix(where, "file ") || strings.HasPrefix(where, "bolt ")) {
		return store.NewMap(nil), nil
	}
	return s, err
}

func closed(s store.Closer, err error) error {
	if closeErr := s.Close(); err == nil {
		return closeErr
	}
	return err
}

// copyDone prints what was done, and says what is missing.
func (a *app) copyDone(r store.CopyReport, problems *problemList, f *copyFlags, err error) error {
	if !a.json {
		problems.print(a, func(p copyProblem) string {
			if p.Key == "" {
				return fmt.Sprintf("entry %d", p.Entry)
			}
			return quoteUnlessPlain(p.Key)
		})
	}
	if printErr := a.summary(newCopyResult(r, problems, f.dryRun, err == nil), copyText(r, f)); printErr != nil {
		return printErr
	}
	switch {
	case errors.Is(err, store.ErrPartial):
		return &failure{exitPartial, fmt.Errorf("%s of %s could not be copied", thousands(r.Failed+r.Corrupt), entries(r.Done())),
			"the others are copied; mend what is wrong with those and run it again"}
	case errors.Is(err, store.ErrDiffers):
		return &failure{exitPartial, fmt.Errorf("DST differs from SRC in %s", entries(r.Verify.Missing+r.Verify.Different+r.Verify.Corrupt)),
			"larder copy --overwrite older, or always, replaces what DST had before; what programs write to SRC meanwhile differs until they stop and it is run again"}
	case errors.Is(err, store.ErrSameStore):
		return usage("name two stores", "SRC and DST are the same store")
	case errors.Is(err, context.Canceled):
		return &failure{exitInterrupted, errors.New("interrupted"), "what was copied stays; run it again and it goes on from there"}
	case errors.Is(err, store.ErrUnavailable):
		return &failure{exitError, err, "look whether both servers are there, and run it again: it goes on from there"}
	}
	return err
}
