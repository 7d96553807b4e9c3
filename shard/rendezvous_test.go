package shard

import (
	"cmp"
	"flag"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write testdata/rendezvous.golden anew: every site's keys would move")

// TestRendezvousGolden pins where keys live: for all versions, on all machines. A change of this file logs out most of the users of a site that has
// several nodes.
func TestRendezvousGolden(t *testing.T) {
	sets := []struct {
		name  string
		nodes []Node
	}{
		{"one node", []Node{{"a", 3}}},
		{"three equal nodes", []Node{{"a", 1}, {"b", 1}, {"c", 1}}},
		{"ten equal nodes of weight 7", numbered(10, "10.0.0.%d:6379")},
		{"weights", []Node{{"redis-a", 1}, {"redis-b", 2}, {"redis-c", 3}, {"redis-d", 10}}},
		{"weights from 1 to 10000", []Node{{"é", 1}, {"日本", 10}, {"x", 100}, {"y", 1000}, {"[::1]:11211", MaxWeight}}},
		{"two hundred nodes", numbered(200, "node-%03d")},
	}
	for i := range sets[2].nodes {
		sets[2].nodes[i].Weight = 7
	}
	for i := range sets[5].nodes {
		sets[5].nodes[i].Weight = 1 + i*37%100
	}
	rng := rand.New(rand.NewPCG(6, 13))
	keys := []string{"", "a", "session", "日本語", strings.Repeat("k", 1024), "\x00\xff"}
	for len(keys) < 100 {
		key := make([]byte, 1+rng.IntN(60))
		for i := range key {
			key[i] = byte(' ' + rng.IntN(95))
		}
		keys = append(keys, string(key))
	}
	var got strings.Builder
	for _, s := range sets {
		p := place(t, Rendezvous, s.nodes...)
		for _, key := range keys {
			fmt.Fprintf(&got, "%s\t%q\t%s\n", s.name, key, at(p, key))
		}
	}
	const file = "testdata/rendezvous.golden"
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("keys live elsewhere than in %s", file)
	}
}

// TestNegLog compares the logarithm with one of 200 bits: it is so exact that logarithms stand in the order of draws, because it is never wrong by half
// of what lies between the logarithms of neighbouring draws, which is 2^-52 / (1-x) or a little more.
func TestNegLog(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 2))
	const last = 1<<52 - 1
	for i := range 4_000 {
		d := rng.Uint64N(last + 1)
		switch i % 4 {
		case 1:
			d >>= rng.IntN(53)
		case 2:
			d = last - d>>rng.IntN(53)
		}
		x := fraction(d)
		if x <= 0 || x >= 1 || 1-(1-x) != x {
			t.Fatalf("draw %d is the fraction %v", d, x)
		}
		wrong, _ := new(big.Float).Sub(big.NewFloat(negLog(x)), bigNegLog(x)).Float64()
		if half := 0x1p-53 / (1 - x); math.Abs(wrong) >= half {
			t.Errorf("-ln(1-%v) = %v is wrong by %v, more than %v", x, negLog(x), wrong, half)
		}
		if negLog(x) < x {
			t.Errorf("-ln(1-%v) = %v is less", x, negLog(x))
		}
		if d < last && negLog(fraction(d+1)) <= negLog(x) {
			t.Errorf("-ln(1-x) of draws %d and %d: %v, %v", d, d+1, negLog(x), negLog(fraction(d+1)))
		}
	}
}

// bigNegLog is -ln(1-x) = 2*atanh(x/(2-x)), halved and squared until the series is short.
func bigNegLog(x float64) *big.Float {
	number := func(v float64) *big.Float { return new(big.Float).SetPrec(200).SetFloat64(v) }
	logOf := func(m *big.Float) *big.Float { // ln(m) for m around 1
		s := number(0).Quo(number(0).Sub(m, number(1)), number(0).Add(m, number(1)))
		square, power, sum := number(0).Mul(s, s), s, number(0)
		for n := 1; n < 80; n += 2 {
			sum.Add(sum, number(0).Quo(power, number(float64(n))))
			power = number(0).Mul(power, square)
		}
		return sum.Mul(sum, number(2))
	}
	m, e := math.Frexp(1 - x)
	ln2 := number(0).Mul(number(2), logOf(number(0).Sqrt(number(2)))) // ln 2 = 2 ln(2^1/2)
	return number(0).Sub(number(0).Mul(ln2, number(float64(-e))), logOf(number(m)))
}

