package cleanup_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larder-go/larder/cleanup"
	"github.com/larder-go/larder/store"
)

// Four cleaners with a lease, one that knows of none, and users on each backend: what a user has used stays, what nobody has goes, and no
// removal counts twice. With LARDER_SOAK=1 for ten rounds of 1,000 entries.
func TestCleanersWithALeaseAndUsers(t *testing.T) {
	rounds, entries := 2, 200
	if os.Getenv("LARDER_SOAK") != "" {
		rounds, entries = 10, 1000
	}
	for _, b := range backends() {
		t.Run(b.name, func(t *testing.T) {
			open := b.make(t)
			stores := make([]store.Store, 7)
			for i := range stores {
				stores[i] = open()
			}
			for round := range rounds {
				raceCleaners(t, stores, fmt.Sprintf("%d:", round), entries)
			}
		})
	}
}

func raceCleaners(t *testing.T, stores []store.Store, prefix string, entries int) {
	fill(t, stores[0], prefix, entries)
	var used sync.Map
	var users, cleaners sync.WaitGroup
	for u := range 2 {
		users.Go(func() {
			for _, i := range rand.Perm(entries)[:entries/4] {
				key := fmt.Sprintf("%s%d", prefix, i)
				switch err := store.Touch(t.Context(), stores[u], key); {
				case err == nil:
					used.Store(key, true)
				case err != store.ErrNotFound:
					t.Errorf("touch: %v", err)
				}
			}
		})
	}
	ctx, stop := context.WithCancel(t.Context())
	var removed, worked, refused atomic.Int64
	for c := range 5 {
		cleaners.Go(func() {
			o := &cleanup.Options{Idle: time.Hour, Prefix: prefix, Batch: 7, Pause: time.Millisecond, Lease: time.Minute, Limit: entries / 8}
			if c == 4 {
				o.Lease = 0
			}
			for over := false; !over; {
				over = ctx.Err() != nil // then once more, for what is left
				r, err := cleanup.Run(t.Context(), stores[2+c], o)
				removed.Add(int64(r.Removed))
				switch {
				case err == nil:
					worked.Add(1)
				case errors.Is(err, cleanup.ErrLeased):
					refused.Add(1)
					time.Sleep(time.Millisecond) // a timer would wait for longer
				default:
					t.Errorf("report %+v, error %v", r, err)
				}
			}
		})
	}
	users.Wait()
	stop()
	cleaners.Wait()
	r, err := cleanup.Run(t.Context(), stores[0], &cleanup.Options{Idle: time.Hour, Prefix: prefix, Lease: time.Minute})
	if err != nil || !r.Done {
		t.Errorf("the last: report %+v, error %v", r, err)
	}
	removed.Add(int64(r.Removed))
	kept := 0
	used.Range(func(key, _ any) bool {
		kept++
		if ok, err := stores[0].Contains(t.Context(), key.(string)); !ok || err != nil {
			t.Errorf("an entry was used and is gone: %v", err)
		}
		return true
	})
	left := 0
	for _, err := range store.List(t.Context(), stores[0], prefix) {
		if err != nil {
			t.Fatal(err)
		}
		left++
	}
	if left != kept || int(removed.Load())+left != entries {
		t.Errorf("of %d entries %d were used, %d are left and %d removed", entries, kept, left, removed.Load())
	}
	if worked.Load() == 0 {
		t.Errorf("nobody worked, %d were refused", refused.Load())
	}
}
