package shard

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/larder-go/larder/store"
)

// MaxWeight is the greatest weight that a node may have.
const MaxWeight = 10_000

// The algorithms. The package comment says whom each agrees with and what moves when the set of nodes changes.
const (
	Rendezvous      = "rendezvous"       // the default
	Ketama          = "ketama"           // libmemcached's consistent hashing
	KetamaWeighted  = "ketama-weighted"  // libmemcached's weighted ketama, twemproxy's ketama with md5, uhashring's
	PythonHashRing  = "hash_ring"        // Python's hash_ring
	HashRing        = "hashring"         // the ring of the Tornado session framework, with its points in order
	ModPython       = "mod-python"       // python-memcached
	ModGomemcache   = "mod-gomemcache"   // gomemcache's ServerList
	ModLibmemcached = "mod-libmemcached" // libmemcached without any setting
)

// The same rules with other hashes, as some fleets are set up. A name is a rule, and behind the slash what its users call the hash.
const (
	KetamaMD5          = "ketama/md5"                // libmemcached: consistent hashing and hash md5
	KetamaWeightedFNV  = "ketama-weighted/fnv1a_64"  // twemproxy: ketama with its default hash
	KetamaUhashring    = "ketama-weighted/uhashring" // uhashring: ketama, down to where it and the C programs part
	ModLibmemcachedMD5 = "mod-libmemcached/md5"      // libmemcached: hash md5
	ModTwemproxyFNV    = "mod-twemproxy/fnv1a_64"    // twemproxy: modula with its default hash
	ModTwemproxyCRC    = "mod-twemproxy/crc32a"      // twemproxy: modula with hash crc32a
)

var (
	// ErrNoNodes says that there is no node to place a key on.
	ErrNoNodes = errors.New("no nodes")

	// ErrInvalidNode says that a set of nodes breaks a rule: a name that is empty, too long, not printable or there twice, or a
	// weight outside of 1 to MaxWeight. The text says which.
	ErrInvalidNode = errors.New("invalid node")

	// ErrUnknownAlgorithm says that no algorithm has this name. The text lists those that exist.
	ErrUnknownAlgorithm = errors.New("unknown placement algorithm")
)

// Node is one place for keys. The name is what is hashed, and it is not an address unless one makes it one: a node that keeps its
// name keeps its keys, on whatever host it runs.
type Node struct {
	Name   string // 1 to 255 bytes of printable UTF-8
	Weight int    // a node of weight 2 gets twice the keys of a node of weight 1; 0 counts as 1
}

// Placement says which node a key lives on. It never changes, and any number of goroutines may use it. Those that this package knows
// come from [NewPlacement].
type Placement interface {
	Algorithm() string    // "rendezvous", ...
	Nodes() []Node        // in the order in which they were given, weights filled in; a copy
	Place(key string) int // index into Nodes; allocates nothing
}

// NewPlacement places keys on these nodes by one of [Algorithms]; "" is [Rendezvous].
func NewPlacement(algorithm string, nodes []Node) (Placement, error) {
	p, err := newPlacement(algorithm, nodes)
	if err != nil {
		return nil, store.Wrap("shard", "placement", err)
	}
	return p, nil
}

func newPlacement(algorithm string, nodes []Node) (Placement, error) {
	if algorithm == "" {
		algorithm = Rendezvous
	}
	build := builder(algorithm)
	if build == nil {
		return nil, fmt.Errorf("%w %q: there are %s", ErrUnknownAlgorithm, algorithm, strings.Join(Algorithms(), ", "))
	}
	s, err := newNodeSet(algorithm, nodes)
	if err != nil {
		return nil, err
	}
	return build(s)
}

// algorithm is one way to place keys.
type algorithm struct {
	name  string
	build func(nodeSet) (Placement, error)
}

func algorithms() []algorithm {
	return []algorithm{
		{Rendezvous, newRendezvous},
		{Ketama, ketama(oneAtATime)},
		{KetamaWeighted, withMD5(ketamaWeighted(md5Word))},
		{PythonHashRing, withMD5(newPythonHashRing)},
		{HashRing, withMD5(newHashRing)},
		{ModPython, newModPython},
		{ModGomemcache, newModGomemcache},
		{ModLibmemcached, modLibmemcached(oneAtATime)},
		{KetamaMD5, withMD5(ketama(md5Word))},
		{KetamaWeightedFNV, withMD5(ketamaWeighted(fnv1a64))},
		{KetamaUhashring, withMD5(newUhashring)},
		{ModLibmemcachedMD5, withMD5(modLibmemcached(md5Word))},
		{ModTwemproxyFNV, modTwemproxy(fnv1a64)},
		{ModTwemproxyCRC, modTwemproxy(crc32Of)},
	}
}

// Algorithms returns the names of all algorithms, the default first.
func Algorithms() []string {
	var names []string
	for _, a := range algorithms() {
		names = append(names, a.name)
	}
	return names
}

func builder(name string) func(nodeSet) (Placement, error) {
	i := slices.IndexFunc(algorithms(), func(a algorithm) bool { return a.name == name })
	if i < 0 {
		return nil
	}
	return algorithms()[i].build
}
