package shard

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/larder-go/larder/store"
)

// probeLife is when a probe is absent that its writer could not remove. Hosts whose clocks differ by more are not told apart.
const probeLife = 5 * time.Minute

// apart makes sure that no two of these nodes are one store by two names, as a folder and a link to it: each gets an entry with its own name under one key, and
// must have that afterwards. A node that cannot be asked is skipped.
func apart(ctx context.Context, nodes map[string]store.Store) error {
	probe := newProbe()
	var mu sync.Mutex
	asked, same := map[string]store.Store{}, []string(nil)
	each(nodes, func(name string, s store.Store) {
		if plant(ctx, s, probe, name) == nil {
			mu.Lock()
			defer mu.Unlock()
			asked[name] = s
		}
	})
	each(asked, func(name string, s store.Store) {
		if other, err := s.Get(ctx, probe); err == nil && string(other) != name {
			mu.Lock()
			defer mu.Unlock()
			same = append(same, pair(name, string(other)))
		}
	})
	each(asked, func(name string, s store.Store) { _ = s.Delete(ctx, probe) }) // otherwise its time passes
	if len(same) == 0 {
		return nil
	}
	slices.Sort(same)
	return errSame(same[0])
}

// apartFrom makes sure that a node which comes to others is none of them. It alone gets a probe; one that cannot be asked is skipped.
func apartFrom(ctx context.Context, name string, s store.Store, others map[string]store.Store) error {
	probe := newProbe()
	if len(others) == 0 || plant(ctx, s, probe, name) != nil {
		return nil
	}
	var mu sync.Mutex
	var same []string
	each(others, func(other string, o store.Store) {
		if found, err := o.Contains(ctx, probe); err == nil && found {
			mu.Lock()
			defer mu.Unlock()
			same = append(same, pair(name, other))
		}
	})
	_ = s.Delete(ctx, probe)
	if len(same) == 0 {
		return nil
	}
	return errSame(slices.Min(same))
}

// newProbe is the key of an entry that nobody else has.
func newProbe() string { return store.ReservedKey("shard probe " + string(store.NewVersion())) }

func pair(a, b string) string { return min(a, b) + " and " + max(a, b) }

func errSame(pair string) error {
	return fmt.Errorf("%w: nodes %s are one store by two names: what the one gets would be swept and listed as the other's", store.ErrInvalidURL, pair)
}

// plant puts the probe into a node.
func plant(ctx context.Context, s store.Store, probe, name string) error {
	if store.CanSwap(s) {
		_, err := store.Swap(ctx, s, probe, store.AnyVersion, &store.Item{Value: []byte(name), Expires: time.Now().Add(probeLife)})
		return err
	}
	return s.Set(ctx, probe, []byte(name))
}

// each does something to all nodes at once.
func each(nodes map[string]store.Store, do func(name string, s store.Store)) {
	var all sync.WaitGroup
	for name, s := range nodes {
		all.Go(func() { do(name, s) })
	}
	all.Wait()
}
