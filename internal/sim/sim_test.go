package main

import (
	"bytes"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/larder-go/larder/shard"
)

func small() config { return config{seed: 7, nodes: 100, sessions: 20_000, events: 10} }

// everything is all bytes that a run leaves.
func everything(t *testing.T, c config) string {
	t.Helper()
	var b bytes.Buffer
	rows, err := c.run(&b)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files() {
		if err := f.write(&b, rows); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func TestSameBytes(t *testing.T) {
	before := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(before)
	alone := everything(t, small())
	runtime.GOMAXPROCS(4)
	if everything(t, small()) != alone {
		t.Error("two runs with the same flags differ")
	}
	other := small()
	other.seed++
	if everything(t, other) == alone {
		t.Error("the seed changes nothing")
	}
}

func TestInvariants(t *testing.T) {
	c := small()
	c.events = 30
	rows, err := c.run(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[kind]int{}
	for _, r := range rows {
		kinds[r.kind]++
		// A node of weight 1 has some 70 sessions here: chance alone makes a third more or less of them.
		if r.algorithm == shard.Rendezvous || r.algorithm == chance {
			if r.max > 1500 || r.min < 550 || r.max < 1000 || r.min > 1000 {
				t.Errorf("event %d, %s: loads of %d to %d thousandths", r.event, r.algorithm, r.min, r.max)
			}
		}
		if r.algorithm == chance {
			continue
		}
		if r.atOnce != r.moved || r.threefold != r.lost {
			t.Errorf("event %d, %s: %d moved, %d lost; %d out of reach at once, %d in three roll-outs", r.event, r.algorithm, r.moved, r.lost, r.atOnce, r.threefold)
		}
		if r.kind != loss && r.lost != 0 || r.kind == loss && r.lost == 0 || r.kind == start && r.moved != 0 || r.moved < r.lost+r.needless {
			t.Errorf("event %d (%s), %s: %d moved, %d lost, %d needless", r.event, r.kind, r.algorithm, r.moved, r.lost, r.needless)
		}
		if r.algorithm == shard.Rendezvous {
			if far := math.Abs(float64(r.moved - r.least)); far > 6*math.Sqrt(float64(r.least))+1 {
				t.Errorf("event %d (%s): %d moved, the least is %d", r.event, r.kind, r.moved, r.least)
			}
		}
	}
	for _, k := range []kind{start, loss, growth, raise, lower} {
		if kinds[k] == 0 {
			t.Errorf("no %s in %d events", k, c.events)
		}
	}
}

// TestRendezvousMovesTheLeast: not one session more changes its node than the loads before and after need, and what moves has a cause.
func TestRendezvousMovesTheLeast(t *testing.T) {
	c := small()
	c.events = 30
	keys := sessions(c.seed, c.sessions)
	s := state{algorithm: shard.Rendezvous}
	loads := map[string]int64{}
	for number, e := range history(c.seed, c.nodes, c.events) {
		r, err := s.apply(number, e, keys)
		if err != nil {
			t.Fatal(err)
		}
		after, gained := map[string]int64{}, int64(0)
		for _, i := range s.at {
			after[s.nodes[i].Name]++
		}
		for name, n := range after {
			gained += max(0, n-loads[name])
		}
		if number > 0 && (r.moved != gained || r.needless != 0 || r.kind == loss && r.moved != r.lost) {
			t.Errorf("event %d (%s): %d moved where nodes gained %d; %d needless, %d lost", number, r.kind, r.moved, gained, r.needless, r.lost)
		}
		loads = after
	}
}

// TestMixedChange: where some nodes are raised and others lowered, rendezvous moves more than the least, but nothing without a cause.
func TestMixedChange(t *testing.T) {
	keys := sessions(1, 20_000)
	before, after := history(1, 10, 0)[0].nodes, history(1, 10, 0)[0].nodes
	before[0].Weight, before[1].Weight, after[0].Weight, after[1].Weight = 4, 8, 8, 4
	s := state{algorithm: shard.Rendezvous}
	for number, e := range []event{{start, 0, before}, {raise, 2, after}} {
		r, err := s.apply(number, e, keys)
		if err != nil {
			t.Fatal(err)
		}
		if number == 1 && (r.needless != 0 || r.moved < r.least*11/10) {
			t.Errorf("%d moved, %d needless, the least is %d", r.moved, r.needless, r.least)
		}
	}
}

// TestReached: each of the three roll-outs is needed, and bringing over what moved is, too.
func TestReached(t *testing.T) {
	three := threeRollouts()
	if !reached(three, false) || reached(three, true) || reached(atOnce(), false) {
		t.Error("three roll-outs should reach all but what a dead node has, one roll-out should not")
	}
	one := func(v ...view) step { return step{views: v} }
	last := step{views: []view{changing(), newSet()}, brought: true}
	for name, plan := range map[string][]step{
		"the first is left out":                 {one(oldSet()), one(oldSet(), changing()), one(changing()), last},
		"the second is left out":                {one(oldSet()), one(oldSet(), prepared()), one(prepared(), newSet())},
		"nothing is brought over":               {one(oldSet(), prepared()), one(prepared(), changing()), one(changing(), newSet())},
		"the second before the first has ended": {one(oldSet(), prepared(), changing()), one(changing()), last},
	} {
		if reached(plan, false) {
			t.Errorf("%s, and all is reached", name)
		}
	}
}

func TestLeast(t *testing.T) {
	nodes := func(list ...any) (all []shard.Node) {
		for i := 0; i < len(list); i += 2 {
			all = append(all, shard.Node{Name: list[i].(string), Weight: list[i+1].(int)})
		}
		return all
	}
	for _, c := range []struct {
		before, after []shard.Node
		want          int64
	}{
		{nodes("a", 1, "b", 1), nodes("b", 5, "a", 5), 0},
		{nodes("a", 1), nodes("a", 1, "b", 1), 500},
		{nodes("a", 1, "b", 1), nodes("b", 1), 500},
		{nodes("a", 1, "b", 1), nodes("a", 2, "b", 1), 167},
		{nodes("a", 1, "b", 1), nodes("c", 1, "d", 1), 1000},
		{nodes("a", 3, "b", 1), nodes("a", 1, "b", 3), 500},
	} {
		if got := least(1000, c.before, c.after); got != c.want {
			t.Errorf("%v to %v: %d, not %d", c.before, c.after, got, c.want)
		}
	}
}

// TestCompare: what counts as needless, by hand.
func TestCompare(t *testing.T) {
	before := []shard.Node{{Name: "dies", Weight: 1}, {Name: "stays", Weight: 1}, {Name: "falls", Weight: 2}, {Name: "rises", Weight: 1}}
	after := []shard.Node{{Name: "rises", Weight: 2}, {Name: "stays", Weight: 1}, {Name: "falls", Weight: 1}, {Name: "joins", Weight: 1}}
	const rises, stays, falls, joins = 0, 1, 2, 3
	var r row
	r.compare(before, after,
		[]int32{0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 3},
		[]int32{stays, joins, stays, falls, joins, rises, falls, stays, rises, stays, joins})
	if r.moved != 8 || r.lost != 2 || r.needless != 2 || r.atOnce != 8 || r.threefold != 2 {
		t.Errorf("%+v", r)
	}
}

func TestHistory(t *testing.T) {
	all := history(1, 100, 500)
	for number, e := range all[1:] {
		before, after := all[number].nodes, e.nodes
		names := map[string]bool{}
		for _, n := range after {
			names[n.Name] = true
			if n.Weight < 1 || n.Weight > heaviest {
				t.Fatalf("event %d: weight %d", number+1, n.Weight)
			}
		}
		grown := len(after) - len(before)
		want := map[kind]int{loss: -e.touched, growth: e.touched}[e.kind]
		if len(names) != len(after) || grown != want || e.touched < 1 {
			t.Fatalf("event %d: %s of %d, from %d nodes to %d, %d names", number+1, e.kind, e.touched, len(before), len(after), len(names))
		}
	}
	if few := history(3, 2, 200); len(few[200].nodes) < 1 {
		t.Error("no node is left")
	}
}

func TestLine(t *testing.T) {
	var b strings.Builder
	if _, err := small().run(&b); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	if len(lines) != 1+11+1+2+5+1 {
		t.Errorf("%d lines:\n%s", len(lines), b.String())
	}
	for _, l := range lines[1:12] {
		if len(l) != len(lines[0]) {
			t.Errorf("a line does not fit its heading:\n%s\n%s", lines[0], l)
		}
	}
}
