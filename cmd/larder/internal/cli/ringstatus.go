package cli

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/larder-go/larder/internal/words"
	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
	"github.com/spf13/cobra"
)

type ringStatusResult struct {
	Placement string           `json:"placement"` // the algorithm of the present set
	Nodes     []ringNodeResult `json:"nodes"`
	Entries   *int             `json:"entries"` // null: not all nodes were counted
	Bytes     *int64           `json:"bytes"`
	Strays    int              `json:"strays"`  // entries where neither set looks for them
	Corrupt   int              `json:"corrupt"` // entries that cannot be read
	Change    *ringChange      `json:"change"`  // null: the URL has no next set
	Duration  float64          `json:"duration"`
}

type ringNodeResult struct {
	Node         string   `json:"node"`
	URL          string   `json:"url"`           // without its password
	Weight       int      `json:"weight"`        // 0: not in the present set
	NextWeight   int      `json:"next_weight"`   // weight, where nothing changes; 0: not in the next set
	Expected     float64  `json:"expected"`      // its share, of 1, by the weights of the present set
	NextExpected float64  `json:"next_expected"` // and by those of the next one
	Entries      *int     `json:"entries"`       // null: not counted
	Bytes        *int64   `json:"bytes"`         // of the values
	Share        *float64 `json:"share"`         // of the entries, of 1; null: not all nodes were counted
	Up           bool     `json:"up"`
	RoundTrip    float64  `json:"round_trip"` // seconds
	Error        string   `json:"error"`      // why it is down, or was not counted
}

type ringChange struct {
	Step      string `json:"step"`      // "prepare" or "rebalance"
	Placement string `json:"placement"` // of the next set
	Left      *int   `json:"left"`      // entries that are to move still; null: not all nodes were counted
	LeftBytes *int64 `json:"left_bytes"`
}

