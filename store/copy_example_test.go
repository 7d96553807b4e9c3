package store_test

import (
	"context"
	"fmt"
	"time"

	"github.com/larder-go/larder/store"
)

func ExampleCopy() {
	ctx := context.Background()
	src, dst := store.NewMap(nil), store.NewMap(nil)
	src.Set(ctx, "greeting", []byte("hello"))
	store.Swap(ctx, src, "offer", "", &store.Item{Value: []byte("half price"), Expires: time.Now().Add(time.Hour)})
	dst.Set(ctx, "greeting", []byte("good day"))

	r, err := store.Copy(ctx, src, dst, &store.CopyOptions{
		Checkpoint: "move", // a copy that is killed goes on from there
		Progress:   func(r store.CopyReport) { /* r.Done() of them so far */ },
	})
	fmt.Println(r.Copied, "copied,", r.Kept, "kept,", err)

	item, _ := store.Peek(ctx, dst, "offer")
	fmt.Println(string(item.Value), "ends in", time.Until(item.Expires).Round(time.Minute))
	// Output:
	// 1 copied, 1 kept, <nil>
	// half price ends in 1h0m0s
}

func ExampleItems() {
	ctx := context.Background()
	s := store.NewMap(nil)
	s.Set(ctx, "user:1", []byte("ann"))
	s.Set(ctx, "other", []byte("?"))
	for e, err := range store.Items(ctx, s, "user:", "") {
		fmt.Println(e.Key, string(e.Value), err)
	}
	// Output:
	// user:1 ann <nil>
}
