package shard

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/larder-go/larder/store"
)

const (
	openPatience  = time.Second            // for the other nodes, once one is open
	apartPatience = 500 * time.Millisecond // to find out whether two nodes are one
)

// Open returns the [store.Opener] of "shard:" URLs, which name the nodes of a [Store] that mux opens; see the package comment. All are opened at once. One
// that is down is opened later, by the first operation that needs it; only if all are, it is an error. Close closes them all.
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
	if err = nodes.open(ctx); err == nil {
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

// openNodes are the nodes of a URL.
type openNodes struct {
	names []string // in order
	nodes map[string]*lazy

	mu     sync.Mutex
	expiry *store.Expiry // of all that are open and tell
	whose  string        // the first of them
}

func newOpenNodes(mux store.Mux, set *urlSet) *openNodes {
	o := &openNodes{names: set.nodes, nodes: map[string]*lazy{}}
	for _, name := range set.nodes {
		rawURL := set.urls[name]
		o.nodes[name] = &lazy{open: func(ctx context.Context) (store.Closer, error) {
			s, err := mux.Open(ctx, rawURL)
			if err != nil {
				return nil, err
			}
			if err := o.agree(name, s); err != nil {
				return nil, errors.Join(err, s.Close())
			}
			return s, nil
		}}
	}
	return o
}

// agree refuses a node with another Expiry than the others have: what it keeps would be forgotten sooner, or later, than they say. One that does not tell is taken.
func (o *openNodes) agree(name string, s store.Store) error {
	e, err := store.ExpiryOf(s)
	if err != nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.expiry == nil:
		o.expiry, o.whose = &e, name
	case o.expiry.Timeout != e.Timeout:
		return fmt.Errorf("%w: nodes %s and %s have different time-outs, %v and %v: give the URL of each node the same x-timeout",
			store.ErrInvalidURL, o.whose, name, o.expiry.Timeout, e.Timeout)
	case o.expiry.Slack() != e.Slack():
		return fmt.Errorf("%w: nodes %s and %s record uses after different times, %v and %v: give the URL of each node the same x-touch-after",
			store.ErrInvalidURL, o.whose, name, o.expiry.Slack(), e.Slack())
	}
	return nil
}

// stores is the nodes as New takes them.
func (o *openNodes) stores() map[string]store.Store {
	all := make(map[string]store.Store, len(o.nodes))
	for name, l := range o.nodes {
		all[name] = l
	}
	return all
}

// errSlow ends the attempts that others do not wait for.
var errSlow = fmt.Errorf("%w: it did not open in time", store.ErrUnavailable)

// open opens all at once. The error is that of a node which is wrong rather than down, or of all if all are down.
func (o *openNodes) open(ctx context.Context) error {
	waiting, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	slow := time.AfterFunc(time.Hour, func() { giveUp(errSlow) })
	defer slow.Stop()
	var first sync.Once
	errs := make([]error, len(o.names))
	var all sync.WaitGroup
	for i, name := range o.names {
		all.Go(func() {
			err := o.nodes[name].wait(waiting)
			if err == nil {
				first.Do(func() { slow.Reset(openPatience) })
			} else if context.Cause(waiting) == errSlow && errors.Is(err, context.Canceled) {
				err = errSlow
			}
			errs[i] = nodeError(name, err)
		})
	}
	all.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	wrong := slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return err == nil || errors.Is(err, store.ErrUnavailable) })
	if len(wrong) > 0 {
		return join(ctx, wrong)
	}
	if slices.Contains(errs, nil) {
		return nil
	}
	return join(ctx, errs)
}

// apart asks those that are open whether any two are one. What does not answer in time is not asked.
func (o *openNodes) apart(ctx context.Context) error {
	open := map[string]store.Store{}
	for name, l := range o.nodes {
		if l.opened() {
			open[name] = l
		}
	}
	short, cancel := context.WithTimeout(ctx, apartPatience)
	defer cancel()
	if err := apart(short, open); err != nil {
		return err
	}
	return ctx.Err()
}

func (o *openNodes) Close() error {
	errs := make([]error, len(o.names))
	var all sync.WaitGroup
	for i, name := range o.names {
		all.Go(func() { errs[i] = nodeError(name, o.nodes[name].Close()) })
	}
	all.Wait()
	return join(context.Background(), errs)
}
