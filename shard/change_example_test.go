package shard_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
)

// A set of two nodes gets a third one. Where there are several programs, each goes through the three roll-outs that [shard.Change] describes.
func ExampleChange() {
	ctx := context.Background()
	nodes := map[string]store.Store{"a": store.NewMap(nil), "b": store.NewMap(nil), "c": store.NewMap(nil)}
	now, err := shard.NewPlacement(shard.Rendezvous, []shard.Node{{Name: "a"}, {Name: "b"}})
	if err != nil {
		log.Fatal(err)
	}
	next, err := shard.NewPlacement(shard.Rendezvous, []shard.Node{{Name: "a"}, {Name: "b"}, {Name: "c"}})
	if err != nil {
		log.Fatal(err)
	}
	before, err := shard.New(nodes, now)
	if err != nil {
		log.Fatal(err)
	}
	for i := range 900 {
		if err := before.Set(ctx, fmt.Sprint("session ", i), []byte("cart")); err != nil {
			log.Fatal(err)
		}
	}

	moving, err := shard.NewChange(nodes, now, next, &shard.ChangeOptions{Recheck: time.Millisecond})
	if err != nil {
		log.Fatal(err)
	}
	value, err := moving.Get(ctx, "session 1") // found wherever it stands
	if err != nil {
		log.Fatal(err)
	}
	report, err := moving.Rebalance(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s; about a third has moved: %t; all is in its place: %t\n", value, report.Moved > 250 && report.Moved < 350, report.Drained)
	// Output: cart; about a third has moved: true; all is in its place: true
}
