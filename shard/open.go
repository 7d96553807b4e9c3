package shard

import (
	"context"
	"errors"
	"maps"
	"net/url"

	"github.com/larder-go/larder/store"
)

// Open returns the [store.Opener] of "shard:" URLs, which name the nodes of a [Store] that mux opens. All are opened at once, and waited for until one is open
// and the others have had 200 ms more, or for 10 s where none opens. What is slower goes on opening, and who needs it meanwhile waits for it, as long as his
// context allows; one that is down is opened later, by the first operation that needs it. Only if all are down, it is an error. Close closes them all.
//
// Nodes must not be one store by two names, and have the same [store.Expiry]; one that turns out to be wrong only later is refused then, by the operations
// that need it.
func Open(mux store.Mux) store.Opener {
	return func(ctx context.Context, u *url.URL) (store.Closer, error) {
		s, err := open(ctx, mux, u)
		if err != nil {
			return nil, store.Wrap("shard", "open", err)
		}
		return s, nil
	}
}

func open(ctx context.Context, mux store.Mux, u *url.URL) (store.Closer, error) {
	set, now, next, err := readURL(u, mux)
	if err != nil {
		return nil, err
	}
	mux = maps.Clone(mux)
	delete(mux, u.Scheme)
	nodes := newOpenNodes(mux, set)
	if err = nodes.begin(ctx); err == nil {
		err = nodes.apart(ctx)
	}
	if err == nil {
		var s store.Closer
		if s, err = nodes.store(ctx, set, now, next); err == nil {
			return s, nil
		}
	}
	return nil, errors.Join(err, nodes.Close())
}

// store is what the URL names.
func (o *openNodes) store(ctx context.Context, set *urlSet, now, next Placement) (store.Closer, error) {
	if set.changing {
		c, err := newChange(o.stores(), now, next, &ChangeOptions{Prepare: set.prepare, Recheck: set.recheck})
		if err != nil {
			return nil, err
		}
		return &openChange{c, o}, c.begin(ctx, set.nonempty)
	}
	s, err := New(o.stores(), now)
	if err != nil {
		return nil, err
	}
	return &openStore{s, o}, nil
}

// openStore closes what was opened for it.
type openStore struct {
	*Store
	nodes *openNodes
}

func (s *openStore) Close() error { return s.nodes.Close() }

// openChange is the same while the set changes.
type openChange struct {
	*Change
	nodes *openNodes
}

func (c *openChange) Close() error { return c.nodes.Close() }
