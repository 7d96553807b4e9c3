// Package shard spreads keys over several named nodes.
//
// # Placement
//
// A [Placement] answers one question: on which of these nodes does this key live? The answer depends on nothing but the key, the
// names of the nodes, their weights and the algorithm, so that every process that is told the same gives the same answer.
package shard
