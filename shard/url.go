package shard

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/larder-go/larder/store"
)

// urlSet is what a shard: URL says.
type urlSet struct {
	nodes []string          // in the URL's order
	urls  map[string]string // of the nodes

	now, next                []Node // the present set, and the one that it becomes; the same where nothing changes
	algorithm, nextAlgorithm string

	changing, prepare bool
	nonempty          bool // see Change.Begin
	recheck           time.Duration
}

const (
	urlExample    = "write shard:?node=NAME=URL&node=NAME=URL, and percent-encode each URL: & is %26, # is %23, + is %2B, % is %25"
	urlParameters = "node, weight, placement, and for a change of the set next, next-placement, prepare, nonempty, recheck"
)

// parseURL reads the parameters. Its errors show no piece of a URL: one that was not encoded has fallen apart at the wrong places, and what stands where a
// name should may be a password.
func parseURL(u *url.URL, mux store.Mux) (*urlSet, error) {
	p := &urlParser{scheme: u.Scheme, mux: mux, set: &urlSet{urls: map[string]string{}}, weights: map[string]int{}, nexts: map[string]int{}}
	if u.Host != "" || u.Path != "" || u.Opaque != "" || u.User != nil || u.Fragment != "" {
		p.fail("it has more than parameters; " + urlExample)
	}
	var others []string
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, nameErr := url.QueryUnescape(name)
		text, valueErr := url.QueryUnescape(value)
		if nameErr != nil || valueErr != nil {
			p.fail("its parameters cannot be read; " + urlExample)
		}
		p.at++
		switch name {
		case "node":
			p.node(text)
		case "weight":
			p.weight(p.weights, name, text)
		case "next":
			p.weight(p.nexts, name, text)
		case "placement", "next-placement", "prepare", "nonempty", "recheck":
			others = append(others, name+"="+value)
		case "x-timeout", "x-touch-after":
			p.fail(name + " belongs into the URL of each node, percent-encoded as a part of it")
		default:
			p.fail(fmt.Sprintf("its parameter number %d is none of %s; an & within the URL of a node is written %%26", p.at, urlParameters))
		}
	}
	p.rest(&url.URL{Scheme: u.Scheme, RawQuery: strings.Join(others, "&")})
	if p.err != nil {
		return nil, fmt.Errorf("%w: %w", store.ErrInvalidURL, p.err)
	}
	return p.set, nil
}

type urlParser struct {
	scheme         string
	mux            store.Mux
	at             int // parameters read
	set            *urlSet
	weights, nexts map[string]int
	err            error // the first
}

func (p *urlParser) fail(problem string) {
	if p.err == nil {
		p.err = fmt.Errorf("%s", problem)
	}
}

func (p *urlParser) node(text string) {
	number := fmt.Sprintf("node number %d", len(p.set.nodes)+1)
	name, inner, ok := strings.Cut(text, "=")
	beginning, _, _ := strings.Cut(name, ":")
	_, isURL := p.mux[beginning]
	if !ok || name == "" || strings.ContainsAny(name, "@?#") || strings.Contains(name, "://") || isURL && name != beginning {
		p.fail(number + " has no name; " + urlExample)
		return
	}
	if err := (Node{Name: name}).check(); err != nil {
		p.fail(number + " has a name that is too long, or has characters that cannot be printed; " + urlExample)
		return
	}
	scheme, _, _ := strings.Cut(inner, ":")
	switch {
	case p.set.urls[name] != "":
		p.fail("two nodes have the name " + name)
	case inner == "":
		p.fail("node " + name + " has no URL; " + urlExample)
	case strings.ContainsRune(inner, ' '):
		p.fail("there is a space in the URL of node " + name + "; " + urlExample)
	case scheme == p.scheme:
		p.fail("node " + name + " is a set of nodes itself; name those here, for a node within a node has two names and its weight is not its own")
	}
	for other, that := range p.set.urls {
		if that == inner && scheme != "map" { // each map: is another
			p.fail("nodes " + other + " and " + name + " have the same URL, but each needs a store of its own")
		}
	}
	p.set.nodes = append(p.set.nodes, name)
	p.set.urls[name] = inner
}

// weight reads "name:2"; the name may have colons, as those of hosts with ports.
func (p *urlParser) weight(into map[string]int, param, text string) {
	i := strings.LastIndexByte(text, ':')
	w, err := 0, error(nil)
	if i >= 0 {
		w, err = strconv.Atoi(text[i+1:])
	}
	if i <= 0 || err != nil || w < 0 || w > MaxWeight {
		p.fail(fmt.Sprintf("a %s is not as in %s=NAME:2, with a number from 0 to %d", param, param, MaxWeight))
		return
	}
	if _, twice := into[text[:i]]; twice {
		p.fail("the parameter " + param + " is given twice for one node")
	}
	into[text[:i]] = w
}

// rest reads what is there once, and puts the two sets together.
func (p *urlParser) rest(u *url.URL) {
	params, set := store.NewParams(u), p.set
	given := u.Query()
	set.algorithm, set.nextAlgorithm = params.String("placement"), params.String("next-placement")
	set.prepare, set.nonempty, set.recheck = params.Bool("prepare"), params.Bool("nonempty"), params.Duration("recheck")
	set.changing = len(p.nexts) > 0 || given.Has("next-placement")
	switch err := params.Done(); {
	case err != nil:
		if p.err == nil {
			p.err = err
		}
	case given.Has("placement") && set.algorithm == "", given.Has("next-placement") && set.nextAlgorithm == "":
		p.fail("the placement is empty; there are " + strings.Join(Algorithms(), ", "))
	case set.recheck < 0:
		p.fail("the parameter recheck is negative")
	case !set.changing && (given.Has("prepare") || given.Has("nonempty") || given.Has("recheck")):
		p.fail("prepare, nonempty and recheck are for a change of the set, and there is neither next nor next-placement")
	case len(set.nodes) == 0:
		p.fail("it has no node; " + urlExample)
	}
	if set.algorithm == "" {
		set.algorithm = Rendezvous
	}
	if set.nextAlgorithm == "" {
		set.nextAlgorithm = set.algorithm
	}
	p.sets()
}

func (p *urlParser) sets() {
	set, differ := p.set, p.set.algorithm != p.set.nextAlgorithm
	for _, param := range []string{"weight", "next"} {
		for name := range map[string]map[string]int{"weight": p.weights, "next": p.nexts}[param] {
			if _, ok := set.urls[name]; !ok {
				p.fail("a " + param + " is that of a node which is not there; there are " + strings.Join(set.nodes, ", "))
			}
		}
	}
	for _, name := range set.nodes {
		now, next := 1, 0
		if w, ok := p.weights[name]; ok {
			now = w
		}
		next = now
		if w, ok := p.nexts[name]; ok {
			next = w
		}
		if now > 0 {
			set.now = append(set.now, Node{name, now})
		}
		if next > 0 {
			set.next = append(set.next, Node{name, next})
		}
		differ = differ || now != next
		if now == 0 && next == 0 && len(set.nodes) > 1 {
			p.fail("node " + name + " has weight 0 and takes no part; leave it out, or give it a weight in the next set, as in next=" + name + ":1")
		}
	}
	switch {
	case len(set.now) == 0:
		p.fail("all nodes have weight 0")
	case len(set.next) == 0:
		p.fail("no node is left in the next set")
	case set.changing && !differ:
		p.fail("the next set is the present one; leave out next and next-placement")
	}
}
