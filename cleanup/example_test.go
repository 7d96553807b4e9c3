package cleanup_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/larder-go/larder/cleanup"
	"github.com/larder-go/larder/store"
)

func ExampleRun() {
	ctx := context.Background()
	s := store.NewMap(&store.MapOptions{Expiry: store.Expiry{TouchAfter: -1}})
	for _, key := range []string{"a", "b", "c"} {
		if err := s.Set(ctx, key, []byte("value")); err != nil {
			fmt.Println(err)
		}
	}
	time.Sleep(time.Millisecond)

	r, err := cleanup.Run(ctx, s, &cleanup.Options{Idle: time.Microsecond, Limit: 2, MaxTime: time.Minute})
	if errors.Is(err, cleanup.ErrBudget) {
		fmt.Println("there is more to do")
	}
	fmt.Println(r.Removed, "removed,", r.Bytes, "bytes; stopped by:", r.Reason)
	// Output: 2 removed, 10 bytes; stopped by: limit
}

// Many hosts have the same timer; one works.
func ExampleRun_lease() {
	ctx := context.Background()
	s := store.NewMap(nil) // of all hosts: a table of Postgres, say
	o := &cleanup.Options{Idle: 24 * time.Hour, Lease: cleanup.DefaultLease}

	host := func() {
		r, err := cleanup.Run(ctx, s, o)
		switch {
		case errors.Is(err, cleanup.ErrLeased):
			fmt.Println("another host is at work")
		case err != nil:
			fmt.Println(err)
		default:
			fmt.Println(r.Removed, "removed")
		}
	}
	host()

	last, err := cleanup.Last(ctx, s)
	fmt.Println(last.Reason, last.Removed, time.Since(last.End()) < time.Minute, err)
	// Output:
	// 0 removed
	// done 0 true <nil>
}

func ExampleLoop() {
	s := store.NewMap(&store.MapOptions{Expiry: store.Expiry{Timeout: time.Hour}})

	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() {
		done <- cleanup.Loop(ctx, s, &cleanup.Options{
			Interval: time.Minute,
			OnReport: func(r cleanup.Report, err error) {
				fmt.Println("swept:", r.Reason, err)
				stop() // a program stops when it ends
			},
		})
	}()
	fmt.Println(<-done)
	// Output:
	// swept: done <nil>
	// context canceled
}
