package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/larder-go/larder/internal/idle"
	"github.com/larder-go/larder/internal/words"
	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
	"github.com/spf13/cobra"
)

type statResult struct {
	Store     string        `json:"store"` // without its password
	Entries   int           `json:"entries"`
	Bytes     int64         `json:"bytes"`     // of the values
	Deadlines int           `json:"deadlines"` // entries that have one
	Corrupt   int           `json:"corrupt"`   // entries that cannot be read
	Oldest    *time.Time    `json:"oldest"`    // earliest atime; null: no entries
	Idle      []idle.Bucket `json:"idle"`
	Backlog   *backlog      `json:"backlog"`  // null: the store cannot tell
	Complete  bool          `json:"complete"` // false: these are the entries of the nodes that answer
}

// backlog is what is expired and not yet removed.
type backlog struct {
	Entries int   `json:"entries"`
	Bytes   int64 `json:"bytes"`
}

func (a *app) statCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "stat",
		Short: "Count entries and bytes, by how long they were not used",
		Long: "Count entries and bytes, by how long they were not used, and the backlog: what is\n" +
			"expired but not yet removed. Give the URL the same x-timeout and x-touch-after as\n" +
			"the program that uses the store: they say what is expired. Of several nodes, those\n" +
			"that do not answer are left out, which is said and is exit code 3.",
		Example: "  larder stat\n" +
			"  larder stat --store 'file:///var/lib/app/sessions?x-timeout=30m'\n" +
			"  larder stat --json | jq .backlog.entries",
		Args: takesNone("larder ls PREFIX lists a part"),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.withStore(c, false, func(ctx context.Context, s store.Closer) error {
				if !store.CanList(s) {
					return cannotList()
				}
				return a.stat(ctx, s)
			})
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	return a.exits.add(c, exitError, exitPartial, exitNoStore, exitLocked)
}

func (a *app) stat(ctx context.Context, s store.Store) error {
	var seen atomic.Int64
	line := a.progress(func() string { return fmt.Sprintf("counting: %s", entries(int(seen.Load()))) })
	defer line.stop()
	now := time.Now()
	r := statResult{Store: store.Redact(a.secret), Idle: idle.New()}
	var lost error // of nodes that were not counted
	var oldest time.Time
	for info, err := range store.List(ctx, s, "") {
		if errors.Is(err, store.ErrCorrupt) {
			r.Corrupt++
			continue
		}
		if someNodes(err) {
			lost = err
			break
		}
		if err != nil {
			return err
		}
		seen.Add(1)
		r.Entries++
		r.Bytes += info.Size
		if !info.Expires.IsZero() {
			r.Deadlines++
		}
		if info.Atime.IsZero() {
			continue
		}
		idle.Add(r.Idle, now.Sub(info.Atime), info.Size)
		if oldest.IsZero() || info.Atime.Before(oldest) {
			oldest = info.Atime
		}
	}
	r.Oldest = stamp(oldest)
	if store.CanSweep(s) {
		report, err := store.Sweep(ctx, s, store.SweepOptions{DryRun: true})
		if someNodes(err) {
			lost = err
		} else if err != nil {
			return err
		}
		r.Backlog = &backlog{report.Removed, report.Bytes}
	}
	r.Complete = lost == nil
	line.stop()
	if err := a.result(r, r.text(now)); err != nil {
		return err
	}
	if lost != nil {
		return &failure{exitPartial, fmt.Errorf("not everything was counted: %w", lost), "larder ring status shows which nodes do not answer"}
	}
	if r.Corrupt > 0 {
		return &failure{exitPartial, fmt.Errorf("%s cannot be read", entries(r.Corrupt)), adviceOnCorrupt}
	}
	return nil
}

// someNodes reports whether err is that of a node, or of several, which do not answer: what the others said stands.
func someNodes(err error) bool {
	var node *shard.NodeError
	return errors.As(err, &node) && errors.Is(err, store.ErrUnavailable)
}

func (r *statResult) text(now time.Time) string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-9s "+format+"\n", append([]any{name}, args...)...)
	}
	line("store", "%s", printable(r.Store))
	rest := ""
	if !r.Complete {
		rest = ", without those on nodes that do not answer"
	}
	line("entries", "%s%s", thousands(r.Entries), rest)
	line("bytes", "%s", words.Size(r.Bytes))
	if r.Oldest != nil {
		line("oldest", "not used for %s", age(max(now.Sub(*r.Oldest), 0).Truncate(time.Second)))
	}
	if r.Deadlines > 0 {
		line("deadline", "%s", entries(r.Deadlines))
	}
	if r.Corrupt > 0 {
		line("corrupt", "%s", entries(r.Corrupt))
	}
	switch {
	case r.Backlog == nil:
		line("backlog", "not known: this kind of store expires by itself")
	case r.Backlog.Entries == 0:
		line("backlog", "none%s", rest)
	default:
		line("backlog", "%s, %s, expired and still there: run larder cleanup", entries(r.Backlog.Entries), words.Size(r.Backlog.Bytes))
	}
	if r.Entries > 0 {
		b.WriteString("\n" + histogramText(r.Idle))
	}
	return strings.TrimRight(b.String(), "\n")
}
