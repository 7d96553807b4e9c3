package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
	"github.com/spf13/cobra"
)

type ringWhereResult struct {
	Key   string  `json:"key"`   // shortened
	Node  string  `json:"node"`  // that the present set names
	URL   string  `json:"url"`   // the node's, without its password
	Next  *string `json:"next"`  // the node that the next set names; null: nothing changes
	Entry *string `json:"entry"` // the node where the entry stands, "" for none; null: not asked, or not known
}

func (a *app) ringWhereCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "where KEY",
		Short: "Say which node has a key",
		Long: "Say which node has a key: the one that its placement names. No node is asked, and\n" +
			"whether there is such an entry is not told. During a change of the set, it says\n" +
			"the node of the present set, that of the next one, and where the entry stands,\n" +
			"which the nodes are asked; that is no use of it.",
		Example: "  larder ring where \"$key\"\n" +
			"  larder ring where --json \"$key\" | jq -r .node",
		Args: takes(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := store.CheckKey(args[0]); err != nil {
				return err
			}
			r, err := a.readRing(c)
			if err != nil {
				return err
			}
			return a.ringWhere(c.Context(), r, args[0])
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	return a.exits.add(c, exitError, exitNoStore, exitLocked)
}

func (a *app) ringWhere(ctx context.Context, r *ring, key string) error {
	placed, err := r.placed(key)
	if err != nil {
		return err
	}
	name := func(p shard.Placement) string { return p.Nodes()[p.Place(placed)].Name }
	node := name(r.Now)
	result := ringWhereResult{Key: shorten(key), Node: node, URL: store.Redact(r.URLs[node])}
	text := fmt.Sprintf("node   %s  %s", printable(node), printable(result.URL))
	if r.Next != nil {
		next := name(r.Next)
		result.Next = &next
		text += fmt.Sprintf("\nnext   %s  %s", printable(next), printable(store.Redact(r.URLs[next])))
		var entry string
		if entry, err = a.ringEntry(ctx, r, placed); err == nil {
			result.Entry = &entry
		}
		switch {
		case err != nil:
			text += "\nentry  not known"
		case entry == "":
			text += "\nentry  none"
		default:
			text += "\nentry  " + printable(entry)
		}
	}
	if printErr := a.result(result, text); printErr != nil {
		return printErr
	}
	return err
}

// ringEntry finds the node where the entry stands, "" where there is none.
func (a *app) ringEntry(ctx context.Context, r *ring, placed string) (string, error) {
	s, err := shard.Open(a.nodeMux(r.from, false))(ctx, r.u)
	if err != nil {
		return "", explain(err)
	}
	defer s.Close()
	finder, ok := s.(interface {
		Where(context.Context, string) (string, error)
	})
	if !ok {
		return "", fmt.Errorf("%T cannot tell where an entry stands: %w", s, errors.ErrUnsupported)
	}
	entry, err := finder.Where(ctx, placed)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	return entry, err
}
