package cli

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
	"github.com/spf13/cobra"
)

// ringChangeFlags say how a set is to change.
type ringChangeFlags struct {
	add, remove, weight []string
	placement           string
}

func (f *ringChangeFlags) register(c *cobra.Command) {
	flags := c.Flags()
	flags.Var((*repeated)(&f.add), "add", "add a node; repeatable: `NAME[:WEIGHT][=URL]`")
	flags.Var((*repeated)(&f.remove), "remove", "take the node `NAME` out; repeatable")
	flags.Var((*repeated)(&f.weight), "weight", "another weight; repeatable: `NAME:WEIGHT`")
	flags.StringVar(&f.placement, "placement", "", "place keys by another `ALGORITHM`")
}

// repeated is a flag that may be given again. pflag's own of this kind would bring encoding/csv into the command.
type repeated []string

func (r *repeated) String() string { return "" }
func (r *repeated) Type() string   { return "string" }

func (r *repeated) Set(text string) error {
	*r = append(*r, text)
	return nil
}

func (f *ringChangeFlags) none() bool {
	return len(f.add) == 0 && len(f.remove) == 0 && len(f.weight) == 0 && f.placement == ""
}

// apply makes the ring's next set of what the flags say.
func (f *ringChangeFlags) apply(r *ring, mux store.Mux) error {
	const adviceNodes = "larder ring status --no-count lists the nodes"
	next := r.Now.Nodes()
	find := func(name string) int {
		return slices.IndexFunc(next, func(n shard.Node) bool { return n.Name == name })
	}
	changed := make(map[string]bool)
	once := func(name string) error {
		if changed[name] {
			return usage("name each node once", "two changes of node %q", name)
		}
		changed[name] = true
		return nil
	}
	for _, name := range f.remove {
		i := find(name)
		if i < 0 {
			return usage(adviceNodes, "--remove: there is no node %q", store.Redact(name))
		}
		if err := once(name); err != nil {
			return err
		}
		next = slices.Delete(next, i, i+1)
	}
	for _, text := range f.weight {
		name, weight, err := nameAndWeight(text)
		switch {
		case err != nil:
			return usage(fmt.Sprintf("a weight is a number from 1 to %s; --remove takes a node out", thousands(shard.MaxWeight)), "--weight: %w", err)
		case weight == 0:
			return usage("write it as --weight NAME:WEIGHT", "--weight %q has no weight", store.Redact(name))
		case find(name) < 0 && !changed[name]:
			return usage(adviceNodes, "--weight: there is no node %q", store.Redact(name))
		}
		if err := once(name); err != nil {
			return err
		}
		next[find(name)].Weight = weight
	}
	for _, text := range f.add {
		text, rawURL, _ := strings.Cut(text, "=")
		name, weight, err := nameAndWeight(text)
		if err != nil {
			return usage(fmt.Sprintf("a weight is a number from 1 to %s; a name that ends as a port does needs one, as in host:11211:1", thousands(shard.MaxWeight)), "--add: %w", err)
		}
		if scheme, _, more := strings.Cut(name, ":"); strings.ContainsAny(name, "@?#") || strings.Contains(name, "://") || more && mux[scheme] != nil {
			return usage("write it as --add NAME=URL", "--add: a URL stands where the name of the new node should")
		}
		if _, there := r.URLs[name]; there {
			return usage("give the new node a name of its own, or another --weight to the one that is there", "--add: there is a node %q already", name)
		}
		if rawURL != "" {
			if rawURL, err = urlFrom(rawURL); err != nil {
				return err
			}
			for other, that := range r.URLs {
				if that == rawURL {
					return usage("each node needs a store of its own", "--add: node %q has that URL already", other)
				}
			}
		}
		r.Nodes = append(r.Nodes, name)
		r.URLs[name] = rawURL
		next = append(next, shard.Node{Name: name, Weight: max(weight, 1)})
	}
	algorithm := r.Now.Algorithm()
	if f.placement != "" {
		algorithm = f.placement
	}
	if len(next) == 0 {
		return usage("add another before, or drop the store with it", "no node would be left")
	}
	p, err := shard.NewPlacement(algorithm, next)
	if err != nil {
		return &failure{exitUsage, err, "a name is 1 to 255 bytes of printable UTF-8"}
	}
	if algorithm == r.Now.Algorithm() && slices.Equal(p.Nodes(), r.Now.Nodes()) {
		return usage("say what is to change", "the next set would be the present one")
	}
	r.Next = p
	return nil
}

