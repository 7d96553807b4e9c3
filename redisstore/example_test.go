package redisstore_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/redisstore"
	"github.com/larder-go/larder/store"
)

// A program that has a client already keeps its entries in the same database, beside its own keys.
func ExampleNew() {
	client := redis.NewClient(&redis.Options{Addr: "localhost:6379"})
	defer client.Close() // the store does not own it

	sessions, err := redisstore.New(client, &redisstore.Options{
		Expiry: store.Expiry{Timeout: 30 * time.Minute},
		Prefix: "sessions:",
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	if err := sessions.Set(ctx, "id", []byte("a session")); err != nil {
		log.Fatal(err)
	}
	value, err := sessions.Get(ctx, "id")
	fmt.Printf("%s, %v\n", value, err)
}

// A deployment names the servers in a URL: here a Cluster, by some of its hosts.
func ExampleOpenURL() {
	mux := store.Mux{"redis": redisstore.OpenURL, "rediss": redisstore.OpenURL, "redis+unix": redisstore.OpenURL}
	s, err := mux.Open(context.Background(), "redis://app:password@redis-1,redis-2,redis-3?x-timeout=30m")
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	facts, err := store.Inspect(context.Background(), s)
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range facts {
		fmt.Println(f.Name, f.Value, f.Warn)
	}
}

// Without a time-out the server keeps everything, and a job removes what nobody has used for a month.
func ExampleStore_Sweep() {
	ctx := context.Background()
	s, err := redisstore.New(redis.NewClient(&redis.Options{Addr: "localhost:6379"}), nil)
	if err != nil {
		log.Fatal(err)
	}
	report, err := s.Sweep(ctx, store.SweepOptions{Idle: 30 * 24 * time.Hour, Pause: 10 * time.Millisecond})
	fmt.Println(report.Removed, report.Bytes, report.Done, err)
}
