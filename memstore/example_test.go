package memstore_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/larder-go/larder/memstore"
	"github.com/larder-go/larder/store"
)

// A program that has a client already keeps its sessions with it.
func ExampleNew() {
	servers := new(memcache.ServerList)
	if err := servers.SetServers("cache1:11211", "cache2:11211"); err != nil {
		log.Fatal(err)
	}
	client := memcache.NewFromSelector(servers)
	client.Timeout = time.Second
	client.MaxIdleConns = 64
	sessions, err := memstore.New(client, &memstore.Options{
		Expiry:    store.Expiry{Timeout: 30 * time.Minute},
		KeyPrefix: "sessions:",
		MaxConns:  64,
		Selector:  servers,
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	if err := sessions.Set(ctx, "id", []byte("a session")); err != nil {
		log.Fatal(err)
	}
	switch value, err := sessions.Get(ctx, "id"); {
	case err == store.ErrNotFound:
		fmt.Println("the session has ended")
	case errors.Is(err, store.ErrUnavailable):
		fmt.Println("ask again later:", err)
	default:
		fmt.Printf("%s\n", value)
	}
}

// A deployment names the servers in a URL.
func ExampleOpenURL() {
	mux := store.Mux{"memcached": memstore.OpenURL, "memcached+unix": memstore.OpenURL}
	ctx := context.Background()
	s, err := mux.Open(ctx, "memcached://cache1,cache2?x-timeout=30m&x-prefix=sessions:")
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	n, err := s.Cleanup(ctx, 30*time.Minute) // nothing to do: the servers do it
	fmt.Println(n, err)
	// Output: 0 <nil>
}

// What a deployment keeps of the promises, its servers tell.
func ExampleStore_Inspect() {
	s, err := store.Mux{"memcached": memstore.OpenURL}.Open(context.Background(), "memcached://127.0.0.1?x-timeout=30m")
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	facts, err := store.Inspect(context.Background(), s)
	if err != nil {
		log.Fatal(err)
	}
	for _, fact := range facts {
		fmt.Println(fact.Name, fact.Value, fact.Warn)
	}
}
