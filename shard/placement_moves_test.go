package shard

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"
	"testing"
)

// millionKeys are the keys of balance.json, hexadecimal hashes; made once, for they take a while.
var millionKeys = sync.OnceValue(func() []string {
	keys := make([]string, 1_000_000)
	for i := range keys {
		sum := sha1.Sum([]byte(strconv.Itoa(i)))
		keys[i] = hex.EncodeToString(sum[:])
	}
	return keys
})

func sha1Keys(n int) []string { return slices.Clone(millionKeys()[:n]) }

// load is how many keys each node has.
func load(p Placement, keys []string) []int {
	counts := make([]int, len(p.Nodes()))
	for _, key := range keys {
		counts[p.Place(key)]++
	}
	return counts
}

// moved is how many keys change node between two sets, and how many of them do so although neither node is among those that changed.
func moved(now, next Placement, keys []string, changed ...string) (all, needless int) {
	was, is := now.Nodes(), next.Nodes()
	for _, key := range keys {
		from, to := was[now.Place(key)].Name, is[next.Place(key)].Name
		if from == to {
			continue
		}
		if all++; !slices.Contains(changed, from) && !slices.Contains(changed, to) {
			needless++
		}
	}
	return all, needless
}

// TestBalance: ten equal nodes and a million keys. Rendezvous gives no node more than 1 % above its share; what others do is recorded, and is done exactly so.
func TestBalance(t *testing.T) {
	t.Parallel() // beside those that wait for servers
	var recordings struct {
		Sets []struct {
			Algorithm string
			Counts    []int
			MovedAdd  float64 `json:"MovedAdd11"`
		} `json:"one_name_set_1e6_keys"`
	}
	readJSON(t, "balance.json", &recordings)
	names := map[string]string{
		"seed HashRing sorted+wrapped, 32 vnodes md5-128":     HashRing,
		"libmemcached ketama (100 pts, OAAT points and keys)": Ketama,
		"ketama weighted / twemproxy ketama md5 (160 pts)":    KetamaWeighted,
		"python hash_ring (120 pts)":                          PythonHashRing,
		"python-memcached crc32>>16&0x7fff modulo":            ModPython,
		"gomemcache crc32 modulo":                             ModGomemcache,
	}
	keys, nodes := millionKeys(), numbered(11, "10.0.0.%d:6379")
	for _, r := range recordings.Sets {
		algorithm := names[r.Algorithm]
		if algorithm == "" {
			continue
		}
		delete(names, r.Algorithm)
		now, next := place(t, algorithm, nodes[:10]...), place(t, algorithm, nodes...)
		counts, moved := make([]int, 10), 0
		for _, key := range keys {
			i := now.Place(key)
			if counts[i]++; next.Place(key) != i {
				moved++
			}
		}
		if !slices.Equal(counts, r.Counts) {
			t.Errorf("%s: %v, recorded %v", algorithm, counts, r.Counts)
		}
		if moved != int(math.Round(r.MovedAdd*1e6)) {
			t.Errorf("%s: an eleventh node moves %d keys, recorded %v", algorithm, moved, r.MovedAdd)
		}
	}
	if len(names) > 0 {
		t.Errorf("not recorded: %v", names)
	}
	counts := load(place(t, Rendezvous, nodes[:10]...), keys)
	if most := slices.Max(counts); most > 101_000 {
		t.Errorf("rendezvous: %v", counts)
	}
	t.Logf("rendezvous: max/mean %.4f, %v", float64(slices.Max(counts))/100_000, counts)
}

// TestWeights: weights from 1 to 10 are honoured within 2 %, and so is a weight of 10,000 beside one of 100.
func TestWeights(t *testing.T) {
	nodes := numbered(10, "10.0.0.%d:6379")
	for i := range nodes {
		nodes[i].Weight = i + 1
	}
	far := []Node{{"small", 100}, {"great", MaxWeight}}
	for _, nodes := range [][]Node{nodes, far} {
		total, keys := 0, millionKeys()
		for _, n := range nodes {
			total += n.Weight
		}
		worst := 0.0
		for i, count := range load(place(t, Rendezvous, nodes...), keys) {
			off := float64(count)*float64(total)/float64(nodes[i].Weight)/1e6 - 1
			if worst = max(worst, math.Abs(off)); math.Abs(off) > 0.02 {
				t.Errorf("%v has %d keys, %.2f %% off its share", nodes[i], count, 100*off)
			}
		}
		t.Logf("%d nodes: at most %.2f %% off", len(nodes), 100*worst)
	}
}

