package cli

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/larder-go/larder/internal/words"
	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
	"github.com/spf13/cobra"
)

type ringPlanResult struct {
	Placement     string         `json:"placement"`
	NextPlacement string         `json:"next_placement"`
	Nodes         []ringPlanNode `json:"nodes"`
	Moves         []ringMove     `json:"moves"`
	Entries       int            `json:"entries"` // on all nodes
	Bytes         int64          `json:"bytes"`   // of the values
	Moving        int            `json:"moving"`  // entries
	MovingBytes   int64          `json:"moving_bytes"`
	Least         float64        `json:"least"`   // the share, of 1, that must move for the weights to be kept
	Strays        int            `json:"strays"`  // entries where neither set looks for them; they stay
	Corrupt       int            `json:"corrupt"` // entries that cannot be read
	Sampled       bool           `json:"sampled"` // a node cannot list: entries are made-up keys, and no bytes are known
	Rollouts      ringRollouts   `json:"rollouts"`
	Duration      float64        `json:"duration"`
}

type ringPlanNode struct {
	Node        string `json:"node"`
	Weight      int    `json:"weight"` // 0: not in the present set
	NextWeight  int    `json:"next_weight"`
	Entries     int    `json:"entries"`
	NextEntries int    `json:"next_entries"`
	Bytes       int64  `json:"bytes"`
	NextBytes   int64  `json:"next_bytes"`
}

type ringMove struct {
	From    string `json:"from"`
	To      string `json:"to"`
	Entries int    `json:"entries"`
	Bytes   int64  `json:"bytes"`
}

