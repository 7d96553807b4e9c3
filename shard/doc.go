// Package shard spreads keys over several named nodes.
//
// # Placement
//
// A [Placement] answers one question: on which of these nodes does this key live? The answer depends on nothing but the key, the
// names of the nodes, their weights and the algorithm, so that every process that is told the same gives the same answer.
//
// # memcached fleets
//
// A [Selector] has a memcached client find servers by a placement, so that a Go program shares a fleet of caches with programs in
// other languages, key for key: docs/fleets.md says which placement is whose. Stores of package memstore take it as a selector, too, and
// URLs as memcached://host1,host2?placement=ketama.
package shard
