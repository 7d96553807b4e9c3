package live_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/larder-go/larder/store"
	"github.com/larder-go/larder/store/storetest/live"
	"github.com/larder-go/larder/store/storetest/mutants"
)

// handle makes a Closer of a mutant.
type handle struct {
	full
	io.Closer
}

type full interface {
	store.Toucher
	store.Lister
	store.Swapper
	store.Sweeper
}

// plain is a handle on a mutant without abilities.
type plain struct {
	store.Store
	io.Closer
}

type nothing struct{}

func (nothing) Close() error { return nil }

func closer(s store.Store) store.Closer {
	if c, ok := s.(store.Closer); ok {
		return c
	}
	if f, ok := s.(full); ok {
		return handle{f, nothing{}}
	}
	return plain{s, nothing{}}
}

// unseen are the mutants that a check of a deployment cannot catch, and why, besides those that take a hook.
var unseen = map[string]string{
	"goroutines":    "package storetest counts them",
	"ability-late":  "a lack is found by asking, not declared",
	"key-empty":     "the empty key, with a prefix, is a key",
	"key-number":    "a number, with a prefix, is none",
	"list-deleted":  "what it lists has another prefix",
	"sweep-scanned": "how much there is to look at depends on others",
}

// TestMutantsAreCaught: what storetest finds in a store, a check of a deployment finds too.
func TestMutantsAreCaught(t *testing.T) {
	for _, m := range mutants.All() {
		if m.Reopen != nil || m.Corrupt != nil || m.Down != nil || m.Case == "abilities/list" { // which are asked for, not tested
			continue
		}
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			why := unseen[m.Name]
			if strings.HasPrefix(m.Name, "cleanup-") {
				why = "a deployment is swept by prefix, and never cleaned up as a whole"
			}
			report, err := live.Run(t.Context(), live.Config{
				Open:     func(_ context.Context, e store.Expiry) (store.Closer, error) { return closer(m.New(e)), nil },
				Alone:    true,
				MaxValue: m.MaxValue,
				Cases:    []string{m.Case},
			})
			caught := report == nil && err != nil || report != nil && len(report.Broken()) == 1
			if caught == (why != "") {
				t.Errorf("a store that %s: caught %v (%s): %+v, %v", m.Fault, caught, why, report, err)
			}
		})
	}
}