// TestMoves: how much moves when the set changes, and that nothing moves between two nodes that stay as they are.
func TestMoves(t *testing.T) {
	million, some := millionKeys(), sha1Keys(100_000)
	nodes := numbered(11, "10.0.0.%d:6379")
	with := func(n int, weight int, nodes []Node) []Node {
		nodes = slices.Clone(nodes)
		nodes[n].Weight = weight
		return nodes
	}
	for _, c := range []struct {
		name      string
		now, next []Node
		keys      []string
		changed   string
		least     float64 // share that moves
		most      float64
	}{
		{"10 to 11 nodes", nodes[:10], nodes, million, nodes[10].Name, 0.090, 0.092},
		{"11 to 10 nodes", nodes, nodes[:10], million, nodes[10].Name, 0.090, 0.092},
		{"4 to 5 nodes", nodes[:4], nodes[:5], some, nodes[4].Name, 0.19, 0.24},
		{"5 to 4 nodes, the first goes", nodes[:5], nodes[1:5], some, nodes[0].Name, 0.19, 0.21},
		{"one of 5 grows to weight 2", nodes[:5], with(2, 2, nodes[:5]), some, nodes[2].Name, 0.12, 0.145},
		{"one of 5 shrinks from 10 to 9", with(2, 10, nodes[:5]), with(2, 9, nodes[:5]), some, nodes[2].Name, 0.015, 0.027},
		{"from 9999 to 10000", with(0, 9999, nodes[:2]), with(0, 10_000, nodes[:2]), some, nodes[0].Name, 0, 0.0001},
	} {
		all, needless := moved(place(t, Rendezvous, c.now...), place(t, Rendezvous, c.next...), c.keys, c.changed)
		share := float64(all) / float64(len(c.keys))
		if share < c.least || share > c.most || needless > 0 {
			t.Errorf("%s: %.4f of all keys move, %d of them needlessly", c.name, share, needless)
		}
		t.Logf("%s: %.4f", c.name, share)
	}
}

// TestEveryNodeWithin15Percent: of its share, with 5 nodes and 100,000 keys.
func TestEveryNodeWithin15Percent(t *testing.T) {
	for _, count := range load(place(t, Rendezvous, numbered(5, "node-%d")...), sha1Keys(100_000)) {
		if count < 17_000 || count > 23_000 {
			t.Errorf("%d keys of 20000", count)
		}
	}
}

// TestRecordedMoves: what the ring of the Tornado session framework moves, mended. A change of the total weight changes how many points every node has, so that keys
// move between nodes that stay.
func TestRecordedMoves(t *testing.T) {
	type node struct {
		Host   string
		Weight int
	}
	var recordings map[string]struct {
		From, To []node
		Moved    float64
		Between  float64 `json:"moved_between_surviving_nodes"`
	}
	readJSON(t, "seedring_moves.json", &recordings)
	keys := make([]string, 100_000)
	for i := range keys {
		keys[i] = fmt.Sprint("k", i)
	}
	for name, r := range recordings {
		var changed []string
		ring := func(nodes, others []node) Placement {
			var of []Node
			for _, n := range nodes {
				of = append(of, Node{n.Host, n.Weight})
				if !slices.ContainsFunc(others, func(o node) bool { return o.Host == n.Host }) {
					changed = append(changed, n.Host)
				}
			}
			return place(t, HashRing, of...)
		}
		now, next := ring(r.From, r.To), ring(r.To, r.From)
		all, between := moved(now, next, keys, changed...)
		if all != int(math.Round(r.Moved*1e5)) || between != int(math.Round(r.Between*1e5)) {
			t.Errorf("%s: %d keys move, %d between nodes that stay; recorded %v, %v", name, all, between, r.Moved, r.Between)
		}
	}
}

// TestRingMoves is what the package comment says of rings: while all weights are the same, a node that comes takes keys for itself only; with other weights, and where the C
// programs round, a few keys move between nodes that stay; and a node whose share is below a point has no keys.
func TestRingMoves(t *testing.T) {
	keys, nodes := sha1Keys(100_000), numbered(25, "10.0.0.%d:6379")
	weighted := weighing(nodes)
	for _, algorithm := range []string{Ketama, KetamaWeighted, PythonHashRing, HashRing, KetamaUhashring} {
		for _, c := range []struct {
			name      string
			now, next []Node
			exact     bool
		}{
			{"10 to 11 equal nodes", nodes[:10], nodes[:11], true},
			{"10 to 11 weighted nodes", weighted[:10], weighted[:11], false},
			{"24 to 25 equal nodes", nodes[:24], nodes[:25], algorithm != KetamaWeighted},
		} {
			_, needless := moved(place(t, algorithm, c.now...), place(t, algorithm, c.next...), keys, c.next[len(c.next)-1].Name)
			if c.exact != (needless == 0) || needless > len(keys)/10 {
				t.Errorf("%s, %s: %d keys move needlessly", algorithm, c.name, needless)
			}
		}
		if got := load(place(t, algorithm, Node{"a", 1}, Node{"b", MaxWeight}), keys); got[0] != 0 {
			t.Errorf("%s: weight 1 beside %d: %v", algorithm, MaxWeight, got)
		}
	}
	if got := load(place(t, Rendezvous, Node{"a", 1}, Node{"b", MaxWeight}), keys); got[0] < 3 || got[0] > 25 {
		t.Errorf("rendezvous: %v", got)
	}
}
