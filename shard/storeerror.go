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

// several are the errors of more than one node, in one line: what several say stands there once, and so does the prefix that theirs have in common.
type several []error

func (e several) Error() string {
	var causes []string
	names := map[string][]string{}
	for _, err := range e {
		text, name := err.Error(), ""
		if of, ok := err.(*NodeError); ok {
			text, name = of.Err.Error(), of.Node
		}
		if names[text] == nil {
			causes = append(causes, text)
		}
		names[text] = append(names[text], name)
	}
	prefix := ""
	if parts := strings.SplitAfterN(causes[0], ": ", 3); len(parts) == 3 {
		prefix = parts[0] + parts[1]
	}
	var out strings.Builder
	for i, cause := range causes {
		nodes := " (nodes "
		if len(names[cause]) == 1 {
			nodes = " (node "
		}
		if i > 0 {
			out.WriteString("; ")
			out.WriteString(strings.TrimPrefix(cause, prefix))
		} else {
			out.WriteString(cause)
		}
		out.WriteString(nodes + strings.Join(names[cause], ", ") + ")")
	}
	return out.String()
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
