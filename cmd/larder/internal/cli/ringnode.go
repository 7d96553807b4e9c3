package cli

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/larder-go/larder/store"
)

// answerWithin is how long a node may take to answer before it counts as down: the others do not wait for it longer.
const answerWithin = 5 * time.Second

// ringNode is a node that was opened, or that could not be.
type ringNode struct {
	name, url string
	s         store.Closer
	trip      time.Duration
	err       error // it is down
}

// openNodes opens all nodes of a ring at once and asks each something. The caller closes those that have a store.
func (a *app) openNodes(ctx context.Context, r *ring) []ringNode {
	nodes := make([]ringNode, len(r.Nodes))
	mux := a.nodeMux(r.from, false)
	var all sync.WaitGroup
	for i, name := range r.Nodes {
		n := &nodes[i]
		n.name, n.url = name, r.URLs[name]
		all.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, answerWithin)
			defer cancel()
			if n.s, n.err = mux.Open(ctx, n.url); n.err == nil {
				n.trip, n.err = ask(ctx, n.s)
			}
		})
	}
	all.Wait()
	return nodes
}

// ask takes the time of the second of two questions: the first may have to connect.
func ask(ctx context.Context, s store.Store) (trip time.Duration, err error) {
	for range 2 {
		start := time.Now()
		if _, err = s.Contains(ctx, store.ReservedKey("ring")); err != nil {
			return 0, err
		}
		trip = time.Since(start)
	}
	return trip, nil
}

func closeNodes(nodes []ringNode) {
	for _, n := range nodes {
		if n.s != nil {
			n.s.Close()
		}
	}
}

// missing tells whether a node has no folder, no file and no table yet, as one that is to be added may.
func (n *ringNode) missing() bool {
	var f *failure
	return n.err != nil && (errors.As(n.err, &f) || errors.As(explain(n.err), &f)) && f.code == exitNoStore
}
