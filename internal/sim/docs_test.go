package main

import (
	"bytes"
	"encoding/csv"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/larder-go/larder/internal/words"
	"github.com/larder-go/larder/shard"
)

const docs = "../../docs"

var redraw = flag.Bool("redraw", false, "write the plots anew, of docs/sim.csv as it is: after a change of how they look")

// written reads docs/sim.csv.
func written(t *testing.T) (rows []row) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(docs, "sim.csv"))
	if err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil || len(records) < 2 || strings.Join(records[0], ",") != columns {
		t.Fatalf("docs/sim.csv has %d records: %v", len(records), err)
	}
	number := func(s string, base int) int64 {
		n, err := strconv.ParseInt(s, base, 64)
		if err != nil && s != "" {
			t.Fatal(err)
		}
		return n
	}
	for _, f := range records[1:] {
		n := func(i int) int64 { return number(f[i], 10) }
		rows = append(rows, row{
			event: int(n(0)), kind: kind(f[1]), touched: int(n(2)), nodes: int(n(3)), algorithm: f[4], max: n(5), min: n(6),
			least: n(7), moved: n(8), needless: n(9), lost: n(10), atOnce: n(11), threefold: n(12), check: uint32(number(f[13], 16)),
		})
	}
	return rows
}

// TestPlots: the plots and the table of the page are those of docs/sim.csv, byte for byte.
func TestPlots(t *testing.T) {
	rows := written(t)
	if *redraw {
		if err := save(docs, rows); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range files() {
		var got bytes.Buffer
		if err := f.write(&got, rows); err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join(docs, f.name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("docs/%s is not what docs/sim.csv says: go run ./internal/sim", f.name)
		}
	}
	page, err := os.ReadFile(filepath.Join(docs, "simulation.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(page, []byte(summary(rows))) {
		t.Errorf("docs/simulation.md does not have this table:\n%s", summary(rows))
	}
	text := strings.Join(strings.Fields(string(page)), " ")
	for _, figure := range figures(rows) {
		if !strings.Contains(text, figure) {
			t.Errorf("docs/simulation.md does not say %q", figure)
		}
	}
}

// figures are what the page says in words.
func figures(rows []row) []string {
	var worst row
	losses, dead := 0, 0
	for _, r := range rows {
		if r.algorithm != chance && r.least > 0 && (worst.least == 0 || r.moved*worst.least > worst.moved*r.least) {
			worst = r
		}
		if r.algorithm == chance && r.kind == loss {
			losses, dead = losses+1, dead+r.touched
		}
	}
	first := of(shard.Rendezvous, rows)
	return []string{
		fmt.Sprintf("%d losses of %d nodes", losses, dead),
		fmt.Sprintf("%s sessions moved where %s had to (`%s`, event %d:", words.Thousands(worst.moved), words.Thousands(worst.least), worst.algorithm, worst.event),
		fmt.Sprintf("%s moved where weights alone say %s", last(first, theMoved), last(first, theLeast)),
	}
}

func last(rows []row, value func(row) int64) string {
	all := sums(column(rows, value))
	return words.Thousands(all[len(all)-1])
}

// TestCheck recomputes of docs/sim.csv what needs few sessions: the events, the least, and where the first sessions stand. An algorithm that places
// another way than when the file was written fails here. LARDER_SOAK makes the whole file anew.
func TestCheck(t *testing.T) {
	c, rows := defaults(), written(t)
	events := history(c.seed, c.nodes, c.events)
	if len(rows) != len(events)*(len(algorithms())+1) {
		t.Fatalf("%d rows for %d events", len(rows), len(events))
	}
	if os.Getenv("LARDER_SOAK") != "" {
		again, err := c.run(io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		for i := range rows {
			if rows[i] != again[i] {
				t.Fatalf("docs/sim.csv has %+v, a run %+v", rows[i], again[i])
			}
		}
		return
	}
	keys := sessions(c.seed, sampleSize)
	states := map[string]*state{}
	for _, r := range rows {
		e := events[r.event]
		if r.kind != e.kind || r.touched != e.touched || r.nodes != len(e.nodes) {
			t.Fatalf("event %d is %+v, not %+v", r.event, e, r)
		}
		if r.algorithm == chance {
			if r.event < 3 && throw(c.seed, r.event, e, c.sessions) != r {
				t.Errorf("event %d, %s: not %+v", r.event, r.algorithm, r)
			}
			continue
		}
		if r.event > 0 && r.least != least(c.sessions, events[r.event-1].nodes, e.nodes) {
			t.Errorf("event %d: the least is not %d", r.event, r.least)
		}
		if r.algorithm != shard.Rendezvous && r.event > 4 {
			continue // a ring of 160,000 points takes its time
		}
		if states[r.algorithm] == nil {
			states[r.algorithm] = &state{algorithm: r.algorithm}
		}
		got, err := states[r.algorithm].apply(r.event, e, keys)
		if err != nil {
			t.Fatal(err)
		}
		if got.check != r.check {
			t.Errorf("event %d, %s: the first sessions do not stand where docs/sim.csv has them: go run ./internal/sim", r.event, r.algorithm)
		}
	}
}
