package cli

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/larder-go/larder/internal/traits"
	"github.com/larder-go/larder/internal/words"
	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
	"github.com/spf13/cobra"
)

// shardScheme begins a URL that names the nodes of a sharded store.
const shardScheme = "shard"

func (a *app) ringCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "ring",
		Short: "Look at the nodes of a sharded store, and change their set",
		Long: "Look at the nodes of a sharded store, shard:?node=NAME=URL&node=NAME=URL, and change\n" +
			"their set while programs use it: plan says what moves and prints the URLs of the\n" +
			"three roll-outs, rebalance moves it, status says how far it is, where says which\n" +
			"node has a key.",
		Example: "  larder ring plan --add d\n" +
			"  larder ring status\n" +
			"  larder ring where \"$key\"",
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			const list = "there are: larder ring plan, rebalance, status, where"
			if len(args) == 0 {
				return usage(list, "what to do is missing")
			}
			return usage(list, "larder ring has no command %q", store.Redact(args[0]))
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	c.AddCommand(a.ringPlanCommand(), a.ringRebalanceCommand(), a.ringStatusCommand(), a.ringWhereCommand())
	return c
}

// ring is a URL of a sharded store that was read; nothing is opened.
type ring struct {
	*shard.Set
	raw, from string
	u         *url.URL // without x-prefix
	spy       *keySpy
	view      store.Store // spy behind x-prefix
}

// readRing reads the store's URL as Mux does.
func (a *app) readRing(c *cobra.Command) (*ring, error) {
	const advice = "name a sharded store: --store 'shard:?node=a=redis://host1&node=b=redis://host2'"
	rawURL, from, err := a.storeURL(c.Flags().Changed(storeFlag))
	if err != nil {
		return nil, err
	}
	a.secret, a.from = rawURL, from
	r := &ring{raw: rawURL, from: from, spy: new(keySpy)}
	read := make(store.Mux, len(a.mux))
	for scheme := range a.mux {
		read[scheme] = func(context.Context, *url.URL) (store.Closer, error) { return nil, errors.ErrUnsupported }
	}
	read[shardScheme] = func(_ context.Context, u *url.URL) (store.Closer, error) {
		r.u = u
		r.Set, err = shard.ParseURL(u, a.mux)
		return r.spy, err
	}
	switch r.view, err = read.Open(c.Context(), rawURL); {
	case errors.Is(err, errors.ErrUnsupported):
		return nil, usage(advice, "only sharded stores have nodes, and the URL (%s) is %s", from, store.Redact(rawURL))
	case err != nil:
		return nil, &failure{exitUsage, err, advice}
	}
	return r, nil
}

// placed is the key as the nodes have it, behind x-prefix.
func (r *ring) placed(key string) (string, error) {
	_, err := r.view.Contains(context.Background(), key)
	return r.spy.key, err
}

// nodeMux opens the nodes of a sharded store. Unlike the Mux of openURL it notes nothing of them: they may be opened at any time.
func (a *app) nodeMux(from string, create bool) store.Mux {
	nodes := make(store.Mux, len(a.mux))
	for scheme, open := range a.mux {
		nodes[scheme] = func(ctx context.Context, u *url.URL) (store.Closer, error) {
			if err := checkPath(u, create, fmt.Sprintf("%s (in %s)", store.Redact(u.String()), from)); err != nil {
				return nil, err
			}
			return open(ctx, u)
		}
	}
	return nodes
}

// shardOpener opens a sharded store for the other commands. It is no kind of backend itself.
func (a *app) shardOpener(create bool) store.Opener {
	open := shard.Open(a.nodeMux(a.from, create))
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

// weightText says a weight, and during a change what it becomes.
func weightText(now, next int) string {
	if now == next {
		return thousands(now)
	}
	return thousands(now) + " → " + thousands(next)
}

// percent writes a share of a whole.
func percent(part, whole float64) string {
	if whole == 0 {
		return "-"
	}
	return strconv.FormatFloat(100*part/whole, 'f', 1, 64) + " %"
}

// cells is a row of a table: texts, numbers of entries (*int), of bytes (*int64) and shares of 1 (*float64), nil where that is not known.
func cells(values ...any) []string {
	row := make([]string, len(values))
	for i, v := range values {
		row[i] = "-"
		switch v := v.(type) {
		case string:
			row[i] = printable(v)
		case *int:
			if v != nil {
				row[i] = thousands(*v)
			}
		case *int64:
			if v != nil {
				row[i] = words.Size(*v)
			}
		case *float64:
			if v != nil {
				row[i] = percent(*v, 1)
			}
		}
	}
	return row
}

// columns aligns a table: those whose title begins with a space are numbers, to the right.
func columns(rows [][]string) string {
	var b strings.Builder
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			gap := strings.Repeat(" ", widths[i]-len([]rune(cell)))
			if strings.HasPrefix(rows[0][i], " ") {
				line.WriteString(gap + cell + "  ")
			} else {
				line.WriteString(cell + gap + "  ")
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}
