package boltstore_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"

	"github.com/larder-go/larder/boltstore"
	"github.com/larder-go/larder/store"
)

// A program that has a bbolt database already keeps its entries in it, beside its own buckets.
func ExampleNew() {
	dir, err := os.MkdirTemp("", "larder")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	db, err := bbolt.Open(filepath.Join(dir, "app.db"), 0o600, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close() // the store does not own it

	sessions, err := boltstore.New(db, &boltstore.Options{
		Expiry: store.Expiry{Timeout: 30 * time.Minute},
		Bucket: "sessions",
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
	_, err = sessions.Get(ctx, "another id")
	fmt.Println(errors.Is(err, store.ErrNotFound))
	// Output:
	// a session, <nil>
	// true
}

// A deployment names the file in a URL.
func ExampleOpenURL() {
	dir, err := os.MkdirTemp("", "larder")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	mux := store.Mux{"bolt": boltstore.OpenURL}
	ctx := context.Background()
	s, err := mux.Open(ctx, "bolt://"+filepath.ToSlash(dir)+"/larder.db?x-timeout=30m")
	if errors.Is(err, boltstore.ErrLocked) {
		log.Fatal("stop the program that holds the file first")
	}
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	err = store.Update(ctx, s, "counter", func(old *store.Item) (*store.Item, error) {
		return &store.Item{Value: []byte("1")}, nil
	})
	fmt.Println(err)
	for info, err := range store.List(ctx, s, "count") {
		fmt.Println(info.Key, info.Size, err)
	}
	// Output:
	// <nil>
	// counter 1 <nil>
}

// Many entries are removed in steps, so that writers get through in between.
func ExampleStore_Sweep() {
	dir, err := os.MkdirTemp("", "larder")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	db, err := bbolt.Open(filepath.Join(dir, "app.db"), 0o600, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	s, err := boltstore.New(db, nil)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	for i := range 25 {
		old := &store.Item{Value: []byte("12345"), Atime: time.Now().Add(-48 * time.Hour)}
		if _, err := s.Swap(ctx, fmt.Sprintf("old %d", i), "", old); err != nil {
			log.Fatal(err)
		}
	}
	report, err := s.Sweep(ctx, store.SweepOptions{
		Idle:     24 * time.Hour,
		Batch:    10,
		Progress: func(r store.SweepReport) { fmt.Println("so far:", r.Removed) },
	})
	fmt.Println(report.Removed, report.Bytes, report.Done, err)
	// Output:
	// so far: 10
	// so far: 20
	// so far: 25
	// 25 125 true <nil>
}
