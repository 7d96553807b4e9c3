package fleettest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/shard"
)

// other is a client of somebody else's, with settings, and the placement of ours that is the same.
type other struct {
	client, settings string // as docs/fleets.md has them
	placement        string
	not              string // a fleet that it spreads keys over by another rule; "": none
	open             func(t *testing.T, f *fleet) peer
}

// peer puts and finds values. What it does not find is not in the map.
type peer interface {
	set(t *testing.T, pairs map[string]string)
	get(t *testing.T, keys []string) map[string]string
}

func others() []other {
	return []other{
		{"libmemcached's tools", "none", shard.ModLibmemcached, "", tools()},
		{"libmemcached's tools", "--hash=md5", shard.ModLibmemcachedMD5, "", tools("--hash=md5")},
		{"pylibmc", "none", shard.ModLibmemcached, "", pylibmc(`{}`)},
		{"pylibmc", `{"hash": "md5"}`, shard.ModLibmemcachedMD5, "", pylibmc(`{"hash": "md5"}`)},
		{"pylibmc", `{"distribution": "consistent"}`, shard.Ketama, "", pylibmc(`{"distribution": "consistent"}`)},
		{"pylibmc", `{"ketama": True}`, shard.Ketama, "", pylibmc(`{"ketama": true}`)},
		{"pylibmc", `{"ketama_weighted": True}`, shard.KetamaWeighted, "", pylibmc(`{"ketama_weighted": true}`)},
		{"pylibmc", `{"distribution": "consistent", "hash": "md5"}`, shard.KetamaMD5, "", pylibmc(`{"distribution": "consistent", "hash": "md5"}`)},
		{"python-memcached", "none", shard.ModPython, "", pythonMemcached()},
		{"twemproxy", "hash: md5, distribution: ketama", shard.KetamaWeighted, "", twemproxy("md5", "ketama")},
		{"twemproxy", "hash: fnv1a_64, distribution: ketama (its defaults)", shard.KetamaWeightedFNV, "", twemproxy("fnv1a_64", "ketama")},
		{"twemproxy", "hash: fnv1a_64, distribution: modula", shard.ModTwemproxyFNV, "", twemproxy("fnv1a_64", "modula")},
		{"twemproxy", "hash: crc32a, distribution: modula", shard.ModTwemproxyCRC, "", twemproxy("crc32a", "modula")},
		{"twemproxy", "hash: one_at_a_time, distribution: ketama, and a weight above 1", shard.Ketama, "equal", twemproxy("one_at_a_time", "ketama")},
		{"gomemcache", "none: its ServerList", shard.ModGomemcache, "", serverList},
	}
}

// What our selector wrote, others read, and the other way round, key for key. None looks on a second server for what it does not find on the
// first, so each key that is found was placed alike.
func TestOthers(t *testing.T) {
	const n = 300
	equal, weighted := newFleet(t, "equal", 1, 1, 1, 1, 1), newFleet(t, "weighted", 1, 2, 1)
	named := newFleet(t, "named", 1, 2, 1)
	for i := range named.nodes {
		named.nodes[i].Name = fmt.Sprintf("cache-%c", 'c'-i)
	}
	for i, o := range others() {
		for j, f := range []*fleet{equal, weighted, named} {
			if f == named && o.client != "twemproxy" { // the others have no names
				continue
			}
			t.Run(fmt.Sprintf("%s/%s/%s", o.client, o.placement, f.name), func(t *testing.T) {
				t.Parallel()
				ours, peer := client(t, f.selector(t, o.placement)), o.open(t, f)
				prefix := fmt.Sprintf("%d-%d", i, j)
				mine, theirs := pairs(keys(prefix+"g", n), "Go"), pairs(keys(prefix+"o", n), o.client)
				set(t, ours, mine)
				peer.set(t, theirs)
				found := peer.get(t, keys(prefix+"g", n))
				back := get(t, ours, keys(prefix+"o", n))
				if o.not == f.name {
					if len(found) == n && len(back) == n {
						t.Errorf("it does find them all, and the list says that it does not")
					}
					return
				}
				same(t, o.client+" reads what Go wrote", found, mine)
				same(t, "Go reads what "+o.client+" wrote", back, theirs)

				// With another placement the keys would not be found: nothing here looks on a second server.
				if found := len(get(t, client(t, f.selector(t, shard.Rendezvous)), keys(prefix+"o", n))); found > n/2+n/5 {
					t.Errorf("%d of %d keys are found by any placement", found, n)
				}
			})
		}
	}
}

// twemproxy is a proxy in front of the fleet, which a client takes for one server.
func twemproxy(hash, distribution string) func(*testing.T, *fleet) peer {
	return func(t *testing.T, f *fleet) peer {
		return goPeer{one(t, newTwemproxy(t, f, hash, distribution).Addr)}
	}
}

func newTwemproxy(t *testing.T, f *fleet, hash, distribution string) *testserver.Server {
	t.Helper()
	var servers []string
	for i, n := range f.nodes {
		server := fmt.Sprintf("%s:%d", f.servers[i].Addr, n.Weight)
		if n.Name != f.servers[i].Addr {
			server += " " + n.Name
		}
		servers = append(servers, server)
	}
	return testserver.NewTwemproxy(t, hash, distribution, servers...)
}

// serverList is gomemcache's own selector, in which a server stands as often as its weight says.
func serverList(t *testing.T, f *fleet) peer {
	list := new(memcache.ServerList)
	var addrs []string
	for i, n := range f.nodes {
		addrs = append(addrs, slices.Repeat([]string{f.servers[i].Addr}, n.Weight)...)
	}
	if err := list.SetServers(addrs...); err != nil {
		t.Fatal(err)
	}
	return goPeer{client(t, list)}
}

type goPeer struct{ client *memcache.Client }

func (p goPeer) set(t *testing.T, pairs map[string]string)         { set(t, p.client, pairs) }
func (p goPeer) get(t *testing.T, keys []string) map[string]string { return get(t, p.client, keys) }
