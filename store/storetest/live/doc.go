// Package live runs the conformance suite against a deployment that is in use, without package testing: which promises does this very
// server keep, set up as it is? The command larder check is made of it; package storetest is for tests of a store.
//
// It writes under a random prefix of its own, gives each store that a case asks for a prefix below that, and looks, lists and cleans up
// nowhere else, whatever time-out a case asks for. What it wrote, it removes: after cases that failed and after a cancel, too.
// Where the store lists, it looks whether anything is left. A process that is killed leaves entries whose keys begin with [Prefix].
//
// What it cannot do to a deployment, it does not test: to take it down, or to damage a record.
package live
