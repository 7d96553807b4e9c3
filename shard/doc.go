// Package shard spreads keys over several named nodes.
//
// # Placement
//
// A [Placement] answers one question: on which of these nodes does this key live? The answer depends on nothing but the key, the
// names of the nodes, their weights and the algorithm, so that every process that is told the same gives the same answer. [NewPlacement]
// makes one, which never changes; a [Ring] is for sets that change while a program runs.
//
//	algorithm         agrees with                        when the set changes                 most loaded of 10 nodes
//	rendezvous        this package, on every machine     only what must move moves            1.01 of the mean
//	ketama            libmemcached: consistent           nearly so; a weight above 1 anywhere 1.22
//	                                                     turns it to ketama-weighted's points
//	ketama-weighted   libmemcached: ketama weighted,     nearly so                            1.11
//	                  pylibmc; twemproxy: ketama with
//	                  md5; uhashring
//	hash_ring         hash_ring of Python                nearly so                            1.08
//	hashring          the ring of the Tornado session    nearly so                            1.15
//	                  framework, mended
//	mod-python        python-memcached                   nine keys of ten move                1.004
//	mod-gomemcache    gomemcache's ServerList            nine keys of ten move                1.004
//	mod-libmemcached  libmemcached as it comes           nine keys of ten move                1.005
//
// Take rendezvous, unless programs in other languages share the servers. A node that comes takes keys for itself only, a node
// that goes leaves those of others alone, and a weight that grows draws keys to its node only. A node of weight w has w times the
// keys of a node of weight 1. Which node a key lives on is pinned, for all versions and machines, and does not depend on the
// order of the nodes.
//
// "Nearly so": the share of points that a node has on a ring is rounded from its weight's share of the sum. While all weights are
// the same, a node that comes takes keys for itself only (but for a rounding of the C programs, see 25 nodes below). With
// different weights every node's number of points may change, and some keys move between nodes that stay. On a ring a node whose
// share is below one point gets no key at all, as one of weight 1 beside one of weight 10,000; rendezvous gives it its share.
//
// How weights count is the affair of those whom an algorithm agrees with: mod-libmemcached has no use for them, for mod-python
// and mod-gomemcache a node stands in the list as often as its weight says, and ketama turns to other points as soon as one is
// above 1, though it goes on hashing keys as before.
//
// Some fleets use these rules with another hash: ketama/md5, ketama-weighted/fnv1a_64 (twemproxy's default),
// ketama-weighted/uhashring (which rounds, and treats names, as uhashring does: the C programs differ for sets such as 25 equal
// nodes), mod-libmemcached/md5, mod-twemproxy/fnv1a_64, mod-twemproxy/crc32a.
//
// # Names
//
// Names are hashed, not addresses. A node that is called after what it is, such as "sessions-2", may move to another host and
// keeps its keys; a node that gets another name is another node. In a fleet that is shared, names must be what the other clients
// hash: "host:port" mostly. As libmemcached and twemproxy do, ketama and ketama-weighted leave memcached's own port away, so that
// "cache1" and "cache1:11211" are one name to them; and, as libmemcached does, the brackets of "[::1]:11212".
//
// No hash here is secret. Who can choose keys can choose their node, and so fill one: let programs draw keys at random, as
// package session does.
//
// # Sources
//
// Rendezvous hashing is by Thaler and Ravishankar (1998), its weights by way of logarithms are by Schindelhauer and Schomaker
// (2005). The others were written after what their clients do, and are held to placements that were recorded from these: pylibmc
// 1.6.3 on libmemcached 1.1.4, python-memcached 1.58, twemproxy 0.5.0, uhashring 2.4, hash_ring, and gomemcache itself.
//
// # memcached fleets
//
// A [Selector] has a memcached client find servers by a placement, so that a Go program shares a fleet of caches with programs in
// other languages, key for key: docs/fleets.md says which placement is whose. Stores of package memstore take it as a selector, too, and
// URLs as memcached://host1,host2?placement=ketama.
package shard
