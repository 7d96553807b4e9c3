package shard

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/larder-go/larder/store"
)

// probeLife is when a probe is absent that its writer could not remove. Hosts whose clocks differ by more are not told apart.
const probeLife = 5 * time.Minute

// apart makes sure that no two of these nodes are one store by two names, as a folder and a link to it: each gets an entry with its own name under one key, and
// must have that afterwards. A node that cannot be asked is skipped.
func apart(ctx context.Context, nodes map[string]store.Store) error {
	probe := store.ReservedKey("shard probe " + string(store.NewVersion()))
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
			pair := []string{name, string(other)}
			slices.Sort(pair)
			same = append(same, strings.Join(pair, " and "))
		}
	})
	each(asked, func(name string, s store.Store) { _ = s.Delete(ctx, probe) }) // otherwise its time passes
	if len(same) == 0 {
		return nil
	}
	slices.Sort(same)
	return fmt.Errorf("%w: nodes %s are one store by two names: what the one gets would be swept and listed as the other's", store.ErrInvalidURL, same[0])
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
