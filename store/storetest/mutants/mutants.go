// Package mutants holds stores that are broken on purpose, each in one way. They measure the conformance suite: every one of
// them must be caught by the case that names its fault. Most of the faults stand, or stood, in code that is in use; Seen says
// where. Faults that show only in a crash or beside a server are kept with the backends.
package mutants

import (
	"slices"

	"github.com/larder-go/larder/store"
)

// Mutant is a store that breaks one rule.
type Mutant struct {
	Name  string
	Fault string // what it does wrong
	Seen  string // where the fault was seen; "" where it is only thinkable
	Case  string // the case of package storetest that must catch it

	New      func(e store.Expiry) store.Store
	Reopen   func(s store.Store) store.Store // a second handle, where the fault needs one
	Corrupt  func(s store.Store, key string)
	Down     func(s store.Store) (up func())
	MaxValue int      // the store's limit, where the fault is about it
	Lacks    []string // abilities that it does not claim to have
}

// All returns every mutant.
func All() []Mutant {
	return slices.Concat(keyMutants(), valueMutants(), swapMutants(), versionMutants(), useMutants(), expiryMutants(), deadlineMutants(),
		cleanupMutants(), sweepMutants(), listMutants(), errorMutants(), outageMutants(), concurrencyMutants(), handleMutants())
}