// TestRendezvousExact: the short cuts change nothing. Equal weights compare draws alone, and a bid is only worked out where it can win; what comes out is what
// comes out when every bid is worked out.
func TestRendezvousExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := anyNodes(1).Draw(t, "nodes")
		if rapid.Bool().Draw(t, "equal") {
			for i := range nodes {
				nodes[i].Weight = nodes[0].Weight
			}
		}
		p, err := NewPlacement(Rendezvous, nodes)
		if err != nil {
			t.Fatal(err)
		}
		r := p.(*rendezvous)
		for _, hash := range rapid.SliceOfN(rapid.Uint64(), 1, 50).Draw(t, "hashes") {
			best := slices.MinFunc(r.bidders, func(a, b bidder) int {
				x, y := draw(hash^a.seed), draw(hash^b.seed)
				return cmp.Or(
					cmp.Compare(negLog(fraction(x))/a.weight, negLog(fraction(y))/b.weight),
					cmp.Compare(x, y),
					cmp.Compare(nodes[a.node].Name, nodes[b.node].Name),
				)
			}).node
			if got := r.lowestBid(hash); got != best {
				t.Fatalf("lowestBid: %d, not %d", got, best)
			}
			if r.equal && r.lowestDraw(hash) != best {
				t.Fatalf("lowestDraw: %d, not %d", r.lowestDraw(hash), best)
			}
		}
	})
}

// TestRendezvousTies: where draws are the same the first name wins, however the nodes were given. Seeds that are the same make them so.
func TestRendezvousTies(t *testing.T) {
	for _, weights := range [][]int{{1, 1, 1}, {1, 5, 5}, {5, 5, 1}} {
		nodes := []Node{{"c", weights[0]}, {"a", weights[1]}, {"b", weights[2]}}
		r := place(t, Rendezvous, nodes...).(*rendezvous)
		for i := range r.bidders {
			r.bidders[i].seed = 1
		}
		want := "a"
		for hash := range uint64(1000) {
			if got := nodes[r.lowestBid(hash)].Name; got != want {
				t.Fatalf("%v: %s wins, not %s", nodes, got, want)
			}
			if got := nodes[r.lowestDraw(hash)].Name; r.equal && got != want {
				t.Fatalf("%v: %s wins, not %s", nodes, got, want)
			}
		}
	}
}

// TestRendezvousProperties: for any set of nodes and any key, the order of the nodes does not matter, and a change of the set moves a key only where it must:
// to the node that came, from the node that went, to the one that grew or from the one that shrank.
func TestRendezvousProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := anyNodes(2).Draw(t, "nodes")
		keys := rapid.SliceOfN(rapid.String(), 1, 30).Draw(t, "keys")
		where := func(nodes []Node, key string) string {
			p, err := NewPlacement(Rendezvous, nodes)
			if err != nil {
				t.Fatal(err)
			}
			return at(p, key)
		}
		shuffled := rapid.Permutation(nodes).Draw(t, "shuffled")
		one := nodes[0]
		grown := slices.Clone(nodes)
		grown[0].Weight = rapid.IntRange(one.Weight, MaxWeight).Draw(t, "weight")
		for _, key := range keys {
			now := where(nodes, key)
			if got := where(shuffled, key); got != now {
				t.Fatalf("%q, in another order %q", now, got)
			}
			if less := where(nodes[1:], key); less != now && now != one.Name {
				t.Fatalf("the key moves from %q to %q when %q goes", now, less, one.Name)
			}
			if more := where(grown, key); more != now && more != one.Name {
				t.Fatalf("the key moves from %q to %q when %q grows", now, more, one.Name)
			}
		}
	})
}
