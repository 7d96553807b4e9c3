package cli

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"text/tabwriter"
	"time"

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
	Count    int   `json:"count"`
	Bytes    int64 `json:"bytes"`
	Corrupt  int   `json:"corrupt"`  // entries that cannot be read
	Complete bool  `json:"complete"` // false: an error or a signal ended the list
}

// lsChunk is how many lines are aligned together: the list must neither wait for its end nor be kept in memory.
const lsChunk = 500

func (a *app) lsCommand() *cobra.Command {
	var full bool
	c := &cobra.Command{
		Use:   "ls [PREFIX]",
		Short: "List keys, with size, idle time and deadline",
		Long: "List the live entries whose keys begin with PREFIX, in no particular order. This\n" +
			"is not a use of them. Keys are bearer tokens and are shown shortened, with their\n" +
			"length in bytes; --full shows them whole. What could steer a terminal is quoted.",
		Example: "  larder ls\n" +
			"  larder ls user: --full\n" +
			"  larder ls --json --full | jq -r '.entries[]|select(.idle>86400).key'",
		Args: takes(0, 1),
		RunE: func(c *cobra.Command, args []string) error {
			prefix := ""
			if len(args) > 0 {
				prefix = args[0]
			}
			return a.withStore(c, false, func(ctx context.Context, s store.Closer) error {
				if !store.CanList(s) {
					return cannotList()
				}
				return a.ls(ctx, s, prefix, full)
			})
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	c.Flags().BoolVar(&full, "full", false, "show keys whole")
	return a.exits.add(c, exitError, exitPartial, exitNoStore, exitLocked)
}

func cannotList() error {
	return usage("ask the backend's own tools; get, set, rm and touch work", "this kind of store cannot list what it holds")
}

func (a *app) ls(ctx context.Context, s store.Store, prefix string, full bool) error {
	var total lsTotal
	var seen atomic.Int64
	if !a.tty(a.raw) { // else the lines themselves are the progress
		defer a.progress(func() string { return fmt.Sprintf("listing: %s", entries(int(seen.Load()))) }).stop()
	}
	lines := a.lines()
	var failed error
	for info, err := range store.List(ctx, s, prefix) {
		if errors.Is(err, store.ErrCorrupt) {
			total.Corrupt++
			continue
		}
		if err != nil {
			failed = err
			break
		}
		lines.add(info, total.Count, full)
		total.Count++
		total.Bytes += info.Size
		seen.Store(int64(total.Count))
		if total.Count%lsChunk == 0 {
			lines.flush()
			if err := a.out.Flush(); err != nil {
				return err
			}
		}
	}
	total.Complete = failed == nil
	lines.end(total)
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
	fmt.Fprintf(l.table, "%s\t%8s\t%s\t%s\n", showKey(info.Key, full), size(info.Size), idle, deadline)
}

func (l *lsLines) flush() { l.table.Flush() }

func (l *lsLines) end(total lsTotal) {
	l.flush()
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
	l.note("%s, %s", entries(total.Count), size(total.Bytes))
}
