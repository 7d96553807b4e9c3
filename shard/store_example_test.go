package shard_test

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder"
	"github.com/larder-go/larder/redisstore"
	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
)

// Three nodes, of which the second takes half of the keys.
func ExampleNew() {
	p, err := shard.NewPlacement(shard.Rendezvous, []shard.Node{{Name: "a"}, {Name: "b", Weight: 2}, {Name: "c"}})
	if err != nil {
		panic(err)
	}
	s, err := shard.New(map[string]store.Store{"a": store.NewMap(nil), "b": store.NewMap(nil), "c": store.NewMap(nil)}, p)
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	for _, key := range []string{"apple", "fig", "cherry", "grape"} {
		if err := s.Set(ctx, key, []byte("ripe")); err != nil {
			panic(err)
		}
		fmt.Println(key, "is on", s.Where(key))
	}
	listed := 0
	for range s.List(ctx, "") {
		listed++
	}
	fmt.Println(listed, "are listed")
	// Output:
	// apple is on b
	// fig is on a
	// cherry is on b
	// grape is on c
	// 4 are listed
}

// The same by URL. Each node has a URL of its own, which stands there percent-encoded.
func ExampleOpen() {
	ctx := context.Background()
	s, err := larder.Open(ctx, "shard:?node=a=map:%3Fx-timeout%3D1h&node=b=map:%3Fx-timeout%3D1h&weight=b:2")
	if err != nil {
		panic(err)
	}
	defer s.Close()
	if err := s.Set(ctx, "apple", []byte("ripe")); err != nil {
		panic(err)
	}
	value, err := s.Get(ctx, "apple")
	fmt.Printf("%s %v\n", value, err)
	// Output: ripe <nil>
}

// Sessions in Redis hashes on three servers: two requests change different fields of one at the same time, and neither undoes what the other did.
func ExampleFields() {
	p, err := shard.NewPlacement(shard.Rendezvous, []shard.Node{{Name: "a"}, {Name: "b"}, {Name: "c", Weight: 2}})
	if err != nil {
		panic(err)
	}
	nodes := map[string]*redisstore.Fields{}
	for _, n := range p.Nodes() { // their names need not be those of hosts, so that a node can move to another
		client := redis.NewClient(&redis.Options{Addr: n.Name + ".redis.example:6379"})
		defer client.Close()
		if nodes[n.Name], err = redisstore.NewFields(client, &redisstore.FieldsOptions{Expiry: store.Expiry{Timeout: 30 * time.Minute}}); err != nil {
			panic(err)
		}
	}
	fields, err := shard.NewFields(nodes, p)
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	if err := fields.Set(ctx, "visitor", "cart", []byte("3 apples")); err != nil {
		panic(err)
	}
	user, err := fields.Get(ctx, "visitor", "user")
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s is on %s\n", user, fields.Where("visitor"))
}
