// Command sim takes many nodes through losses, growth and re-weighting, and counts what that does to sessions that rendezvous, ketama-weighted and
// hashring place on them: how evenly they lie, how many move, how many cannot be reached. What came out stands in docs/simulation.md.
//
//	go run ./internal/sim
//
// writes docs/sim.csv and the plots next to it, in about a minute on two cores with nothing else to do. The same flags give the same bytes on every
// machine.
//
// # The model
//
// Sessions are keys as package session makes them, "s:" and a hash. After every event all of them are placed anew by package shard's own Placement:
// nothing is estimated. A set begins with nodes of weight 2 (six of ten), 4 (three) and 8 (one), as machines of three generations.
//
// An event changes the set once: nodes die, or nodes with new names join, or nodes get double or half their weight, each of the three as likely. Half of
// the events concern one node, three of ten a few, two of ten a rack: a fiftieth of the nodes that there were at first. All algorithms see the same events.
//
// The load of a node is the number of its sessions over the number that its weight stands for: 1 is perfect. No hash reaches 1, for chance spreads a
// thousand sessions per node unevenly; rows "chance" throw weighted dice for each session, anew after each event, to compare with.
//
// Moved are the sessions whose node changed. Least is how many move if loads follow the weights, before and after, and none moves without need: all sessions,
// times the sum of what nodes gain in share. Needless are moves without a cause in the event: from a node that neither died nor lost weight, to one that
// neither joined nor gained weight.
//
// # Out of reach
//
// Nothing is replicated, so sessions on a node that dies are out of reach until it is back. If it never is, the set is changed without it, and whoever
// had one of these sessions logs in again; the simulator goes on with as many sessions as before, under the same keys. They are the column lost.
//
// What a change of the set costs beyond that depends on how it is made. At once: each app server gets the new set and looks for a session where that
// says; those that moved are not there. In three roll-outs, as package shard wants it: the next set is read too; then it is written, and what moved
// is brought over; then the old set is dropped. Function reached walks a session through either, with app servers of both views at work during each
// roll-out. What it knows is where an entry may stand, and who looks where. That package shard does as it says, with writes, removals and kills at any
// moment, is for that package's tests to show.
package main