func (a *app) ringStatusCommand() *cobra.Command {
	var noCount bool
	c := &cobra.Command{
		Use:   "status",
		Short: "Show each node: its load, its share and whether it answers",
		Long: "Show each node of a sharded store: its weight, its share by weight, what it holds,\n" +
			"its share of all entries, whether it answers and how fast. During a change of the\n" +
			"set, how far that is. A node that does not answer within 5 seconds is down; the\n" +
			"exit code is 3 if some are, and 1 if all are. To count, every node is listed,\n" +
			"which takes long where there is much: --no-count leaves it out.",
		Example: "  larder ring status\n" +
			"  larder ring status --no-count\n" +
			"  larder ring status --json | jq '.nodes[]|select(.up|not).node'",
		Args: takesNone("larder ring where KEY finds the node of a key"),
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := a.readRing(c)
			if err != nil {
				return err
			}
			return a.ringStatus(c.Context(), r, !noCount)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	c.Flags().BoolVar(&noCount, "no-count", false, "do not list the nodes to count what they hold")
	return a.exits.add(c, exitError, exitPartial)
}

func (a *app) ringStatus(ctx context.Context, r *ring, counts bool) error {
	start := time.Now()
	var seen atomic.Int64
	line := a.progress(func() string { return fmt.Sprintf("counting: %s", entries(int(seen.Load()))) })
	defer line.stop()
	nodes := a.openNodes(ctx, r)
	defer closeNodes(nodes)
	if err := ctx.Err(); err != nil {
		return err
	}
	whole := newRingCount(r)
	var all sync.WaitGroup
	for i := range nodes {
		if n := &nodes[i]; counts && n.err == nil {
			all.Go(func() { whole.add(ctx, r, n, &seen) })
		}
	}
	all.Wait()
	line.stop()
	if err := ctx.Err(); err != nil {
		return err
	}
	result := whole.result(a, r, nodes, counts)
	result.Duration = time.Since(start).Seconds()
	if err := a.result(result, result.text(counts)); err != nil {
		return err
	}
	down, last := 0, error(nil)
	for _, n := range nodes {
		if n.err != nil {
			down++
			last = fmt.Errorf("node %s is down: %w", n.name, explain(n.err))
		}
	}
	if down > 1 {
		last = fmt.Errorf("%d of %d nodes are down", down, len(nodes))
	}
	switch {
	case down == len(nodes):
		return &failure{exitError, last, "look whether the servers run, and at the URLs of the nodes"}
	case down > 0:
		return &failure{exitPartial, last, "its share of the keys is out of reach until it is back; the others serve theirs"}
	case len(whole.errs) > 0:
		return &failure{exitPartial, fmt.Errorf("%s could not be counted", count(len(whole.errs), "node", "nodes")), "it answers; run this again, or with --no-count"}
	case result.Corrupt > 0:
		return &failure{exitPartial, fmt.Errorf("%s cannot be read", entries(result.Corrupt)), adviceOnCorrupt}
	}
	return nil
}

// ringCount is what the nodes hold. Each is counted by itself: one that fails spoils no other's count.
type ringCount struct {
	mu      sync.Mutex
	plan    shard.Plan
	counted map[string]bool
	errs    map[string]error
}

func newRingCount(r *ring) *ringCount {
	empty, _ := shard.CountMoves(context.Background(), nil, r.Now, r.Next, nil)
	return &ringCount{plan: empty, counted: make(map[string]bool), errs: make(map[string]error)}
}

func (w *ringCount) add(ctx context.Context, r *ring, n *ringNode, seen *atomic.Int64) {
	if !store.CanList(n.s) {
		return
	}
	last := 0
	p, err := shard.CountMoves(ctx, map[string]store.Store{n.name: n.s}, r.Now, r.Next, func(p shard.Plan) {
		now, _ := p.Entries()
		seen.Add(int64(now - last))
		last = now
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.errs[n.name] = err
		return
	}
	w.counted[n.name] = true
	for i, load := range p.Nodes {
		w.plan.Nodes[i].EntriesNow += load.EntriesNow
		w.plan.Nodes[i].BytesNow += load.BytesNow
	}
	w.plan.Moves = append(w.plan.Moves, p.Moves...)
	w.plan.Strays += p.Strays
	w.plan.Corrupt += p.Corrupt
}

func (w *ringCount) result(a *app, r *ring, nodes []ringNode, counts bool) *ringStatusResult {
	result := &ringStatusResult{Placement: r.Now.Algorithm(), Strays: w.plan.Strays, Corrupt: w.plan.Corrupt}
	total, bytes := w.plan.Entries()
	complete := counts && len(w.counted) == len(nodes)
	if complete {
		result.Entries, result.Bytes = &total, &bytes
	}
	weights, nextWeights := 0, 0
	loads := make(map[string]*shard.NodeLoad)
	for i := range w.plan.Nodes {
		load := &w.plan.Nodes[i]
		loads[load.Name] = load
		weights += load.WeightNow
		nextWeights += load.WeightNext
	}
	for _, n := range nodes {
		load := loads[n.name]
		row := ringNodeResult{Node: n.name, URL: store.Redact(n.url), Weight: load.WeightNow, NextWeight: load.WeightNext,
			Expected: float64(load.WeightNow) / float64(weights), NextExpected: float64(load.WeightNext) / float64(nextWeights), Up: n.err == nil, RoundTrip: n.trip.Seconds()}
		if w.counted[n.name] {
			row.Entries, row.Bytes = &load.EntriesNow, &load.BytesNow
		}
		if complete && total > 0 {
			share := float64(load.EntriesNow) / float64(total)
			row.Share = &share
		}
		if n.err != nil {
			row.Error = a.redact(explain(n.err).Error())
		} else if err := w.errs[n.name]; err != nil {
			row.Error = a.redact(err.Error())
		}
		result.Nodes = append(result.Nodes, row)
	}
	if r.Next != nil {
		result.Change = &ringChange{Step: "rebalance", Placement: r.Next.Algorithm()}
		if r.Prepare {
			result.Change.Step = "prepare"
		}
		if left, bytes := w.plan.Moving(); complete {
			result.Change.Left, result.Change.LeftBytes = &left, &bytes
		}
	}
	return result
}

func (r *ringStatusResult) text(counts bool) string {
	rows := [][]string{{"NODE", " WEIGHT", " BY WEIGHT", " ENTRIES", " SHARE", " BYTES", " ANSWERS", "URL"}}
	errs := ""
	for i := range r.Nodes {
		n := &r.Nodes[i]
		expected, answers := percent(n.Expected, 1), "down"
		if next := percent(n.NextExpected, 1); next != expected {
			expected += " → " + next
		}
		if n.Up {
			answers = "in " + roundTrip(time.Duration(n.RoundTrip*float64(time.Second)))
		}
		if n.Error != "" {
			errs += printable(n.Node+": "+n.Error) + "\n"
		}
		rows = append(rows, cells(n.Node, weightText(n.Weight, n.NextWeight), expected, n.Entries, n.Share, n.Bytes, answers, n.URL))
	}
	var b strings.Builder
	b.WriteString(columns(rows) + errs + "\nplacement  " + r.Placement + "\n")
	if r.Entries != nil {
		fmt.Fprintf(&b, "total      %s, %s\n", entries(*r.Entries), words.Size(*r.Bytes))
	} else if counts {
		b.WriteString("total      not known: a node that is down or cannot list was not counted\n")
	}
	if r.Strays > 0 {
		fmt.Fprintf(&b, "strays     %s where neither set looks for them\n", entries(r.Strays))
	}
	if r.Corrupt > 0 {
		fmt.Fprintf(&b, "corrupt    %s\n", entries(r.Corrupt))
	}
	if c := r.Change; c != nil {
		text := "step 1 of 3: the next set is read too, the present one is written"
		if c.Step == "rebalance" {
			text = "step 2 of 3: the next set is written"
		}
		if c.Placement != r.Placement {
			text += "; its placement is " + c.Placement
		}
		b.WriteString("change     " + text + "\n")
		switch {
		case c.Left == nil:
			b.WriteString("left       not known\n")
		case *c.Left == 0 && c.Step == "rebalance":
			b.WriteString("left       nothing: larder ring rebalance makes sure of that, then comes the third roll-out\n")
		default:
			fmt.Fprintf(&b, "left       %s, %s to move\n", entries(*c.Left), words.Size(*c.LeftBytes))
		}
	}
	return strings.TrimRight(b.String(), "\n")
}

// roundTrip writes a short time with two digits.
func roundTrip(d time.Duration) string {
	switch {
	case d < 10*time.Microsecond:
		return d.Round(100 * time.Nanosecond).String()
	case d < time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(100 * time.Microsecond).String()
}
