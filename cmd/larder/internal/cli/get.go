package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/larder-go/larder/store"
	"github.com/spf13/cobra"
)

type getResult struct {
	Key     string     `json:"key"`     // shortened
	Value   []byte     `json:"value"`   // base64
	Size    int        `json:"size"`    // of the value
	Atime   *time.Time `json:"atime"`   // null: the store does not tell
	Expires *time.Time `json:"expires"` // null: no deadline
}

func (a *app) getCommand() *cobra.Command {
	var peek bool
	c := &cobra.Command{
		Use:   "get KEY",
		Short: "Print the value under a key",
		Long: "Print the value under a key, its bytes and nothing else. This is a use of the\n" +
			"entry, as it is for a program, unless --peek is given. With --json the value is\n" +
			"base64.",
		Example: "  larder get greeting\n" +
			"  larder get photo >cat.jpg\n" +
			"  larder get --json greeting | jq -r '.value|@base64d'",
		Args: takes(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := store.CheckKey(args[0]); err != nil {
				return err
			}
			return a.withStore(c, false, func(ctx context.Context, s store.Closer) error {
				return a.get(ctx, s, args[0], peek)
			})
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	c.Flags().BoolVar(&peek, "peek", false, "look only: the entry does not count as used")
	return a.exits.add(c, exitError, exitNoKey, exitNoStore, exitLocked)
}

func (a *app) get(ctx context.Context, s store.Store, key string, peek bool) error {
	item, err := a.read(ctx, s, key, peek)
	if err != nil {
		return err
	}
	if a.json {
		return a.result(getResult{shorten(key), item.Value, len(item.Value), stamp(item.Atime), stamp(item.Expires)}, "")
	}
	a.out.Write(item.Value)
	if n := len(item.Value); n > 0 && item.Value[n-1] != '\n' && a.tty(a.raw) && a.tty(a.stderr) {
		a.out.Flush()
		fmt.Fprintln(a.stderr) // so that the prompt does not stick to the value; stdout stays exact
	}
	return nil
}

// read takes the way that tells the most of those that the store has.
func (a *app) read(ctx context.Context, s store.Store, key string, peek bool) (*store.Item, error) {
	if peek {
		item, err := store.Peek(ctx, s, key)
		if errors.Is(err, errors.ErrUnsupported) {
			return nil, &failure{exitUsage, err, "leave --peek out: this kind of store cannot look without using"}
		}
		return item, err
	}
	if a.json && store.CanSwap(s) {
		return store.Load(ctx, s, key)
	}
	value, err := s.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	return &store.Item{Value: value}, nil
}

// stamp is t for JSON, null where there is none.
func stamp(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
