package diskstore_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/larder-go/larder/diskstore"
	"github.com/larder-go/larder/store"
)

// A store in a folder, whose entries go when nobody has used them for a day.
func Example() {
	dir, err := os.MkdirTemp("", "larder-example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	s, err := diskstore.Open(filepath.Join(dir, "sessions"), &diskstore.Options{
		Expiry: store.Expiry{Timeout: 24 * time.Hour},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()

	ctx := context.Background()
	if err := s.Set(ctx, "alice", []byte("blue")); err != nil {
		log.Fatal(err)
	}
	value, err := s.Get(ctx, "alice")
	fmt.Printf("%s, %v\n", value, err)
	_, err = s.Get(ctx, "bob")
	fmt.Println(err)
	removed, err := s.Cleanup(ctx, 0)
	fmt.Println(removed, err)
	// Output:
	// blue, <nil>
	// store: no such entry
	// 0 <nil>
}

// The same by URL, as a deployment chooses it.
func ExampleOpenURL() {
	dir, err := os.MkdirTemp("", "larder-example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	ctx := context.Background()
	mux := store.Mux{"file": diskstore.OpenURL}
	s, err := mux.Open(ctx, "file:"+filepath.ToSlash(dir)+"?x-timeout=24h&x-max-value=100")
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()

	if err := s.Set(ctx, "big", make([]byte, 101)); err != nil {
		fmt.Println(err)
	}
	// Output:
	// diskstore: set: value too large: 101 bytes, the limit is 100
}

// Many processes may count in one entry.
func ExampleStore_Swap() {
	dir, err := os.MkdirTemp("", "larder-example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	s, err := diskstore.Open(dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()

	ctx := context.Background()
	for range 3 {
		err := store.Update(ctx, s, "visits", func(old *store.Item) (*store.Item, error) {
			if old == nil {
				return &store.Item{Value: []byte("I")}, nil
			}
			return &store.Item{Value: append(old.Value, 'I')}, nil
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	value, err := s.Get(ctx, "visits")
	fmt.Printf("%s, %v\n", value, err)
	// Output:
	// III, <nil>
}
