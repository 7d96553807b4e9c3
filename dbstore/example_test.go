package dbstore_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/larder-go/larder/dbstore"
	"github.com/larder-go/larder/store"
)

// A program that has a pool already keeps its entries in the same database. It makes the table itself, at each start.
func ExampleNew() {
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, "postgres://app@db.example.com/app")
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close() // the store does not own it
	if err := dbstore.Migrate(ctx, pool); err != nil {
		log.Fatal(err)
	}
	sessions, err := dbstore.New(pool, &dbstore.Options{Expiry: store.Expiry{Timeout: 30 * time.Minute}})
	if err != nil {
		log.Fatal(err)
	}
	if err := sessions.Set(ctx, "id", []byte("a session")); err != nil {
		log.Fatal(err)
	}
}

// A deployment names the server in a URL.
func ExampleOpenURL() {
	mux := store.Mux{"postgres": dbstore.OpenURL}
	s, err := mux.Open(context.Background(), "postgres://app@db1.example.com,db2.example.com/app?target_session_attrs=read-write&x-timeout=30m")
	if errors.Is(err, dbstore.ErrNoTable) {
		log.Fatal("run larder migrate up first")
	}
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
}

// What is wrong with a URL is said before anybody is asked, and without its password.
func ExampleOpenURL_invalid() {
	u, err := url.Parse("postgres://app:geheim@db.example.com/app?pool_max_conns=many")
	if err != nil {
		log.Fatal(err)
	}
	_, err = dbstore.OpenURL(context.Background(), u)
	fmt.Println(err)
	fmt.Println(errors.Is(err, store.ErrInvalidURL))
	// Output:
	// dbstore: open: invalid store URL: pgx cannot read its parameter "pool_max_conns"
	// true
}

// A cleanup that leaves the server room between its batches, and tells how it goes.
func ExampleStore_Sweep() {
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, "postgres://app@db.example.com/app")
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	s, err := dbstore.New(pool, &dbstore.Options{Expiry: store.Expiry{Timeout: 30 * time.Minute}})
	if err != nil {
		log.Fatal(err)
	}
	report, err := s.Sweep(ctx, store.SweepOptions{
		Pause:    10 * time.Millisecond,
		Progress: func(r store.SweepReport) { log.Printf("%d removed so far, last used %v", r.Removed, r.Oldest) },
	})
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("%d removed, %d bytes", report.Removed, report.Bytes)
}
