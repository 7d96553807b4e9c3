package shard

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/larder-go/larder/store"
)

// Inspect is [store.Inspector]'s: the facts of all nodes, the node's name before each, of those that can tell. A node that does not answer is a fact, too,
// unless none does.
func (s *Store) Inspect(ctx context.Context) ([]store.Fact, error) {
	facts := make([][]store.Fact, len(s.byName))
	errs := make([]error, len(s.byName))
	_ = s.onAll(ctx, func(i int, n *node) error {
		facts[i], errs[i] = store.Inspect(ctx, n.s)
		return nil
	})
	all := []store.Fact{s.fact()}
	var lost, mute []error
	for i, n := range s.byName {
		err := n.fail(errs[i])
		switch {
		case err == nil:
			for _, f := range facts[i] {
				f.Name = n.name + " " + f.Name
				all = append(all, f)
			}
			continue
		case errors.Is(err, errors.ErrUnsupported):
			mute = append(mute, err)
			continue
		case ctx.Err() != nil:
			return nil, err
		}
		lost = append(lost, err)
		all = append(all, store.Fact{Name: n.name + " server", Value: "unreachable", Warn: "its share of the entries is not available: " + errs[i].Error()})
	}
	if len(lost)+len(mute) == len(s.byName) {
		return nil, join(ctx, slices.Concat(lost, mute))
	}
	return all, nil
}

// fact is what the store says of itself.
func (s *Store) fact() store.Fact {
	return store.Fact{Name: "placement", Value: fmt.Sprintf("%s over %d nodes", s.place.Algorithm(), len(s.nodes))}
}
