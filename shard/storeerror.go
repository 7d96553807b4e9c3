package shard

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/larder-go/larder/store"
)

// errNotOpen is of who asks what only an open store knows.
var errNotOpen = fmt.Errorf("shard: expiry: it is not open yet: %w", errors.ErrUnsupported)

// NodeError is the error of one node: what its store said, and the node's name behind it. [errors.Is] and [errors.As] see the store's error.
type NodeError struct {
	Node string
	Err  error
}

func (e *NodeError) Error() string { return e.Err.Error() + " (node " + e.Node + ")" }

func (e *NodeError) Unwrap() error { return e.Err }

// fail puts the node's name to its error. ErrNotFound stays bare.
func (n *node) fail(err error) error { return nodeError(n.name, err) }

func nodeError(name string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrNotFound):
		return store.ErrNotFound
	}
	return &NodeError{name, err}
}

// several are the errors of more than one node, in one line.
type several []error

func (e several) Error() string {
	texts := make([]string, len(e))
	for i, err := range e {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

func (e several) Unwrap() []error { return e }

// join makes one error of those of many nodes, where nil is none. Where ctx has ended, that is what counts, and one says it.
func join(ctx context.Context, errs []error) error {
	var all several
	for _, err := range errs {
		if err == nil {
			continue
		}
		if cause := ctx.Err(); cause != nil && errors.Is(err, cause) {
			return err
		}
		all = append(all, err)
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	return all
}

// onAll does something to all nodes at once, and returns when it is done. The errors are those of the nodes, with their names.
func (s *Store) onAll(ctx context.Context, do func(i int, n *node) error) error {
	errs := make([]error, len(s.byName))
	var all sync.WaitGroup
	for i, n := range s.byName {
		all.Go(func() { errs[i] = n.fail(do(i, n)) })
	}
	all.Wait()
	return join(ctx, errs)
}
