package store_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/larder-go/larder/store"
)

func Example() {
	ctx := context.Background()
	var s store.Store = store.NewMap(&store.MapOptions{Expiry: store.Expiry{Timeout: 24 * time.Hour}})

	if err := s.Set(ctx, "greeting", []byte("hello")); err != nil {
		fmt.Println(err)
	}
	value, err := s.Get(ctx, "greeting")
	fmt.Printf("%s %v\n", value, err)

	_, err = s.Get(ctx, "farewell")
	fmt.Println(errors.Is(err, store.ErrNotFound))
	// Output:
	// hello <nil>
	// true
}

func ExampleUpdate() {
	ctx := context.Background()
	s := store.NewMap(nil)
	visit := func(old *store.Item) (*store.Item, error) {
		if old == nil {
			return &store.Item{Value: []byte{1}}, nil
		}
		return &store.Item{Value: []byte{old.Value[0] + 1}, Expires: old.Expires}, nil
	}
	for range 3 {
		if err := store.Update(ctx, s, "visits", visit); err != nil {
			fmt.Println(err)
		}
	}
	value, _ := s.Get(ctx, "visits")
	fmt.Println(value[0])
	// Output: 3
}

func ExampleSwap() {
	ctx := context.Background()
	s := store.NewMap(nil)

	// "" creates: of all who try, one succeeds.
	first, err := store.Swap(ctx, s, "job", "", &store.Item{Value: []byte("mine"), Expires: time.Now().Add(time.Minute)})
	fmt.Println(first != "", err)
	_, err = store.Swap(ctx, s, "job", "", &store.Item{Value: []byte("yours")})
	fmt.Println(errors.Is(err, store.ErrConflict))

	// A nil item removes, here only what we wrote ourselves.
	_, err = store.Swap(ctx, s, "job", first, nil)
	fmt.Println(err)
	// Output:
	// true <nil>
	// true
	// <nil>
}

func ExamplePrefix() {
	ctx := context.Background()
	whole := store.NewMap(nil)
	carts := store.Prefix(whole, "cart:")
	carts.Set(ctx, "alice", []byte("apples"))
	whole.Set(ctx, "motd", []byte("welcome"))

	for info, err := range store.List(ctx, carts, "") {
		fmt.Println(info.Key, info.Size, err)
	}
	// Output: alice 6 <nil>
}

func ExampleMux() {
	ctx := context.Background()
	mux := store.Mux{"map": store.OpenMap}

	s, err := mux.Open(ctx, "map:?x-timeout=24h&x-prefix=session:")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	fmt.Println(s.Set(ctx, "id", []byte("value")))

	_, err = mux.Open(ctx, "redis://:secret@cache/0")
	fmt.Println(err)
	// Output:
	// <nil>
	// store: open: invalid store URL "redis://:xxxxx@cache/0": unknown scheme "redis"; there are: map
}
