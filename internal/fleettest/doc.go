// Package fleettest has tests only. They show that a fleet of memcached servers can be shared with what others use: libmemcached's tools, pylibmc,
// python-memcached and twemproxy find what Go wrote where shard.Selector put it, and the other way round, under every key; and what a server that
// is down means to each.
//
// The clients and their settings stand in one list (others_test.go), and docs/fleets.md has a row for each: a test holds the two together. In CI a
// client that is missing is a failure: see package testneed.
package fleettest
