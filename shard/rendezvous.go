package shard

import (
	"cmp"
	"math"

	"github.com/cespare/xxhash/v2"
)

// rendezvous lets all nodes bid for a key; the lowest bid gets it. A bid depends on the key, the node's name and the node's weight and on no
// other node: a node that comes takes keys only for itself, a node that goes leaves the bids of all others as they are.
//
// A node of weight w should win as often as w nodes of weight 1 would. Among w even draws from (0, 1) the lowest is below x with probability
// 1-(1-x)^w; so one draw x does for all w when bids are -ln(1-x)/w.
type rendezvous struct {
	nodeSet
	bidders []bidder // the heaviest first: the later ones seldom need a logarithm then; of one weight by name
	equal   bool     // all weights are the same
}

type bidder struct {
	seed   uint64  // hash of the name
	weight float64 // of the node
	node   int     // index of the node
}

func newRendezvous(s nodeSet) (Placement, error) {
	r := &rendezvous{nodeSet: s, equal: true}
	for _, i := range sortedBy(len(s.nodes), func(a, b int) int {
		return cmp.Or(cmp.Compare(s.nodes[b].Weight, s.nodes[a].Weight), cmp.Compare(s.nodes[a].Name, s.nodes[b].Name))
	}) {
		n := s.nodes[i]
		r.bidders = append(r.bidders, bidder{seed: hash64(n.Name), weight: float64(n.Weight), node: i})
		r.equal = r.equal && n.Weight == s.nodes[0].Weight
	}
	return r, nil
}

func (r *rendezvous) Place(key string) int {
	hash := hash64(key)
	if r.equal {
		return r.lowestDraw(hash)
	}
	return r.lowestBid(hash)
}

// lowestDraw is lowestBid where all weights are the same: the logarithm keeps the order of draws, so that they need not be turned into bids.
func (r *rendezvous) lowestDraw(hash uint64) int {
	node, lowest := 0, uint64(math.MaxUint64)
	for i := range r.bidders {
		if d := draw(hash ^ r.bidders[i].seed); d < lowest {
			node, lowest = i, d
		}
	}
	return r.bidders[node].node
}

// lowestBid compares bids; where two are the same, the draws, and then the names, in the order of bidders.
func (r *rendezvous) lowestBid(hash uint64) int {
	node, lowest, lowestDraw := 0, math.Inf(1), uint64(math.MaxUint64)
	limit := lowest // a bid is at least its draw over the weight: only a draw below limit * weight can be the lowest
	for i := range r.bidders {
		b := &r.bidders[i]
		d := draw(hash ^ b.seed)
		x := fraction(d)
		if x > limit*b.weight {
			continue
		}
		bid := negLog(x) / b.weight
		if bid < lowest || bid == lowest && d < lowestDraw {
			node, lowest, lowestDraw = i, bid, d
			limit = lowest * (1 + 1e-9) // roundings, generously
		}
	}
	return r.bidders[node].node
}

// hash64 is the hash of keys and of names.
func hash64(s string) uint64 { return xxhash.Sum64String(s) }

// draw mixes the hashes of a key and of a node to 52 even bits. Two rounds would be quicker, but the draws of two nodes, whose seeds always differ in
// the same bits, were then not quite independent.
func draw(h uint64) uint64 {
	const odd = 0xd6e8feb86659fd93 // about half of its bits are set, in no pattern
	h = (h ^ h>>32) * odd
	h = (h ^ h>>32) * odd
	h = (h ^ h>>32) * odd
	return h >> 12
}

// fraction makes a draw a number between 0 and 1, exactly: an odd multiple of 2^-53.
func fraction(draw uint64) float64 {
	return float64(int64(2*draw+1)) * 0x1p-53
}
