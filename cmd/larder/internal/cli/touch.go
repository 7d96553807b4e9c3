package cli

import (
	"context"
	"math"

	"github.com/larder-go/larder/store"
	"github.com/spf13/cobra"
)

type touchResult struct {
	Touched  int       `json:"touched"`
	Problems []problem `json:"problems"`
}

func (a *app) touchCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "touch KEY...",
		Short: "Count entries as used now, without reading them",
		Long: "Count entries as used now, so that a cleanup leaves them. Nothing is created, and\n" +
			"no deadline is moved. A use is recorded only when the last recorded one is older\n" +
			"than x-touch-after, by default a minute.",
		Example: "  larder touch greeting",
		Args:    takes(1, math.MaxInt),
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkKeys(args); err != nil {
				return err
			}
			return a.withStore(c, false, func(ctx context.Context, s store.Closer) error {
				return a.touch(ctx, s, args)
			})
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	return a.exits.add(c, exitError, exitPartial, exitNoKey, exitNoStore, exitLocked)
}

func (a *app) touch(ctx context.Context, s store.Store, args []string) error {
	r := touchResult{Problems: []problem{}}
	n, problems, failures := a.each(ctx, args, "touching", func(key string) error {
		err := store.Touch(ctx, s, key)
		if err == nil {
			r.Touched++
		}
		return err
	})
	r.Problems = append(r.Problems, problems...)
	if a.json || r.Touched > 0 {
		if err := a.summary(r, "touched "+entries(r.Touched)); err != nil {
			return err
		}
	}
	return a.outcome(n, problems, failures)
}
