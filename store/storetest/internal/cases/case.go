// Package cases holds the cases of the conformance suite in a form that needs no package testing: each runs against a [T], which
// may be a *testing.T or a [Recorder]. Package storetest runs them as subtests, package mutants expects them to fail.
package cases

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/larder-go/larder/store"
)

// T is what a case asks of its test: a part of *testing.T.
type T interface {
	Helper()
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any) // only from the goroutine of the case
	Skipf(format string, args ...any)  // likewise
	Failed() bool
	Cleanup(func())
	Context() context.Context
}

// Config is storetest.Config with a T in place of *testing.T and the defaults filled in. A nil hook skips what needs it.
type Config struct {
	New      func(t T, e store.Expiry) store.Store
	Timeout  time.Duration
	Slack    time.Duration
	MaxValue int
	Limited  bool // MaxValue is the store's limit, not only what it must take
	MaxKey   int
	Lacks    []string
	Reopen   func(t T, s store.Store) store.Store
	Down     func(t T, s store.Store) (up func())
	Corrupt  func(t T, s store.Store, key string)
	// Goroutines calls do, which may ask how many goroutines it has started that are still there: see package goroutines.
	Goroutines func(ctx context.Context, do func(ctx context.Context, count func() int))

	Bubble bool // time is that of a testing/synctest bubble: edges are exact
	Short  bool
}

// Case is one rule of the contract, or one way to break it.
type Case struct {
	Name  string   // stable: theme/fault
	Rule  string   // the sentence that is broken where the case fails, after its heading in the package comment of store
	Needs []string // abilities and hooks without which there is nothing to test
	Waits bool     // it mostly waits, and runs beside others
	Run   func(e *Env)
}

// The abilities that a store may lack, and the hooks that a Config may lack. Each ability has a case "abilities/NAME" that
// fails where the ability is missing.
const (
	Swap    = "swap"    // Load, Peek and Swap, and so Update
	List    = "list"    // List
	Sweep   = "sweep"   // Sweep with more than an idle time
	Touch   = "touch"   // a Touch of its own; without it Touch falls back to Get, and need not be declared
	Timeout = "timeout" // entries go by themselves when nobody uses them
	Cleanup = "cleanup" // Cleanup removes by idle time and counts; lacking where the backend expires by itself

	reopen  = "Reopen"
	down    = "Down"
	corrupt = "Corrupt"

	goroutines = "Goroutines"
)

// Abilities are those that Config.Lacks may name.
func Abilities() []string { return []string{Swap, List, Sweep, Touch, Timeout, Cleanup} }

// All returns every case, in the order in which they run.
func All() []Case {
	return slices.Concat(
		abilityCases(), keyCases(), valueCases(), ownerCases(),
		useCases(), absentCases(), doorCases(), deadlineCases(),
		versionCases(), swapCases(), raceCases(), deleteCases(),
		cleanupCases(), cleanupRaceCases(), sweepCases(), listCases(),
		corruptCases(), errorCases(), contextCases(), outageCases(), concurrencyCases(), handleCases(),
	)
}

// Env is what a case runs with: its test, and the store's configuration.
type Env struct {
	T
	Config
	ctx context.Context
}

// NewEnv prepares a run of one case.
func NewEnv(t T, cfg Config) *Env { return &Env{T: t, Config: cfg, ctx: t.Context()} }

// Missing returns the first thing that c needs and that cfg says is not there, or "". hook tells whether it is a hook.
func (cfg *Config) Missing(c *Case) (name string, hook bool) {
	for _, need := range c.Needs {
		switch {
		case need == reopen && cfg.Reopen == nil, need == down && cfg.Down == nil, need == corrupt && cfg.Corrupt == nil,
			need == goroutines && cfg.Goroutines == nil:
			return need, true
		case strings.HasPrefix(need, "no ") && !cfg.lacks(need[3:]), cfg.lacks(need):
			return need, false
		}
	}
	return "", false
}

func (cfg *Config) lacks(name string) bool { return slices.Contains(cfg.Lacks, name) }

// open opens a new, empty store.
func (e *Env) open(x store.Expiry) store.Store {
	e.Helper()
	s := e.New(e.T, x)
	if s == nil {
		e.Fatalf("New returned nil")
	}
	return s
}

// forever opens a store that keeps its entries.
func (e *Env) forever() store.Store { e.Helper(); return e.open(store.Expiry{}) }

// n scales a number of repetitions.
func (e *Env) n(full, short int) int {
	if e.Short {
		return short
	}
	return full
}
