package cli

import (
	"context"
	"errors"
	"math"

	"github.com/larder-go/larder/store"
	"github.com/spf13/cobra"
)

type rmResult struct {
	Removed  int       `json:"removed"` // with dry_run: that would have been
	DryRun   bool      `json:"dry_run"`
	Problems []problem `json:"problems"`
}

func (a *app) rmCommand() *cobra.Command {
	var dryRun bool
	var who signOutFlags
	c := &cobra.Command{
		Use:   "rm KEY... | --subject NAME",
		Short: "Remove entries",
		Long: "Remove entries, also those that are corrupt. A key that is not there is an error,\n" +
			"as it may be misspelt; the others are removed all the same.\n\n" +
			"--subject signs a user out everywhere: it ends all sessions that package session\n" +
			"keeps for that subject in this store, from their next request on. Where the program\n" +
			"has another session.Options.Prefix than the default, give it by --prefix.",
		Example: "  larder rm greeting\n" +
			"  larder rm -n user:1 user:2\n" +
			"  larder rm --subject anna --prefix larder-demo:",
		Args: func(c *cobra.Command, args []string) error {
			if c.Flags().Changed("subject") {
				return takesNone("give keys, or --subject")(c, args)
			}
			return takes(1, math.MaxInt)(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			if c.Flags().Changed("subject") {
				return a.signOut(c, &who, dryRun)
			}
			if c.Flags().Changed("prefix") {
				return usage("larder cleanup --prefix removes many entries by their age", "--prefix is for --subject")
			}
			if err := checkKeys(args); err != nil {
				return err
			}
			return a.withStore(c, false, func(ctx context.Context, s store.Closer) error {
				return a.rm(ctx, s, args, dryRun)
			})
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags := c.Flags()
	flags.BoolVarP(&dryRun, "dry-run", "n", false, "say what would be removed, remove nothing")
	flags.StringVar(&who.subject, "subject", "", "sign this user out: `NAME` as given to Session.SetSubject")
	flags.StringVar(&who.prefix, "prefix", "session:", "of --subject: the sessions' `PREFIX`")
	return a.exits.add(c, exitError, exitPartial, exitNoKey, exitNoStore, exitLocked)
}

func (a *app) rm(ctx context.Context, s store.Store, args []string, dryRun bool) error {
	r := rmResult{DryRun: dryRun, Problems: []problem{}}
	verb, doing := "removed ", "removing"
	if dryRun {
		verb, doing = "would remove ", "looking"
	}
	n, problems, failures := a.each(ctx, args, doing, func(key string) error {
		there, err := s.Contains(ctx, key)
		if err != nil && !errors.Is(err, store.ErrCorrupt) {
			return err
		}
		there = there || err != nil
		if !dryRun {
			// Also where nothing was found: then what comes meanwhile goes too, as rm was told.
			if err := s.Delete(ctx, key); err != nil {
				return err
			}
		}
		if !there {
			return store.ErrNotFound
		}
		r.Removed++
		return nil
	})
	r.Problems = append(r.Problems, problems...)
	if a.json || r.Removed > 0 {
		if err := a.summary(r, verb+entries(r.Removed)); err != nil {
			return err
		}
	}
	return a.outcome(n, problems, failures)
}
