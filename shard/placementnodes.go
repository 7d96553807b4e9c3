package shard

import (
	"fmt"
	"slices"
	"unicode"
	"unicode/utf8"
)

const maxNodeName = 255 // bytes: as long as a host name may be

// nodeSet is what every placement has: the nodes that it was given, checked.
type nodeSet struct {
	algorithm string
	nodes     []Node
}

func (s nodeSet) Algorithm() string { return s.algorithm }
func (s nodeSet) Nodes() []Node     { return slices.Clone(s.nodes) }

// total is the sum of all weights.
func (s nodeSet) total() int {
	total := 0
	for _, n := range s.nodes {
		total += n.Weight
	}
	return total
}

// weighted says whether any node has a weight above 1.
func (s nodeSet) weighted() bool { return s.total() > len(s.nodes) }

func newNodeSet(algorithm string, nodes []Node) (nodeSet, error) {
	if len(nodes) == 0 {
		return nodeSet{}, ErrNoNodes
	}
	s := nodeSet{algorithm: algorithm, nodes: slices.Clone(nodes)}
	seen := make(map[string]bool, len(nodes))
	for i, n := range s.nodes {
		if err := n.check(); err != nil {
			return nodeSet{}, err
		}
		if seen[n.Name] {
			return nodeSet{}, fmt.Errorf("%w: the name %q is there twice: for more keys give a node more weight", ErrInvalidNode, n.Name)
		}
		seen[n.Name] = true
		s.nodes[i].Weight = max(1, n.Weight)
	}
	return s, nil
}

func (n Node) check() error {
	switch {
	case n.Name == "":
		return fmt.Errorf("%w: a name is empty", ErrInvalidNode)
	case len(n.Name) > maxNodeName:
		return fmt.Errorf("%w: a name has %d bytes, the limit is %d", ErrInvalidNode, len(n.Name), maxNodeName)
	case !utf8.ValidString(n.Name):
		return fmt.Errorf("%w: the name %q is not UTF-8", ErrInvalidNode, n.Name)
	case n.Weight < 0 || n.Weight > MaxWeight:
		return fmt.Errorf("%w: %q has weight %d: it goes from 1 to %d", ErrInvalidNode, n.Name, n.Weight, MaxWeight)
	}
	for _, r := range n.Name {
		if !unicode.IsPrint(r) { // nor what turns the rest of a line around, or looks like nothing at all
			return fmt.Errorf("%w: the name %q has %U in it, which cannot be printed", ErrInvalidNode, n.Name, r)
		}
	}
	return nil
}
