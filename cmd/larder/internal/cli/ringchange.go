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
	pairs, others, recheck := r.written()
	hidden := false
	for _, name := range r.Nodes {
		inner := r.URLs[name]
		shown := store.Redact(inner)
		if inner == "" {
			shown = urlToCome
		} else if shown != inner {
			hidden = true
		}
		if shown != inner || pairs[name] == "" {
			pairs[name] = nodePair(name, shown)
		}
	}
	now, next, usual := weightsOf(r.Now), weightsOf(r.Next), make(map[string]int)
	var change, done ringQuery
	for _, name := range r.Nodes {
		usual[name] = 1
		change = append(change, pairs[name])
		if next[name] > 0 {
			done = append(done, pairs[name])
		}
	}
	change.weights("weight", r.Nodes, now, usual)
	change.placement("placement", r.Now.Algorithm(), shard.Rendezvous)
	change.weights("next", r.Nodes, next, now)
	change.placement("next-placement", r.Next.Algorithm(), r.Now.Algorithm())
	done.weights("weight", slices.DeleteFunc(slices.Clone(r.Nodes), func(name string) bool { return next[name] == 0 }), next, usual)
	done.placement("placement", r.Next.Algorithm(), shard.Rendezvous)
	change = append(append(change, recheck...), others...)
	done = append(done, others...)
	second := change.url()
	return ringRollouts{second + "&prepare=true", second, done.url(), hidden}
}

// written takes the parameters of the URL apart: those of the nodes by name, recheck, and what has nothing to do with the set.
func (r *ring) written() (nodes map[string]string, others, recheck []string) {
	nodes = make(map[string]string)
	_, query, _ := strings.Cut(r.raw, "?")
	for _, pair := range strings.Split(query, "&") {
		param, value, _ := strings.Cut(pair, "=")
		param, _ = url.QueryUnescape(param)
		switch param {
		case "node":
			text, _ := url.QueryUnescape(value)
			name, _, _ := strings.Cut(text, "=")
			nodes[name] = pair
		case "recheck":
			recheck = append(recheck, pair)
		case "", "weight", "placement", "next", "next-placement", "prepare", "nonempty":
		default:
			others = append(others, pair)
		}
	}
	return nodes, others, recheck
}

// ringQuery is the parameters of a URL in the making.
type ringQuery []string

func (q *ringQuery) weights(param string, names []string, weights, usual map[string]int) {
	for _, name := range names {
		if w := weights[name]; w != usual[name] {
			*q = append(*q, param+"="+escape(name+":"+strconv.Itoa(w)))
		}
	}
}

func (q *ringQuery) placement(param, algorithm, usual string) {
	if algorithm != usual {
		*q = append(*q, param+"="+algorithm)
	}
}

func (q ringQuery) url() string { return shardScheme + ":?" + strings.Join(q, "&") }

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
