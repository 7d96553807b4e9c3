package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"runtime"
	"sync"

	"github.com/larder-go/larder/shard"
)

// row is what one event is to one algorithm. Its columns are those of sim.csv.
type row struct {
	event     int
	kind      kind
	touched   int // nodes
	nodes     int // in the set after the event
	algorithm string
	max, min  int64 // load of the most and of the least loaded node, in thousandths of its share
	least     int64
	moved     int64
	needless  int64
	lost      int64  // stood on nodes that died
	atOnce    int64  // out of reach where the set is changed at once
	threefold int64  // out of reach where it is changed in three roll-outs
	check     uint32 // CRC-32 of where the first sampleSize sessions stand: a test recomputes it for each row
}

// sampleSize is how many sessions row.check covers.
const sampleSize = 1000

// chance is the algorithm that throws dice: only the loads of its rows mean something.
const chance = "chance"

func algorithms() []string {
	return []string{shard.Rendezvous, shard.KetamaWeighted, shard.HashRing}
}

// sessions are keys as package session makes them.
func sessions(seed uint64, n int) []string {
	keys := make([]string, n)
	var in [16]byte
	binary.BigEndian.PutUint64(in[:], seed)
	for i := range keys {
		binary.BigEndian.PutUint64(in[8:], uint64(i))
		sum := sha256.Sum256(in[:])
		keys[i] = "s:" + base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return keys
}

// placeAll places each key, on all cores.
func placeAll(p shard.Placement, keys []string, into []int32) {
	const chunk = 4096
	var next sync.Mutex
	at := 0
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for {
				next.Lock()
				from := at
				at += chunk
				next.Unlock()
				if from >= len(keys) {
					return
				}
				for i := from; i < min(from+chunk, len(keys)); i++ {
					into[i] = int32(p.Place(keys[i]))
				}
			}
		})
	}
	workers.Wait()
}

// state is where all sessions stand by one algorithm.
type state struct {
	algorithm string
	nodes     []shard.Node
	at        []int32 // for each session, index into nodes
	spare     []int32
}

// apply changes the set as the event says, places all sessions anew, and compares.
func (s *state) apply(number int, e event, keys []string) (row, error) {
	p, err := shard.NewPlacement(s.algorithm, e.nodes)
	if err != nil {
		return row{}, err
	}
	if s.at == nil {
		s.nodes, s.at, s.spare = e.nodes, make([]int32, len(keys)), make([]int32, len(keys))
	}
	placeAll(p, keys, s.spare)
	if e.kind == start {
		copy(s.at, s.spare) // nothing moved yet
	}

	r := row{event: number, kind: e.kind, touched: e.touched, nodes: len(e.nodes), algorithm: s.algorithm}
	r.least = least(len(keys), s.nodes, e.nodes)
	r.compare(s.nodes, e.nodes, s.at, s.spare)
	r.loads(e.nodes, s.spare)
	r.check = checksum(e.nodes, s.spare[:min(sampleSize, len(keys))])
	s.nodes, s.at, s.spare = e.nodes, s.spare, s.at
	return r, nil
}

// compare counts what moved, and why.
func (r *row) compare(nodesBefore, nodesAfter []shard.Node, before, after []int32) {
	index := map[string]int32{}
	for i, n := range nodesAfter {
		index[n.Name] = int32(i)
	}
	const dead = -1
	now := make([]int32, len(nodesBefore)) // the index after the event, or dead
	pushes := make([]bool, len(nodesBefore))
	pulls := make([]bool, len(nodesAfter))
	for i := range pulls {
		pulls[i] = true // a node that joined; the loop below knows the others
	}
	for i, n := range nodesBefore {
		j, alive := index[n.Name]
		if !alive {
			now[i], pushes[i] = dead, true
			continue
		}
		now[i], pushes[i], pulls[j] = j, nodesAfter[j].Weight < n.Weight, nodesAfter[j].Weight > n.Weight
	}
	stays, moves, dies := costs(false, false), costs(true, false), costs(true, true)
	for i := range before {
		from, to := before[i], after[i]
		cost := stays
		switch {
		case now[from] == dead:
			cost = dies
			r.moved++
			r.lost++
		case now[from] != to:
			cost = moves
			r.moved++
			if !pushes[from] && !pulls[to] {
				r.needless++
			}
		}
		r.atOnce += cost.atOnce
		r.threefold += cost.threefold
	}
}

// loads finds the nodes that are most and least loaded for their weight.
func (r *row) loads(nodes []shard.Node, at []int32) {
	counts := make([]int64, len(nodes))
	for _, i := range at {
		counts[i]++
	}
	all := int64(total(nodes))
	r.min = 1 << 62
	for i, n := range nodes {
		share := int64(len(at)) * int64(n.Weight) // of all sessions, times all weights
		load := (counts[i]*all*1000 + share/2) / share
		r.max, r.min = max(r.max, load), min(r.min, load)
	}
}

// checksum tells by whom the sessions are kept.
func checksum(nodes []shard.Node, at []int32) uint32 {
	sum := uint32(0)
	for _, i := range at {
		sum = crc32.Update(sum, crc32.IEEETable, []byte(nodes[i].Name))
	}
	return sum
}

// throw is what chance does with the set after an event.
func throw(seed uint64, number int, e event, sessions int) row {
	d := newDice(seed, 1+uint64(number))
	var sides []int32 // a node of weight 3 has three
	for i, n := range e.nodes {
		for range n.Weight {
			sides = append(sides, int32(i))
		}
	}
	at := make([]int32, sessions)
	for i := range at {
		at[i] = sides[d.below(len(sides))]
	}
	r := row{event: number, kind: e.kind, touched: e.touched, nodes: len(e.nodes), algorithm: chance}
	r.loads(e.nodes, at)
	return r
}
