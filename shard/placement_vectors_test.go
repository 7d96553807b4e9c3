package shard

import (
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
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

// clients says which of our algorithms each recorded client is.
var clients = map[string]string{
	"consistent_hash_default":     Ketama,
	"consistent_ketama":           Ketama,
	"ketama":                      Ketama,
	"ketama_hash_md5":             Ketama, // the setting "ketama" takes the hash back
	"ketama_weighted":             KetamaWeighted,
	"twemproxy_ketama_md5":        KetamaWeighted,
	"uhashring_ketama":            KetamaWeighted,
	"hash_ring":                   PythonHashRing,
	"python-memcached":            ModPython,
	"default_modula_hash_default": ModLibmemcached,
	"consistent_md5":              KetamaMD5,
	"consistent_ketama_md5":       KetamaMD5,
	"twemproxy_ketama_fnv1a_64":   KetamaWeightedFNV,
	"modula_md5":                  ModLibmemcachedMD5,
	"twemproxy_modula_fnv1a_64":   ModTwemproxyFNV,
	"twemproxy_modula_crc32a":     ModTwemproxyCRC,
}

// TestRecordedClients: every key goes to the very node to which real clients and proxies took it.
func TestRecordedClients(t *testing.T) {
	var recordings struct{ Sets map[string][][2]any }
	readJSON(t, "memcached_nodes_sets.json", &recordings)
	for set, pairs := range recordings.Sets {
		var nodes []Node
		for _, pair := range pairs {
			nodes = append(nodes, Node{pair[0].(string), int(pair[1].(float64))})
		}
		rows := recorded(t, "memcached_nodes_"+set+".csv")
		for column := range rows[0] {
			if column == "key" {
				continue
			}
			t.Run(set+"/"+column, func(t *testing.T) {
				algorithm := clients[column]
				p := place(t, algorithm, nodes...)
				for _, row := range rows {
					if got, want := at(p, row["key"]), row[column]; got != want {
						t.Errorf("%s: key %q lives on %s, the client took it to %s", algorithm, row["key"], got, want)
					}
				}
			})
		}
	}
}

// TestRecordedHashRing: the ring of the Tornado session framework, mended.
func TestRecordedHashRing(t *testing.T) {
	var rings map[string]struct {
		Nodes []struct {
			Host   string
			Weight int
		}
		Points [][2]string
	}
	readJSON(t, "seedring_points.json", &rings)
	placements := make(map[string]Placement)
	for name, ring := range rings {
		var nodes []Node
		for _, n := range ring.Nodes {
			nodes = append(nodes, Node{n.Host, n.Weight})
		}
		placements[name] = place(t, HashRing, nodes...)
	}
	for _, row := range recorded(t, "seedring_keys.csv") {
		key, err := hex.DecodeString(row["key_hex"])
		if err != nil {
			t.Fatal(err)
		}
		if got, want := at(placements[row["nodeset"]], string(key)), row["fixed_node"]; got != want {
			t.Errorf("%s: key %x lives on %s, not on %s", row["nodeset"], key, got, want)
		}
	}
}
