package shard

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// ring is a Ring or the end of the test.
func ring(t testing.TB, algorithm string, nodes ...Node) *Ring {
	t.Helper()
	r, err := NewRing(algorithm, nodes...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRing: nodes come, go and change their weight, and an old snapshot stays what it was.
func TestRing(t *testing.T) {
	for _, algorithm := range append(Algorithms(), "") {
		r := ring(t, algorithm, Node{"a", 1}, Node{"b", 2})
		before := r.Placement()
		if err := errors.Join(r.Add(Node{Name: "c"}), r.SetWeight("a", 5), r.Remove("b")); err != nil {
			t.Fatal(err)
		}
		if got, want := r.Placement().Nodes(), []Node{{"a", 5}, {"c", 1}}; !slices.Equal(got, want) {
			t.Errorf("%s: %v", algorithm, got)
		}
		if got, want := before.Nodes(), []Node{{"a", 1}, {"b", 2}}; !slices.Equal(got, want) {
			t.Errorf("%s: the snapshot is %v now", algorithm, got)
		}
		for i := range 100 {
			key := strconv.Itoa(i)
			n, err := r.Pick(key)
			if want := at(place(t, algorithm, Node{"a", 5}, Node{"c", 1}), key); n.Name != want || err != nil {
				t.Errorf("%s: %v, %v, not %s", algorithm, n, err, want)
			}
		}
	}
}

// TestRingEmpty: the last node may go, and then there is no place for a key; a new one may come.
func TestRingEmpty(t *testing.T) {
	r := ring(t, "")
	for range 2 {
		if n, err := r.Pick("key"); !errors.Is(err, ErrNoNodes) || n != (Node{}) {
			t.Errorf("%v, %v", n, err)
		}
		if p := r.Placement(); p.Algorithm() != Rendezvous || len(p.Nodes()) != 0 || p.Place("key") != -1 {
			t.Errorf("%v %v", p, p.Place("key"))
		}
		if err := r.Add(Node{Name: "a"}); err != nil {
			t.Fatal(err)
		}
		if n, err := r.Pick("key"); err != nil || n != (Node{"a", 1}) {
			t.Errorf("%v, %v", n, err)
		}
		if err := r.Remove("a"); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRingErrors: a change that cannot be made changes nothing.
func TestRingErrors(t *testing.T) {
	r := ring(t, Ketama, Node{"a", 1}, Node{"b", 2})
	for name, err := range map[string]error{
		"add twice":          r.Add(Node{Name: "a"}),
		"add no name":        r.Add(Node{}),
		"add the same":       r.Add(Node{Name: "a:11211"}),
		"remove unknown":     r.Remove("c"),
		"weigh unknown":      r.SetWeight("c", 1),
		"weight too great":   r.SetWeight("a", MaxWeight+1),
		"weight 0":           r.SetWeight("a", 0),
		"weight less than 0": r.SetWeight("a", -1),
	} {
		if !errors.Is(err, ErrInvalidNode) || !strings.HasPrefix(fmt.Sprint(err), "shard: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := r.Placement().Nodes(); !slices.Equal(got, []Node{{"a", 1}, {"b", 2}}) {
		t.Errorf("%v", got)
	}
	if _, err := NewRing("circle"); !errors.Is(err, ErrUnknownAlgorithm) {
		t.Error(err)
	}
	if _, err := NewRing("", Node{"a", 1}, Node{"a", 1}); !errors.Is(err, ErrInvalidNode) {
		t.Error(err)
	}
}

// TestRingUnderLoad: a million lookups while nodes come, go and change their weight. Every answer is a node that was in the set at some moment of the lookup, with
// a weight that it had.
func TestRingUnderLoad(t *testing.T) {
	const readers, lookups, nodes = 4, 250_000, 8
	r := ring(t, "", Node{"node-0", 1}) // which stays
	var (
		present [nodes]atomic.Int64 // odd while a node is in the set, and around changes of that; it only grows
		done    atomic.Bool
		wg      sync.WaitGroup
		changes atomic.Int64
	)
	present[0].Store(1)
	for w := range 2 { // each has nodes of its own, so that it knows what they are
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(6, uint64(w)))
			for !done.Load() {
				n := 1 + 2*rng.IntN(nodes/2-1) + w
				name := fmt.Sprint("node-", n)
				var err error
				switch in := present[n].Load()%2 == 1; {
				case !in:
					present[n].Add(1) // before the change: it may be seen from here on
					err = r.Add(Node{name, 1 + rng.IntN(10)})
				case rng.IntN(2) == 0:
					err = r.SetWeight(name, 1+rng.IntN(10))
				default:
					err = r.Remove(name)
					present[n].Add(1)
				}
				if err != nil {
					t.Error(err)
					return
				}
				changes.Add(1)
			}
		})
	}
	var reading sync.WaitGroup
	for w := range readers {
		reading.Go(func() {
			var was [nodes]int64
			for i := range lookups {
				for n := range was {
					was[n] = present[n].Load()
				}
				got, err := r.Pick(strconv.Itoa(i*readers + w))
				if err != nil {
					t.Error(err)
					return
				}
				n, _ := strconv.Atoi(strings.TrimPrefix(got.Name, "node-"))
				if was[n]%2 == 0 && present[n].Load() == was[n] {
					t.Errorf("%v was never in the set meanwhile", got)
					return
				}
				if got.Weight < 1 || got.Weight > 10 {
					t.Errorf("%v", got)
					return
				}
			}
		})
	}
	reading.Wait()
	done.Store(true)
	wg.Wait()
	t.Logf("%d changes while %d lookups ran", changes.Load(), readers*lookups)
}