// nameAndWeight reads NAME or NAME:WEIGHT; the name may have colons. Without a weight it is 0.
func nameAndWeight(text string) (name string, weight int, err error) {
	i := strings.LastIndexByte(text, ':')
	if i < 0 || strings.Trim(text[i+1:], "0123456789-") != "" {
		return text, 0, nil
	}
	weight, err = strconv.Atoi(text[i+1:])
	if err != nil || weight < 1 || weight > shard.MaxWeight {
		return "", 0, fmt.Errorf("the weight of node %q is out of range", store.Redact(text[:i]))
	}
	return text[:i], weight, nil
}

// ringRollouts are the URLs by which a running site changes its set, one after another, without passwords.
type ringRollouts struct {
	Prepare   string `json:"prepare"`
	Rebalance string `json:"rebalance"`
	Done      string `json:"done"`
	Hidden    bool   `json:"hidden"` // xxxxx stands in them where a password does
}

// urlToCome stands in a URL for that of a node which is not there yet.
const urlToCome = "URL"

// rollouts writes them. What the URL of today says stands there as it is written, in its own encoding.
func (r *ring) rollouts() ringRollouts {
	pairs := make(map[string]string)
	var others []string
	recheck, hidden := "", false
	_, query, _ := strings.Cut(r.raw, "?")
	query, _, _ = strings.Cut(query, "#")
	for pair := range strings.SplitSeq(query, "&") {
		param, value, _ := strings.Cut(pair, "=")
		param, _ = url.QueryUnescape(param)
		text, _ := url.QueryUnescape(value)
		switch param {
		case "node":
			name, inner, _ := strings.Cut(text, "=")
			pairs[name] = pair
			if shown := store.Redact(inner); shown != inner {
				pairs[name], hidden = nodePair(name, shown), true
			}
		case "recheck":
			recheck = pair
		case "", "weight", "placement", "next", "next-placement", "prepare", "nonempty":
		default:
			others = append(others, pair)
		}
	}
	for _, name := range r.Nodes {
		if pairs[name] == "" { // to be added
			inner := r.URLs[name]
			shown := store.Redact(inner)
			hidden = hidden || shown != inner
			if inner == "" {
				shown = urlToCome
			}
			pairs[name] = nodePair(name, shown)
		}
	}
	now, next := weightsOf(r.Now), weightsOf(r.Next)
	var change, done []string
	add := func(to *[]string, param, value string) { *to = append(*to, param+"="+escape(value)) }
	for _, name := range r.Nodes {
		change = append(change, pairs[name])
		if next[name] > 0 {
			done = append(done, pairs[name])
		}
	}
	for _, name := range r.Nodes {
		if now[name] != 1 {
			add(&change, "weight", fmt.Sprintf("%s:%d", name, now[name]))
		}
		if next[name] > 1 {
			add(&done, "weight", fmt.Sprintf("%s:%d", name, next[name]))
		}
	}
	if algorithm := r.Now.Algorithm(); algorithm != shard.Rendezvous {
		add(&change, "placement", algorithm)
	}
	if algorithm := r.Next.Algorithm(); algorithm != shard.Rendezvous {
		add(&done, "placement", algorithm)
	}
	for _, name := range r.Nodes {
		if now[name] != next[name] {
			add(&change, "next", fmt.Sprintf("%s:%d", name, next[name]))
		}
	}
	if r.Next.Algorithm() != r.Now.Algorithm() {
		add(&change, "next-placement", r.Next.Algorithm())
	}
	if recheck != "" {
		change = append(change, recheck)
	}
	change, done = append(change, others...), append(done, others...)
	whole := func(pairs []string) string { return shardScheme + ":?" + strings.Join(pairs, "&") }
	return ringRollouts{whole(append(change[:len(change):len(change)], "prepare=true")), whole(change), whole(done), hidden}
}

func weightsOf(p shard.Placement) map[string]int {
	weights := make(map[string]int)
	for _, n := range p.Nodes() {
		weights[n.Name] = n.Weight
	}
	return weights
}

func nodePair(name, inner string) string { return "node=" + escape(name+"="+inner) }

// escape encodes the value of a parameter so that people can still read it.
func escape(value string) string {
	return strings.NewReplacer("%3A", ":", "%2F", "/", "%3D", "=", "%3F", "?", "%40", "@", "+", "%20").Replace(url.QueryEscape(value))
}
