package cli

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/larder-go/larder/internal/traits"
	"github.com/larder-go/larder/store"
)

// The suite opens a sharded store again and again with another Expiry, which is that of each node.

// nodesOf takes the parameters of a shard: URL apart, one by one, and has do change the URL of each node.
func nodesOf(u *url.URL, do func(rawURL string) string) *url.URL {
	var pairs []string
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		if value, ok := strings.CutPrefix(pair, "node="); ok {
			if text, err := url.QueryUnescape(value); err == nil {
				name, rawURL, _ := strings.Cut(text, "=")
				pair = "node=" + url.QueryEscape(name+"="+do(rawURL))
			}
		}
		pairs = append(pairs, pair)
	}
	other := *u
	other.RawQuery = strings.Join(pairs, "&")
	return &other
}

// splitQuery takes the parameters off a URL, which url.Parse may not be able to read: it may have several hosts, or be a path.
func splitQuery(rawURL string) (string, url.Values) {
	base, text, _ := strings.Cut(rawURL, "?")
	query, err := url.ParseQuery(text)
	if err != nil {
		query = url.Values{}
	}
	return base, query
}

// nodesExpiry is withExpiry for each node.
func nodesExpiry(u *url.URL, e store.Expiry) *url.URL {
	return nodesOf(u, func(rawURL string) string {
		base, query := splitQuery(rawURL)
		scheme, _, ok := strings.Cut(base, ":")
		if !ok { // a bare path has no parameters
			base, scheme = "file:"+base, "file"
		}
		return base + "?" + withExpiry(&url.URL{Scheme: scheme, RawQuery: query.Encode()}, e).RawQuery
	})
}

// leastOf is what all nodes together promise: what each of them does. longest is how much of a key their prefixes take. A node that only one process, or one
// store, can open makes it one that cannot be checked.
func leastOf(u *url.URL) (all traits.Backend, longest int, err error) {
	sizes := map[int]bool{}
	nodesOf(u, func(rawURL string) string {
		base, query := splitQuery(rawURL)
		scheme, _, ok := strings.Cut(base, ":")
		if !ok {
			scheme = "file"
		}
		b, known := traits.Find(scheme)
		if scheme == "bolt" || scheme == "map" || !known {
			err = usage("check such a store by itself", "a node is a %s:, which cannot be checked as a part of several nodes: %w", scheme, errors.ErrUnsupported)
		}
		all.Expires = all.Expires || b.Expires
		all.Timeout, all.Slack = max(all.Timeout, b.Timeout), max(all.Slack, b.Slack)
		for _, lack := range b.Lacks {
			if !slices.Contains(all.Lacks, lack) {
				all.Lacks = append(all.Lacks, lack)
			}
		}
		sizes[b.MaxValue] = true
		if query.Has("x-max-value") {
			sizes[-1] = true
		}
		all.MaxValue = b.MaxValue
		longest = max(longest, len(query.Get("x-prefix")))
		return rawURL
	})
	if len(sizes) > 1 { // then it depends on the key
		all.MaxValue = 0
	}
	return all, longest, err
}
