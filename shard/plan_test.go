package shard_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
)

func placement(t testing.TB, algorithm string, nodes ...shard.Node) shard.Placement {
	t.Helper()
	p, err := shard.NewPlacement(algorithm, nodes)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func planNode(name string) shard.Node { return shard.Node{Name: name, Weight: 1} }

// onNodes puts n entries, each of as many bytes as the digits of its number, where now places them, and returns the nodes.
func onNodes(t testing.TB, now shard.Placement, n int, others ...string) map[string]store.Store {
	t.Helper()
	nodes := make(map[string]store.Store)
	for _, node := range now.Nodes() {
		nodes[node.Name] = store.NewMap(nil)
	}
	for _, name := range others {
		nodes[name] = store.NewMap(nil)
	}
	for i := range n {
		key := fmt.Sprintf("key %d", i)
		if err := nodes[now.Nodes()[now.Place(key)].Name].Set(t.Context(), key, []byte(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	return nodes
}

// TestCountMoves counts by another way: each key is placed by both placements.
func TestCountMoves(t *testing.T) {
	ab := []shard.Node{planNode("a"), {Name: "b", Weight: 2}}
	for name, test := range map[string]struct{ now, next []shard.Node }{
		"grow":     {ab, append(ab[:2:2], planNode("c"))},
		"shrink":   {append(ab[:2:2], planNode("c")), ab},
		"reweight": {ab, []shard.Node{{Name: "a", Weight: 3}, {Name: "b", Weight: 2}}},
		"replace":  {ab, []shard.Node{planNode("c")}},
		"none":     {ab, ab},
		"first":    {ab[:1], append([]shard.Node{planNode("z")}, ab...)},
	} {
		t.Run(name, func(t *testing.T) {
			const n = 3000
			now, next := placement(t, "", test.now...), placement(t, "", test.next...)
			nodes := onNodes(t, now, n, "a", "b", "c", "z")
			want := shard.Plan{}
			index := make(map[string]int)
			for _, node := range append(test.now[:len(test.now):len(test.now)], test.next...) {
				if _, ok := index[node.Name]; !ok {
					index[node.Name] = len(want.Nodes)
					want.Nodes = append(want.Nodes, shard.NodeLoad{Name: node.Name})
				}
			}
			for _, node := range test.now {
				want.Nodes[index[node.Name]].WeightNow = max(node.Weight, 1)
			}
			for _, node := range test.next {
				want.Nodes[index[node.Name]].WeightNext = max(node.Weight, 1)
			}
			moves := make(map[[2]int]*shard.Move)
			for i := range n {
				key, size := fmt.Sprintf("key %d", i), int64(len(fmt.Sprint(i)))
				from, to := now.Nodes()[now.Place(key)].Name, next.Nodes()[next.Place(key)].Name
				f, g := &want.Nodes[index[from]], &want.Nodes[index[to]]
				f.EntriesNow++
				f.BytesNow += size
				g.EntriesNext++
				g.BytesNext += size
				if from == to {
					continue
				}
				pair := [2]int{index[from], index[to]}
				if moves[pair] == nil {
					moves[pair] = &shard.Move{From: from, To: to}
				}
				moves[pair].Entries++
				moves[pair].Bytes += size
			}
			for from := range want.Nodes {
				for to := range want.Nodes {
					if m := moves[[2]int{from, to}]; m != nil {
						want.Moves = append(want.Moves, *m)
					}
				}
			}
			told := 0
			got, err := shard.CountMoves(t.Context(), nodes, now, next, func(shard.Plan) { told++ })
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if told == 0 {
				t.Error("no progress was told")
			}
			if entries, _ := got.Entries(); entries != n {
				t.Errorf("%d entries in all", entries)
			}
		})
	}
}

// TestCountMovesMidway: what has moved counts where it stands, and what nobody finds is a stray.
func TestCountMovesMidway(t *testing.T) {
	const n = 1000
	now, next := placement(t, "", planNode("a"), planNode("b")), placement(t, "", planNode("a"), planNode("b"), planNode("c"))
	nodes := onNodes(t, now, n, "c")
	before, err := shard.CountMoves(t.Context(), nodes, now, next, nil)
	if err != nil {
		t.Fatal(err)
	}
	moved, strays := 0, 0
	for i := range n {
		key := fmt.Sprintf("key %d", i)
		from, to := now.Nodes()[now.Place(key)].Name, next.Nodes()[next.Place(key)].Name
		switch {
		case from != to && moved < 100:
			moved++
			nodes[from].Delete(t.Context(), key)
			nodes[to].Set(t.Context(), key, []byte(fmt.Sprint(i)))
		case from == to && strays < 7:
			strays++
			nodes["c"].Set(t.Context(), key, []byte("stray"))
		}
	}
	after, err := shard.CountMoves(t.Context(), nodes, now, next, nil)
	if err != nil {
		t.Fatal(err)
	}
	was, _ := before.Moving()
	left, _ := after.Moving()
	if left != was-moved || after.Strays != strays || before.Strays != 0 {
		t.Errorf("%d of %d left after %d moved, %d strays of %d", left, was, moved, after.Strays, strays)
	}
	if was, left := before.Nodes[2], after.Nodes[2]; was.EntriesNow != 0 || left.EntriesNow != moved || left.EntriesNext != was.EntriesNext {
		t.Errorf("c had %+v and has %+v", was, left)
	}
	if now, err := shard.CountMoves(t.Context(), nodes, now, nil, nil); err != nil || len(now.Moves) > 0 || len(now.Nodes) != 2 {
		t.Errorf("without a next set: %+v, %v", now, err)
	}
}

// brokenList is a node whose list ends with an error after some entries, or with none of its own when ctx is over.
type brokenList struct {
	*store.Map
	err error
}

func (b brokenList) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		for i := range 300 {
			if !yield(store.Info{Key: fmt.Sprint(i), Size: 1}, nil) {
				return
			}
		}
		if b.err != nil && (yield(store.Info{}, store.ErrCorrupt) && ctx.Err() == nil) {
			yield(store.Info{}, b.err)
		}
	}
}

type unlistable struct{ store.Store }

func TestCountMovesOfBadNodes(t *testing.T) {
	now := placement(t, "", planNode("a"), planNode("b"), planNode("c"))
	nodes := onNodes(t, now, 500)
	nodes["b"] = unlistable{nodes["b"]}
	delete(nodes, "c")
	p, err := shard.CountMoves(t.Context(), nodes, now, nil, nil)
	if err != nil || p.Nodes[0].Unlisted || !p.Nodes[1].Unlisted || !p.Nodes[2].Unlisted || p.Nodes[0].EntriesNow == 0 {
		t.Errorf("%+v, %v", p, err)
	}
	nodes["a"] = brokenList{store.NewMap(nil), store.ErrUnavailable}
	p, err = shard.CountMoves(t.Context(), nodes, now, nil, nil)
	if !errors.Is(err, store.ErrUnavailable) || p.Corrupt != 1 || p.Nodes[0].EntriesNow == 0 {
		t.Errorf("%+v, %v", p, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	nodes["a"] = brokenList{store.NewMap(nil), nil}
	if _, err = shard.CountMoves(ctx, nodes, now, nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestSampleMoves: what is estimated is near to what the weights ask for, and the same each time.
func TestSampleMoves(t *testing.T) {
	now := placement(t, "", planNode("a"), planNode("b"), planNode("c"))
	next := placement(t, "", planNode("a"), planNode("b"), planNode("c"), planNode("d"))
	p := shard.SampleMoves(now, next, 100_000)
	if entries, bytes := p.Moving(); entries < 24_500 || entries > 25_500 || bytes != 0 {
		t.Errorf("%d of 100,000 keys would move, %d bytes", entries, bytes)
	}
	for _, m := range p.Moves {
		if m.To != "d" {
			t.Errorf("%+v", m)
		}
	}
	if diff := cmp.Diff(p, shard.SampleMoves(now, next, 100_000)); diff != "" {
		t.Error(diff)
	}
}

func ExampleCountMoves() {
	ctx := context.Background()
	now, _ := shard.NewPlacement("", []shard.Node{{Name: "a"}, {Name: "b"}})
	next, _ := shard.NewPlacement("", []shard.Node{{Name: "a"}, {Name: "b"}, {Name: "c"}})
	nodes := map[string]store.Store{"a": store.NewMap(nil), "b": store.NewMap(nil), "c": store.NewMap(nil)}
	for i := range 1000 {
		key := fmt.Sprintf("session:%d", i)
		nodes[now.Nodes()[now.Place(key)].Name].Set(ctx, key, []byte("value"))
	}
	plan, _ := shard.CountMoves(ctx, nodes, now, next, nil)
	for _, m := range plan.Moves {
		fmt.Println(m.From, "->", m.To, m.Entries)
	}
}
