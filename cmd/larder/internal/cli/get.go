package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/larder-go/larder/internal/words"
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

// decodeResult is what get --decode prints with --json.
type decodeResult struct {
	Key      string          `json:"key"`      // shortened
	Format   string          `json:"format"`   // of the value
	Decoded  json.RawMessage `json:"decoded"`  // the value
	Redacted int             `json:"redacted"` // so many values in it are hidden
	Size     int             `json:"size"`     // of the value
	Atime    *time.Time      `json:"atime"`    // null: the store does not tell
	Expires  *time.Time      `json:"expires"`  // null: no deadline
}

type getFlags struct {
	peek, decode, reveal bool
	redact, show         []string
}

func (a *app) getCommand() *cobra.Command {
	var f getFlags
	c := &cobra.Command{
		Use:   "get KEY",
		Short: "Print the value under a key",
		Long: "Print the value under a key, its bytes and nothing else. This is a use of the\n" +
			"entry, as it is for a program, unless --peek is given. With --json the value is\n" +
			"base64.\n\n" +
			"--decode prints it as JSON instead, to be read by a person, and is no use where the\n" +
			"store can look without: a session with its subject and fields, what package codec\n" +
			"has written, MessagePack, JSON, text; else base64. What stands under names such as\n" +
			"password or token is hidden; a key that signs tokens is never shown.",
		Example: "  larder get greeting\n" +
			"  larder get photo >cat.jpg\n" +
			"  larder get --json greeting | jq -r '.value|@base64d'\n" +
			"  larder get --decode \"$key\" --redact email",
		Args: takes(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := store.CheckKey(args[0]); err != nil {
				return err
			}
			for _, name := range []string{"redact", "show", "reveal"} {
				if c.Flags().Changed(name) && !f.decode {
					return usage("give --decode too: without it the value is printed as it is", "--%s is for --decode", name)
				}
			}
			return a.withStore(c, false, func(ctx context.Context, s store.Closer) error {
				if f.decode {
					return a.getDecoded(ctx, s, args[0], &f)
				}
				return a.get(ctx, s, args[0], f.peek)
			})
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags := c.Flags()
	flags.BoolVar(&f.peek, "peek", false, "look only: the entry does not count as used")
	flags.BoolVar(&f.decode, "decode", false, "print the value as JSON, whatever it is")
	flags.Var((*nameList)(&f.redact), "redact", "of --decode: hide also what stands under `NAMES`")
	flags.Var((*nameList)(&f.show), "show", "of --decode: do not hide what stands under `NAMES`")
	flags.BoolVar(&f.reveal, "reveal", false, "of --decode: hide nothing but keys that sign")
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

// indentBelow is the longest value that is printed in lines: deep in lists, what is indented is many times as long.
const indentBelow = 1 << 20

// getDecoded looks without using the entry, where the store can: who looks into a session must not keep it alive.
func (a *app) getDecoded(ctx context.Context, s store.Store, key string, f *getFlags) error {
	item, err := store.Peek(ctx, s, key)
	if errors.Is(err, errors.ErrUnsupported) && !f.peek {
		a.note("note: this kind of store cannot look without using, so the entry counts as used now")
	}
	if errors.Is(err, errors.ErrUnsupported) {
		item, err = a.read(ctx, s, key, f.peek)
	}
	if err != nil {
		return err
	}
	v := viewer{fence: newFence(f.redact, f.show, f.reveal)}
	format := v.decode(item.Value)
	if a.json {
		return a.result(decodeResult{shorten(key), format, v.out.Bytes(), v.hidden, len(item.Value), stamp(item.Atime), stamp(item.Expires)}, "")
	}
	a.note("%s, %s%s", format, words.Size(int64(len(item.Value))), hiddenText(v.hidden))
	var lines bytes.Buffer
	if v.out.Len() > indentBelow || json.Indent(&lines, v.out.Bytes(), "", "  ") != nil {
		lines = v.out
	}
	a.out.Write(escapeJSON(lines.Bytes()))
	return a.out.WriteByte('\n')
}

func hiddenText(n int) string {
	if n == 0 {
		return ""
	}
	return "; " + count(n, "value is", "values are") + " hidden, see --show and --reveal"
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
