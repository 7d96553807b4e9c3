package shard_test

import (
	"fmt"
	"log"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/larder-go/larder/shard"
)

// A Go program shares a fleet of caches with programs that use libmemcached with "ketama", and calls its servers by names, so that one may move.
func ExampleSelector() {
	placement, err := shard.NewPlacement(shard.Ketama, []shard.Node{{Name: "cache-a"}, {Name: "cache-b"}, {Name: "cache-c"}})
	if err != nil {
		log.Fatal(err)
	}
	selector, err := shard.NewSelector(placement, map[string]string{
		"cache-a": "10.0.0.7", "cache-b": "10.0.0.8:11212", "cache-c": "[fd00::9]",
	})
	if err != nil {
		log.Fatal(err)
	}
	client := memcache.NewFromSelector(selector) // and memstore.Options{Selector: selector}, for a store
	defer client.Close()

	where := func(key string) {
		addr, err := selector.PickServer(key)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(key, "is on", addr)
	}
	where("user:1")
	where("user:2")
	if err := selector.SetAddr("cache-b", "10.0.1.8"); err != nil { // it has moved; no key has another server
		log.Fatal(err)
	}
	where("user:1")

	// Output:
	// user:1 is on 10.0.0.8:11212
	// user:2 is on [fd00::9]:11211
	// user:1 is on 10.0.1.8:11211
}

// A fleet that grows while it is used: some keys are the new server's from now on, and empty there.
func ExampleNewRingSelector() {
	ring, err := shard.NewRing(shard.Rendezvous, shard.Node{Name: "cache1"}, shard.Node{Name: "cache2"})
	if err != nil {
		log.Fatal(err)
	}
	selector, err := shard.NewRingSelector(ring, nil) // the names are the addresses
	if err != nil {
		log.Fatal(err)
	}
	if err := ring.Add(shard.Node{Name: "cache3", Weight: 2}); err != nil {
		log.Fatal(err)
	}
	count := make(map[string]int)
	for i := range 1000 {
		addr, err := selector.PickServer(fmt.Sprint("user:", i))
		if err != nil {
			log.Fatal(err)
		}
		count[addr.String()]++
	}
	fmt.Println(count)
	// Output:
	// map[cache1:11211:242 cache2:11211:265 cache3:11211:493]
}
