package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/larder-go/larder/internal/chart"
	"github.com/larder-go/larder/internal/words"
)

// file is one of those that a run leaves.
type file struct {
	name  string
	write func(io.Writer, []row) error
}

func files() []file {
	return []file{{"sim.csv", writeCSV}, {"sim-balance.svg", plotBalance}, {"sim-moved.svg", plotMoved}, {"sim-unreachable.svg", plotUnreachable}}
}

const columns = "event,kind,touched,nodes,algorithm,max,min,least,moved,needless,lost,at_once,three_rollouts,check"

func writeCSV(w io.Writer, rows []row) error {
	var b strings.Builder
	b.WriteString(columns + "\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "%d,%s,%d,%d,%s,%d,%d,", r.event, r.kind, r.touched, r.nodes, r.algorithm, r.max, r.min)
		if r.algorithm == chance {
			b.WriteString(",,,,,,\n")
			continue
		}
		fmt.Fprintf(&b, "%d,%d,%d,%d,%d,%d,%08x\n", r.least, r.moved, r.needless, r.lost, r.atOnce, r.threefold, r.check)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// of are the rows of one algorithm, one for each event.
func of(algorithm string, rows []row) (its []row) {
	for _, r := range rows {
		if r.algorithm == algorithm {
			its = append(its, r)
		}
	}
	return its
}

func column(rows []row, value func(row) int64) (all []int64) {
	for _, r := range rows {
		all = append(all, value(r))
	}
	return all
}

// sums are what a column comes to, event by event.
func sums(values []int64) (all []int64) {
	sum := int64(0)
	for _, v := range values {
		sum += v
		all = append(all, sum)
	}
	return all
}

func theMax(r row) int64       { return r.max }
func theMin(r row) int64       { return r.min }
func theLeast(r row) int64     { return r.least }
func theMoved(r row) int64     { return r.moved }
func theNeedless(r row) int64  { return r.needless }
func theLost(r row) int64      { return r.lost }
func theAtOnce(r row) int64    { return r.atOnce }
func theThreefold(r row) int64 { return r.threefold }

func plotBalance(w io.Writer, rows []row) error {
	p := chart.LinePlot{
		Title: "The most and the least loaded node", Caption: "Sessions on it, over those that its weight stands for",
		X: "event", Format: chart.Fixed(3, 2),
	}
	for _, a := range algorithms() {
		p.Series = append(p.Series, chart.Series{Name: a, Values: column(of(a, rows), theMax), Low: column(of(a, rows), theMin)})
	}
	dice := of(chance, rows)
	p.Series = append(p.Series, chart.Series{Name: "weighted dice", Values: column(dice, theMax), Low: column(dice, theMin), Plain: true})
	return chart.Lines(w, p)
}

func plotMoved(w io.Writer, rows []row) error {
	p := chart.LinePlot{Title: "Sessions moved, in all events so far", Caption: "Rendezvous lies on the least that the weights allow", X: "event"}
	for _, a := range algorithms() {
		p.Series = append(p.Series, chart.Series{Name: a, Values: sums(column(of(a, rows), theMoved))})
	}
	p.Series = append(p.Series, chart.Series{Name: "the least, by weight", Values: sums(column(of(algorithms()[0], rows), theLeast)), Plain: true})
	return chart.Lines(w, p)
}

func plotUnreachable(w io.Writer, rows []row) error {
	p := chart.LinePlot{
		Title: "Sessions out of reach, in all events so far", Caption: "The set is changed at once, or in three roll-outs", X: "event",
	}
	for _, a := range algorithms() {
		p.Series = append(p.Series, chart.Series{Name: a + ", at once", Values: sums(column(of(a, rows), theAtOnce))})
	}
	first := algorithms()[0]
	p.Series = append(p.Series, chart.Series{Name: first + ", three roll-outs", Values: sums(column(of(first, rows), theThreefold))})
	return chart.Lines(w, p)
}

func heading(w io.Writer) {
	fmt.Fprintf(w, "%5s  %-7s%5s of %-6s%9s", "event", "what", "nodes", "all", "least")
	for _, a := range algorithms() {
		fmt.Fprintf(w, "  | %-15s %9s %9s", a+": load", "moved", "needless")
	}
	fmt.Fprintln(w)
}

// line is one event on the terminal.
func line(w io.Writer, rows []row) {
	r, load := rows[0], chart.Fixed(3, 2)
	fmt.Fprintf(w, "%5d  %-7s%5d of %-6s%9s", r.event, r.kind, r.touched, words.Thousands(int64(r.nodes)), words.Thousands(r.least))
	for _, a := range algorithms() {
		r := of(a, rows)[0]
		fmt.Fprintf(w, "  | %-*s %9s %9s", max(15, len(a)+6), load(r.min)+" to "+load(r.max), words.Thousands(r.moved), words.Thousands(r.needless))
	}
	fmt.Fprintln(w)
}

// summary is a table in Markdown: docs/simulation.md has it as it is.
func summary(rows []row) string {
	var b strings.Builder
	load := chart.Fixed(3, 2)
	b.WriteString("| over all events | most loaded node: median, worst | least loaded node: median, worst | moved | of these needless | out of reach, at once | in three roll-outs | on lost nodes |\n|---|---|---|---|---|---|---|---|\n")
	for _, a := range append(algorithms(), chance) {
		its := of(a, rows)
		high, low := column(its, theMax), column(its, theMin)
		slices.Sort(high)
		slices.Sort(low)
		name := a
		if a == chance {
			name = "weighted dice"
		}
		fmt.Fprintf(&b, "| %s | %s, %s | %s, %s |", name, load(high[len(high)/2]), load(high[len(high)-1]), load(low[len(low)/2]), load(low[0]))
		if a == chance {
			b.WriteString(" | | | | |\n")
			continue
		}
		for _, value := range []func(row) int64{theMoved, theNeedless, theAtOnce, theThreefold, theLost} {
			all := sums(column(its, value))
			fmt.Fprintf(&b, " %s |", words.Thousands(all[len(all)-1]))
		}
		b.WriteString("\n")
	}
	all := sums(column(of(algorithms()[0], rows), theLeast))
	fmt.Fprintf(&b, "| the least, by weight | | | %s | 0 | | | |\n", words.Thousands(all[len(all)-1]))
	return b.String()
}