func (a *app) ringPlanCommand() *cobra.Command {
	var f ringChangeFlags
	var svg string
	c := &cobra.Command{
		Use:   "plan",
		Short: "Say what a change of the set would move, and how to make it",
		Long: "Say what would move between which nodes if one were added, removed or given\n" +
			"another weight: entries and bytes, the load of each node before and after, and the\n" +
			"URLs of the three roll-outs in which a running site makes that change. Nothing is\n" +
			"written to any node. Where the store's URL has a next set already, it is that which\n" +
			"is planned. To count, every node is listed; where one cannot list, as memcached, the\n" +
			"shares are those of 100,000 keys made up for it.\n\n" +
			"The URLs have no passwords: put them in where xxxxx stands.",
		Example: "  larder ring plan --add d=redis://host4\n" +
			"  larder ring plan --remove b --svg load.svg\n" +
			"  larder ring plan --weight a:2 --weight b:2 --json | jq .moving",
		Args: takesNone("flags say what is to change, as in --add NAME"),
		RunE: func(c *cobra.Command, _ []string) error {
			if svg == "" && c.Flags().Changed("svg") {
				return usage("name a file, or - for standard output", "--svg is empty")
			}
			if svg == "-" && a.json {
				return usage("name a file for the plot", "--json prints on standard output, where the plot would go")
			}
			r, err := a.readRing(c)
			switch {
			case err != nil:
				return err
			case f.none() && r.Next == nil:
				return usage("--add NAME, --remove NAME, --weight NAME:WEIGHT and --placement ALGORITHM do", "nothing says what is to change")
			case !f.none() && r.Next != nil:
				return usage("finish that first; without flags, it is what is planned", "the URL says that the set is changing already")
			case !f.none():
				err = f.apply(r, a.mux)
			}
			if err != nil {
				return err
			}
			return a.ringPlan(c.Context(), r, svg)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.register(c)
	c.Flags().StringVar(&svg, "svg", "", "plot the load per node to `FILE`; - is stdout")
	return a.exits.add(c, exitError, exitPartial, exitNoStore, exitLocked)
}

// sampleKeys is how many keys are made up where a node cannot list.
const sampleKeys = 100_000

func (a *app) ringPlan(ctx context.Context, r *ring, svg string) error {
	start := time.Now()
	if err := trySVG(svg); err != nil {
		return err
	}
	plan, sampled, err := a.countRing(ctx, r)
	if err != nil {
		return err
	}
	result := newRingPlanResult(r, &plan, sampled)
	result.Duration = time.Since(start).Seconds()
	if svg == "-" {
		return drawPlan(a.out, result)
	}
	if svg != "" {
		if err := writeSVG(svg, result); err != nil {
			return err
		}
	}
	if err := a.result(result, result.text(r)); err != nil {
		return err
	}
	if result.Rollouts.Hidden {
		a.note("note: put the passwords in where xxxxx stands, percent-encoded once more as a part of the node's URL")
	}
	if plan.Corrupt > 0 {
		return &failure{exitPartial, fmt.Errorf("%s cannot be read, and will not move", entries(plan.Corrupt)), adviceOnCorrupt}
	}
	return nil
}

// countRing counts what would move, or samples it where a node cannot list.
func (a *app) countRing(ctx context.Context, r *ring) (plan shard.Plan, sampled bool, err error) {
	var seen atomic.Int64
	line := a.progress(func() string { return fmt.Sprintf("counting: %s", entries(int(seen.Load()))) })
	defer line.stop()
	nodes := a.openNodes(ctx, r)
	defer closeNodes(nodes)
	if err := ctx.Err(); err != nil {
		return plan, false, err
	}
	now, stores := weightsOf(r.Now), make(map[string]store.Store)
	for i := range nodes {
		n := &nodes[i]
		switch {
		case now[n.name] == 0 && (n.url == "" || n.missing()):
			stores[n.name] = store.NewMap(nil) // to be made
		case n.err != nil:
			f := explain(n.err)
			return plan, false, &failure{f.code, fmt.Errorf("node %s: %w", n.name, f.err), f.hint}
		default:
			stores[n.name] = n.s
			sampled = sampled || !store.CanList(n.s)
		}
	}
	if sampled {
		return shard.SampleMoves(r.Now, r.Next, sampleKeys), true, nil
	}
	plan, err = shard.CountMoves(ctx, stores, r.Now, r.Next, func(p shard.Plan) {
		n, _ := p.Entries()
		seen.Store(int64(n))
	})
	return plan, false, err
}

func newRingPlanResult(r *ring, plan *shard.Plan, sampled bool) *ringPlanResult {
	result := &ringPlanResult{Placement: r.Now.Algorithm(), NextPlacement: r.Next.Algorithm(), Strays: plan.Strays, Corrupt: plan.Corrupt,
		Sampled: sampled, Rollouts: r.rollouts(), Moves: []ringMove{}}
	result.Entries, result.Bytes = plan.Entries()
	result.Moving, result.MovingBytes = plan.Moving()
	now, next := 0, 0
	for _, n := range plan.Nodes {
		now += n.WeightNow
		next += n.WeightNext
		result.Nodes = append(result.Nodes, ringPlanNode{n.Name, n.WeightNow, n.WeightNext, n.EntriesNow, n.EntriesNext, n.BytesNow, n.BytesNext})
	}
	for _, n := range plan.Nodes {
		result.Least += max(0, float64(n.WeightNext)/float64(next)-float64(n.WeightNow)/float64(now))
	}
	for _, m := range plan.Moves {
		result.Moves = append(result.Moves, ringMove(m))
	}
	return result
}

// known is a number, or nil where it is of made-up keys.
func (r *ringPlanResult) known(number any) any {
	if r.Sampled {
		return nil
	}
	return number
}

func (r *ringPlanResult) text(of *ring) string {
	var b strings.Builder
	whole := float64(r.Entries)
	rows := [][]string{{"NODE", " WEIGHT", " ENTRIES", " AFTER", " SHARE", " AFTER", " BYTES", " AFTER"}}
	for _, n := range r.Nodes {
		now, next := percent(float64(n.Entries), whole), percent(float64(n.NextEntries), whole)
		rows = append(rows, cells(n.Node, weightText(n.Weight, n.NextWeight), r.known(&n.Entries), r.known(&n.NextEntries), now, next, r.known(&n.Bytes), r.known(&n.NextBytes)))
	}
	b.WriteString(columns(rows))
	if len(r.Moves) > 0 {
		rows = [][]string{{"FROM", "TO", " ENTRIES", " SHARE", " BYTES"}}
		for _, m := range r.Moves {
			rows = append(rows, cells(m.From, m.To, r.known(&m.Entries), percent(float64(m.Entries), whole), r.known(&m.Bytes)))
		}
		b.WriteString("\n" + columns(rows))
	}
	switch {
	case r.Sampled:
		fmt.Fprintf(&b, "\nabout %s of all entries would move; a node cannot list, so that is of %s made-up keys\n", percent(float64(r.Moving), whole), thousands(r.Entries))
	case r.Moving == 0:
		fmt.Fprintf(&b, "\nnone of %s would move\n", entries(r.Entries))
	default:
		fmt.Fprintf(&b, "\n%s of %s would move, %s of %s: %s\n", thousands(r.Moving), entries(r.Entries), words.Size(r.MovingBytes), words.Size(r.Bytes),
			percent(float64(r.Moving), whole))
	}
	fmt.Fprintf(&b, "the weights ask for %s at least\n", percent(r.Least, 1))
	if r.Strays > 0 {
		fmt.Fprintf(&b, "%s more where neither set looks for them: no part of this\n", entries(r.Strays))
	}
	if r.NextPlacement != r.Placement {
		fmt.Fprintf(&b, "the placement changes from %s to %s\n", r.Placement, r.NextPlacement)
	}
	b.WriteString("\n" + r.Rollouts.text(of))
	return strings.TrimRight(b.String(), "\n")
}

const rolloutsText = `1. Roll out every program with the URL
   %s
2. Roll out every program with
   %s
   and then run, until it ends with exit code 0,
   larder ring rebalance --store %s
3. Roll out every program with
   %s
`

func (u *ringRollouts) text(r *ring) string {
	text := fmt.Sprintf(rolloutsText, printable(u.Prepare), printable(u.Rebalance), printable(shellQuote(u.Rebalance)), printable(u.Done))
	for _, name := range r.Nodes {
		if r.URLs[name] == "" {
			text += fmt.Sprintf("Put the URL of node %s, percent-encoded, in place of %s.\n", printable(name), urlToCome)
		}
	}
	return text
}

// shellQuote makes text one word for a shell.
func shellQuote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
