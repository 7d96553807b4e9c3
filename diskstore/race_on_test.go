//go:build race

package diskstore_test

// raceOn: a process with the race detector takes long to begin and end under strace, so fewer are started.
const raceOn = true
