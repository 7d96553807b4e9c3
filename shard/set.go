package shard

import (
	"fmt"
	"net/url"
	"time"

	"github.com/larder-go/larder/store"
)

// Set is what a "shard:" URL says, for who shows the nodes or changes their set, as larder ring does; [Open] opens them.
type Set struct {
	Nodes     []string          // the names, in the URL's order; also of those that the present set does not have
	URLs      map[string]string // by name, with their passwords
	Now, Next Placement         // Next is nil where nothing changes
	Prepare   bool
	Recheck   time.Duration
}

// ParseURL reads a "shard:" URL, of which x-prefix has been taken away. It opens nothing; mux is asked only which schemes there are. Its errors show no URL.
func ParseURL(u *url.URL, mux store.Mux) (*Set, error) {
	set, now, next, err := readURL(u, mux)
	if err != nil {
		return nil, store.Wrap("shard", "parse", err)
	}
	s := &Set{Nodes: set.nodes, URLs: set.urls, Now: now, Prepare: set.prepare, Recheck: set.recheck}
	if set.changing {
		s.Next = next
	}
	return s, nil
}

// readURL reads the URL and makes the placements of both sets.
func readURL(u *url.URL, mux store.Mux) (set *urlSet, now, next Placement, err error) {
	if set, err = parseURL(u, mux); err != nil {
		return nil, nil, nil, err
	}
	if now, err = NewPlacement(set.algorithm, set.now); err != nil {
		return nil, nil, nil, fmt.Errorf("%w: %w", store.ErrInvalidURL, err)
	}
	if next, err = NewPlacement(set.nextAlgorithm, set.next); err != nil {
		return nil, nil, nil, fmt.Errorf("%w: the next set: %w", store.ErrInvalidURL, err)
	}
	return set, now, next, nil
}
