package shard

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/larder-go/larder/store"
)

const (
	openPatience  = 200 * time.Millisecond // for the other nodes, once one is open
	openLimit     = 10 * time.Second       // for all, where none is, and for an attempt that nobody waits for
	apartPatience = 500 * time.Millisecond // to find out whether two nodes are one
)

// errSlow is of nodes that were not waited for.
var errSlow = fmt.Errorf("%w: it did not open in time", store.ErrUnavailable)

// openNodes are the nodes of a URL.
type openNodes struct {
	names []string // in order
	nodes map[string]*lazy

	mu       sync.Mutex
	admitted map[string]store.Store // what was opened, and not refused
	late     bool                   // those that came at once were compared: who comes now is compared with them
	expiry   *store.Expiry          // of all that are open and tell
	whose    string                 // the first of them
}

func newOpenNodes(mux store.Mux, set *urlSet) *openNodes {
	o := &openNodes{names: set.nodes, nodes: map[string]*lazy{}, admitted: map[string]store.Store{}}
	for _, name := range set.nodes {
		rawURL := set.urls[name]
		o.nodes[name] = &lazy{open: func(ctx context.Context) (store.Closer, error) {
			s, err := mux.Open(ctx, rawURL)
			if err != nil {
				return nil, err
			}
			if err := o.admit(ctx, name, s); err != nil {
				return nil, errors.Join(err, s.Close())
			}
			return s, nil
		}}
	}
	return o
}

// admit refuses a node with another Expiry than the others have, and one that comes later and is one store with a node that is open.
func (o *openNodes) admit(ctx context.Context, name string, s store.Store) error {
	o.mu.Lock()
	err := o.agree(name, s)
	if err != nil {
		o.mu.Unlock()
		return err
	}
	var others map[string]store.Store // came before it: of two that come together only one is refused
	if o.late {
		others = o.open()
		delete(others, name)
	}
	o.admitted[name] = s
	o.mu.Unlock()

	short, cancel := context.WithTimeout(ctx, apartPatience)
	defer cancel()
	if err = apartFrom(short, name, s, others); err == nil {
		if err = ctx.Err(); err == nil { // given up, it may not have been compared
			return nil
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.admitted[name] == s {
		delete(o.admitted, name)
	}
	return err
}

// agree refuses a node with another Expiry than the others have: what it keeps would be forgotten sooner, or later, than they say. One that does not tell is taken.
func (o *openNodes) agree(name string, s store.Store) error {
	e, err := store.ExpiryOf(s)
	if err != nil {
		return nil
	}
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

// open is what is open. Where two attempts have opened a node it is what the node keeps.
func (o *openNodes) open() map[string]store.Store {
	open := maps.Clone(o.admitted)
	for name := range open {
		if n := o.nodes[name].ready.Load(); n != nil {
			open[name] = n.Closer
		}
	}
	return open
}

// apart asks those that are open whether any two are one. What does not answer in time is not asked.
func (o *openNodes) apart(ctx context.Context) error {
	o.mu.Lock()
	open := o.open()
	o.late = true
	o.mu.Unlock()
	short, cancel := context.WithTimeout(ctx, apartPatience)
	defer cancel()
	if err := apart(short, open); err != nil {
		return err
	}
	return ctx.Err()
}

// stores is the nodes as New takes them.
func (o *openNodes) stores() map[string]store.Store {
	all := make(map[string]store.Store, len(o.nodes))
	for name, l := range o.nodes {
		all[name] = l
	}
	return all
}

// begin opens all at once, and returns once one is open and the others have had their time, or all have failed. What is slower goes on opening. The error is
// that of a node which is wrong rather than down, or of all if all are down.
func (o *openNodes) begin(ctx context.Context) error {
	waiting, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	slow := time.AfterFunc(openLimit, func() { giveUp(errSlow) })
	defer slow.Stop()
	var first sync.Once
	errs := make([]error, len(o.names))
	var all sync.WaitGroup
	for i, name := range o.names {
		all.Go(func() {
			err := o.nodes[name].wait(waiting)
			if !errors.Is(err, store.ErrUnavailable) { // also one that is wrong: there is an answer
				first.Do(func() { slow.Reset(openPatience) })
			}
			errs[i] = nodeError(name, err)
		})
	}
	all.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	var wrong []error
	open := false
	for _, err := range errs {
		if open = open || err == nil; err != nil && !errors.Is(err, store.ErrUnavailable) {
			wrong = append(wrong, err)
		}
	}
	switch {
	case len(wrong) > 0:
		return join(ctx, wrong)
	case open:
		return nil
	}
	return join(ctx, errs)
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
