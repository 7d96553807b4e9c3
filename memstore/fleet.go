package memstore

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/larder-go/larder/store"
)

// Node is one of the servers that a URL names, as [Opener] hands it on.
type Node struct {
	Name   string // what is hashed: the parameter name=NAME=HOST, or else Addr
	Addr   string // host:port
	Weight int    // the parameter weight=NAME:2 or weight=HOST:2, or else 1
}

// Opener is [OpenURL] for "memcached:" URLs whose parameter placement says how keys are spread over the servers: by the selector that place makes of that
// word and of the servers, in the URL's order. A URL without it places keys as always. Package larder hands in what package shard knows.
func Opener(place func(placement string, nodes []Node) (memcache.ServerSelector, error)) store.Opener {
	return func(ctx context.Context, u *url.URL) (store.Closer, error) {
		s, err := openURL(ctx, u, place)
		if err != nil {
			return nil, store.Wrap("memstore", "open", err)
		}
		return s, nil
	}
}

// fleetParams are the parameters that say how keys are spread. The last two are given once per server.
func fleetParams() []string { return []string{"placement", "weight", "name"} }

// splitFleet takes those parameters out of u, which may then be read by store.Params: that one refuses what is given twice.
func splitFleet(u *url.URL) (rest *url.URL, given url.Values) {
	given = make(url.Values)
	query := u.Query()
	for _, name := range fleetParams() {
		if query.Has(name) {
			given[name] = query[name]
			query.Del(name)
		}
	}
	copied := *u
	copied.RawQuery = query.Encode()
	return &copied, given
}

// readFleet is what a URL says about its servers, and placement, "" where none is given. Errors show no text of the URL's but hosts and names that were
// understood: the rest may be something else in the wrong place.
func readFleet(servers hosts, given url.Values) (placement string, nodes []Node, err error) {
	fail := func(format string, a ...any) (string, []Node, error) {
		return "", nil, fmt.Errorf("%w: "+format, append([]any{store.ErrInvalidURL}, a...)...)
	}
	switch placements := given["placement"]; {
	case len(placements) > 1:
		return fail("the parameter placement is given twice")
	case len(placements) == 0 && len(given) > 0:
		return fail("weight and name say what placement shall do, and there is none; write placement=ketama, or leave them out")
	case len(placements) == 0:
		return "", nil, nil
	case placements[0] == "":
		return fail("the parameter placement is empty; write placement=ketama, or leave it out")
	default:
		placement = placements[0]
	}
	for _, addr := range servers {
		nodes = append(nodes, Node{Name: addr.String(), Addr: addr.String(), Weight: 1})
	}
	named := make(map[string]bool)
	for i, text := range given["name"] {
		at := strings.LastIndexByte(text, '=') // no host has one
		if at <= 0 {
			return fail("name number %d is not as in name=NAME=HOST", i+1)
		}
		n := findAddr(nodes, text[at+1:])
		switch {
		case n == nil:
			return fail("name number %d is for a host that is none of the URL's; write name=NAME=HOST", i+1)
		case named[n.Addr]:
			return fail("two names are given for %s", n.Addr)
		}
		n.Name, named[n.Addr] = text[:at], true
	}
	weighed := make(map[string]bool)
	for i, text := range given["weight"] {
		at := strings.LastIndexByte(text, ':')
		weight := 0
		if at > 0 {
			if weight, err = strconv.Atoi(text[at+1:]); err != nil {
				weight = 0
			}
		}
		if weight < 1 {
			return fail("weight number %d is not as in weight=HOST:2 or weight=NAME:2, with a number from 1 on", i+1)
		}
		n := findNode(nodes, text[:at])
		switch {
		case n == nil:
			return fail("weight number %d is for a host that is none of the URL's, and no name of one; write weight=HOST:2 or weight=NAME:2", i+1)
		case weighed[n.Addr]:
			return fail("two weights are given for %s", n.Addr)
		}
		n.Weight, weighed[n.Addr] = weight, true
	}
	return placement, nodes, nil
}

func findNode(nodes []Node, text string) *Node {
	for i := range nodes {
		if nodes[i].Name == text {
			return &nodes[i]
		}
	}
	return findAddr(nodes, text)
}

// findAddr finds a host with its port, or without where that is memcached's.
func findAddr(nodes []Node, text string) *Node {
	for i := range nodes {
		host, port, _ := net.SplitHostPort(nodes[i].Addr)
		if text == nodes[i].Addr || port == defaultPort && (text == host && !strings.Contains(host, ":") || text == "["+host+"]") {
			return &nodes[i]
		}
	}
	return nil
}
