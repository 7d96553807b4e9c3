package cli

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/larder-go/larder/internal/words"
	"github.com/larder-go/larder/store"
	"github.com/spf13/cobra"
)

// lsEntry and lsResult are written piece by piece, so that a store of any size can be listed.
type lsEntry struct {
	Key     string     `json:"key"`     // shortened, unless --full
	Size    int64      `json:"size"`    // of the value
	Atime   *time.Time `json:"atime"`   // last use as recorded; null: not known
	Idle    float64    `json:"idle"`    // seconds since then
	Expires *time.Time `json:"expires"` // null: no deadline
}

type lsResult struct {
	Entries []lsEntry `json:"entries"`
	lsTotal
}

type lsTotal struct {
	Count    int   `json:"count"`    // of entries that are listed
	Bytes    int64 `json:"bytes"`    // of their values
	More     bool  `json:"more"`     // there are others, which --limit left out
	Corrupt  int   `json:"corrupt"`  // entries that cannot be read
	Complete bool  `json:"complete"` // false: an error or a signal ended the list
}

// lsChunk is how many lines are aligned together: the list must neither wait for its end nor be kept in memory.
const lsChunk = 500

func (a *app) lsCommand() *cobra.Command {
	var f lsFlags
	c := &cobra.Command{
		Use:   "ls [PREFIX]",
		Short: "List keys, with size, idle time and deadline",
		Long: "List the live entries whose keys begin with PREFIX, in no particular order, or with\n" +
			"--sort what was not used for longest, or is largest, first. This is not a use of\n" +
			"them. Keys are bearer tokens and are shown shortened, with their length in bytes;\n" +
			"--full shows them whole. What could steer a terminal is quoted.",
		Example: "  larder ls\n" +
			"  larder ls user: --full\n" +
			"  larder ls --sort size --limit 20\n" +
			"  larder ls --json --full | jq -r '.entries[]|select(.idle>86400).key'",
		Args: takes(0, 1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.check(c, args); err != nil {
				return err
			}
			return a.withStore(c, false, func(ctx context.Context, s store.Closer) error {
				if !store.CanList(s) {
					return cannotList()
				}
				return a.ls(ctx, s, &f)
			})
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags := c.Flags()
	flags.BoolVar(&f.full, "full", false, "show keys whole")
	flags.StringVar(&f.prefix, "prefix", "", "only keys that begin with `PREFIX`, as the argument says")
	flags.StringVar(&f.sort, "sort", "", "by `idle or size`, the longest unused or the largest first")
	flags.IntVar(&f.limit, "limit", 0, fmt.Sprintf("list at most `N` entries; with --sort %d unless given", sortLimit))
	return a.exits.add(c, exitError, exitPartial, exitNoStore, exitLocked)
}

func cannotList() error {
	return usage("ask the backend's own tools; get, set, rm and touch work", "this kind of store cannot list what it holds")
}

func (a *app) ls(ctx context.Context, s store.Store, f *lsFlags) error {
	var total lsTotal
	var seen atomic.Int64
	if f.sort != "" || !a.tty(a.raw) { // else the lines themselves are the progress
		defer a.progress(func() string { return fmt.Sprintf("listing: %s", entries(int(seen.Load()))) }).stop()
	}
	lines, top := a.lines(), newTop(f)
	var failed error
	for info, err := range store.List(ctx, s, f.prefix) {
		if errors.Is(err, store.ErrCorrupt) {
			total.Corrupt++
			continue
		}
		if err != nil {
			failed = err
			break
		}
		if f.sort == "" && f.limit > 0 && total.Count == f.limit {
			total.More = true
			break
		}
		seen.Add(1)
		if top.add(info) {
			continue
		}
		if err := lines.entry(info, &total, f.full); err != nil {
			return err
		}
	}
	total.More = total.More || int(seen.Load()) > f.limit && f.sort != ""
	for _, info := range top.sorted() {
		if err := lines.entry(info, &total, f.full); err != nil {
			return err
		}
	}
	total.Complete = failed == nil
	lines.end(total, f, int(seen.Load()))
	if failed != nil {
		return failed
	}
	if total.Corrupt > 0 {
		return &failure{exitPartial, fmt.Errorf("%s cannot be read", entries(total.Corrupt)), adviceOnCorrupt}
	}
	return nil
}

// lsLines writes what ls shows, as a table or as JSON.
type lsLines struct {
	*app
	table *tabwriter.Writer
}

func (a *app) lines() *lsLines { return &lsLines{a, tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)} }

// entry adds a line, and lets those go that are aligned.
func (l *lsLines) entry(info store.Info, total *lsTotal, full bool) error {
	l.add(info, total.Count, full)
	total.Count++
	total.Bytes += info.Size
	if total.Count%lsChunk > 0 {
		return nil
	}
	l.table.Flush()
	return l.out.Flush()
}

func (l *lsLines) add(info store.Info, n int, full bool) {
	now := time.Now()
	if l.json {
		key := info.Key
		if !full {
			key = shorten(key)
		}
		entry := lsEntry{key, info.Size, stamp(info.Atime), 0, stamp(info.Expires)}
		if !info.Atime.IsZero() {
			entry.Idle = max(now.Sub(info.Atime), 0).Round(time.Millisecond).Seconds()
		}
		line, err := marshal(entry)
		if err != nil {
			return // strings, numbers and times of this era always can
		}
		if n == 0 {
			l.out.WriteString(`{"entries":[`)
		} else {
			l.out.WriteString(",")
		}
		l.out.Write(line[:len(line)-1])
		return
	}
	if n == 0 && !l.quiet {
		fmt.Fprintf(l.table, "KEY\t    SIZE\tIDLE\tDEADLINE\n")
	}
	idle, deadline := "-", "-"
	if !info.Atime.IsZero() {
		idle = age(max(now.Sub(info.Atime), 0).Truncate(time.Second))
	}
	if !info.Expires.IsZero() {
		deadline = "in " + age(max(info.Expires.Sub(now), 0).Truncate(time.Second))
	}
	fmt.Fprintf(l.table, "%s\t%8s\t%s\t%s\n", showKey(info.Key, full), words.Size(info.Size), idle, deadline)
}

func (l *lsLines) end(total lsTotal, f *lsFlags, seen int) {
	l.table.Flush()
	if l.json {
		line, err := marshal(total)
		if err != nil {
			return
		}
		if total.Count == 0 {
			l.out.WriteString(`{"entries":[`)
		}
		l.out.WriteString("],")
		l.out.Write(line[1:])
		return
	}
	l.out.Flush()
	switch {
	case total.More && f.sort != "":
		l.note("%s, %s; those are the first by %s of %s, --limit says how many", entries(total.Count), words.Size(total.Bytes), f.sort, thousands(seen))
	case total.More:
		l.note("%s, %s; there are more, which --limit leaves out", entries(total.Count), words.Size(total.Bytes))
	default:
		l.note("%s, %s", entries(total.Count), words.Size(total.Bytes))
	}
}
