package shard_test

import (
	"errors"
	"fmt"

	"github.com/larder-go/larder/shard"
)

func ExampleNewPlacement() {
	p, err := shard.NewPlacement(shard.Rendezvous, []shard.Node{
		{Name: "berlin", Weight: 1},
		{Name: "oslo", Weight: 2},
		{Name: "rome", Weight: 1},
	})
	if err != nil {
		panic(err)
	}
	keys := make(map[string]int)
	for i := range 1000 {
		node := p.Nodes()[p.Place(fmt.Sprint("session-", i))]
		keys[node.Name]++
	}
	fmt.Println(keys)

	_, err = shard.NewPlacement("", nil)
	fmt.Println(errors.Is(err, shard.ErrNoNodes))
	// Output:
	// map[berlin:267 oslo:485 rome:248]
	// true
}

func ExampleRing() {
	r, err := shard.NewRing(shard.Rendezvous, shard.Node{Name: "a"}, shard.Node{Name: "b"}, shard.Node{Name: "c"})
	if err != nil {
		panic(err)
	}
	before := r.Placement()
	if err := r.Add(shard.Node{Name: "d"}); err != nil {
		panic(err)
	}
	moved := make(map[string]int)
	for i := range 1000 {
		key := fmt.Sprint("session-", i)
		was := before.Nodes()[before.Place(key)]
		is, err := r.Pick(key)
		if err != nil {
			panic(err)
		}
		if was != is {
			moved[is.Name]++
		}
	}
	fmt.Println(moved)
	// Output: map[d:261]
}
