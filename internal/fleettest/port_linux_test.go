package fleettest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/shard"
)

// memcached's own port is no part of a name to libmemcached and twemproxy, whether it is written or not. Each of 127.0.0.0/8 is this machine, on Linux, so
// several servers can have that port.
func TestDefaultPort(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", ":11211")
	if err != nil {
		t.Skipf("somebody has port 11211 on all addresses: %v", err)
	}
	l.Close()
	const n = 100
	f := &fleet{name: "port 11211"}
	for i, weight := range []int{1, 1, 2} {
		addr := fmt.Sprintf("127.%d.%d.%d:11211", 1+rand.IntN(254), rand.IntN(255), 1+rand.IntN(254))
		f.servers = append(f.servers, testserver.NewMemcachedAt(t, addr))
		f.nodes = append(f.nodes, shard.Node{Name: addr, Weight: weight})
		if i == 1 { // as it may be written, too
			f.nodes[i].Name, _, _ = net.SplitHostPort(addr)
		}
	}
	stopTogether(t, f)
	for i, o := range []other{
		{"pylibmc", "", shard.Ketama, "", pylibmc(`{"ketama": true}`)},
		{"pylibmc", "", shard.KetamaWeighted, "", pylibmc(`{"ketama_weighted": true}`)},
		{"twemproxy", "", shard.KetamaWeightedFNV, "", portless("fnv1a_64", "ketama")},
		{"twemproxy", "", shard.ModTwemproxyCRC, "", portless("crc32a", "modula")},
	} {
		for _, weights := range [][]int{{1, 1, 2}, {1, 1, 1}} {
			for j := range f.nodes {
				f.nodes[j].Weight = weights[j]
			}
			t.Run(fmt.Sprint(o.client, o.placement, weights), func(t *testing.T) {
				prefix := fmt.Sprintf("%d-%d", i, weights[2])
				ours, peer := client(t, f.selector(t, o.placement)), o.open(t, f)
				mine, theirs := pairs(keys(prefix+"g", n), "Go"), pairs(keys(prefix+"o", n), o.client)
				set(t, ours, mine)
				peer.set(t, theirs)
				same(t, o.client+" reads what Go wrote", peer.get(t, keys(prefix+"g", n)), mine)
				same(t, "Go reads what "+o.client+" wrote", get(t, ours, keys(prefix+"o", n)), theirs)
			})
		}
	}
}

// portless is a twemproxy that is given no names, only addresses.
func portless(hash, distribution string) func(*testing.T, *fleet) peer {
	return func(t *testing.T, f *fleet) peer {
		plain := &fleet{servers: f.servers}
		for i, n := range f.nodes {
			plain.nodes = append(plain.nodes, shard.Node{Name: f.servers[i].Addr, Weight: n.Weight})
		}
		return goPeer{one(t, newTwemproxy(t, plain, hash, distribution).Addr)}
	}
}
