package shard

import (
	"cmp"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// place is a Placement or the end of the test.
func place(t testing.TB, algorithm string, nodes ...Node) Placement {
	t.Helper()
	p, err := NewPlacement(algorithm, nodes)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// at is the name of the node that a key lives on.
func at(p Placement, key string) string { return p.Nodes()[p.Place(key)].Name }

// recorded reads a table of testdata, as one map from column to field per row.
func recorded(t testing.TB, file string) []map[string]string {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]string
	for _, row := range rows[1:] {
		m := make(map[string]string)
		for i, field := range row {
			m[rows[0][i]] = field
		}
		out = append(out, m)
	}
	return out
}

// readJSON reads a file of testdata.
func readJSON(t testing.TB, file string, v any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", file))
	if err == nil {
		err = json.Unmarshal(data, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// pairs are nodes as testdata has them: name and weight.
type pairs [][2]any

func (p pairs) nodes() (nodes []Node) {
	for _, pair := range p {
		nodes = append(nodes, Node{pair[0].(string), int(pair[1].(float64))})
	}
	return nodes
}

// TestRecordedClients: every key goes to the very node to which real clients and proxies took it.
func TestRecordedClients(t *testing.T) {
	clients := map[string][]string{
		"consistent_hash_default":     {Ketama},
		"consistent_ketama":           {Ketama},
		"ketama":                      {Ketama},
		"ketama_hash_md5":             {Ketama}, // the setting "ketama" takes the hash back
		"consistent_md5":              {KetamaMD5},
		"consistent_ketama_md5":       {KetamaMD5},
		"ketama_weighted":             {KetamaWeighted},
		"twemproxy_ketama_md5":        {KetamaWeighted},
		"twemproxy_ketama_fnv1a_64":   {KetamaWeightedFNV},
		"uhashring_ketama":            {KetamaWeighted, KetamaUhashring},
		"hash_ring":                   {PythonHashRing},
		"python-memcached":            {ModPython},
		"default_modula_hash_default": {ModLibmemcached},
		"modula_md5":                  {ModLibmemcachedMD5},
		"twemproxy_modula_fnv1a_64":   {ModTwemproxyFNV},
		"twemproxy_modula_crc32a":     {ModTwemproxyCRC},
	}
	var recordings struct{ Sets map[string]pairs }
	readJSON(t, "memcached_nodes_sets.json", &recordings)
	for set, nodes := range recordings.Sets {
		rows := recorded(t, "memcached_nodes_"+set+".csv")
		if len(rows) != 1005 || len(rows[0]) != len(clients)+1 {
			t.Fatalf("%s: %d rows of %d columns", set, len(rows), len(rows[0]))
		}
		for column, algorithms := range clients {
			for _, algorithm := range algorithms {
				p := place(t, algorithm, nodes.nodes()...)
				for _, row := range rows {
					if got, want := at(p, row["key"]), row[column]; got != want {
						t.Errorf("%s, %s: %s has key %q on %s, the client took it to %s", set, column, algorithm, row["key"], got, want)
					}
				}
			}
		}
	}
}

// TestRecordedLibmemcached is about what the tables leave out, by libmemcached's own answers (memcached_generate_hash, no server needed): IPv6,
// memcached's own port, weights up to 10,000, up to 100 nodes (it takes no more), single precision, keys that are not ASCII, and keys that
// fall exactly on a point, which a key that reads like a point does.
func TestRecordedLibmemcached(t *testing.T) {
	var recordings struct {
		Sets []struct {
			Set   string
			Nodes pairs
			Keys  []string
			At    map[string][]int
		}
	}
	readJSON(t, "libmemcached.json", &recordings)
	for _, set := range recordings.Sets {
		for algorithm, want := range set.At {
			p := place(t, algorithm, set.Nodes.nodes()...)
			for i, key := range set.Keys {
				if got := p.Place(key); got != want[i] {
					t.Errorf("%s: %s has key %q on %d, libmemcached on %d", set.Set, algorithm, key, got, want[i])
				}
			}
		}
	}
	if len(recordings.Sets) < 15 {
		t.Errorf("%d sets", len(recordings.Sets))
	}
}

// TestRecordedHashRing: the ring of the Tornado session framework as it was meant. Recorded with it is what it did as it was written, with its points
// in no order and nothing behind the last: that is not what this does.
func TestRecordedHashRing(t *testing.T) {
	var rings map[string]struct {
		Nodes []struct {
			Host   string
			Weight int
		}
		Points [][2]string
		Counts map[string]int `json:"fixed_100k_k_i"`
	}
	readJSON(t, "seedring_points.json", &rings)
	placements := make(map[string]*hashRing)
	for name, ring := range rings {
		var nodes []Node
		for _, n := range ring.Nodes {
			nodes = append(nodes, Node{n.Host, n.Weight})
		}
		p := place(t, HashRing, nodes...).(*hashRing)
		placements[name] = p
		if len(p.points) != len(ring.Points) {
			t.Fatalf("%s: %d points, not %d", name, len(p.points), len(ring.Points))
		}
		for i, want := range ring.Points {
			got := p.points[i]
			if s := fmt.Sprintf("%016x%016x", got.hi, got.lo); s != want[0] || p.nodes[got.node].Name != want[1] {
				t.Errorf("%s: point %d is %s of %s, not %s", name, i, s, p.nodes[got.node].Name, want)
			}
		}
		counts := make(map[string]int)
		for i := range 100_000 {
			counts[at(p, fmt.Sprint("k", i))]++
		}
		for node, want := range ring.Counts {
			if counts[node] != want {
				t.Errorf("%s: %d keys on %s, not %d", name, counts[node], node, want)
			}
		}
	}
	broken := 0
	for _, row := range recorded(t, "seedring_keys.csv") {
		key, err := hex.DecodeString(row["key_hex"])
		if err != nil {
			t.Fatal(err)
		}
		got := at(placements[row["nodeset"]], string(key))
		if want := row["fixed_node"]; got != want {
			t.Errorf("%s: key %x lives on %s, not on %s", row["nodeset"], key, got, want)
		}
		if got != cmp.Or(row["verbatim_node"], "nowhere") {
			broken++
		}
	}
	if broken == 0 {
		t.Error("the ring as it was written placed every key as this one does: what was mended?")
	}
	t.Logf("as it was written, the ring put %d keys elsewhere", broken)
}
