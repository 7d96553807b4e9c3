package mutants_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/store"
	"github.com/larder-go/larder/store/storetest"
	"github.com/larder-go/larder/store/storetest/internal/cases"
	"github.com/larder-go/larder/store/storetest/internal/goroutines"
	"github.com/larder-go/larder/store/storetest/mutants"
)

// config is what the suite is told of m.
func config(m *mutants.Mutant) cases.Config {
	cfg := cases.Config{
		New:        func(_ cases.T, e store.Expiry) store.Store { return m.New(e) },
		Timeout:    50 * time.Millisecond,
		MaxValue:   1_000_000,
		Limited:    m.MaxValue > 0,
		MaxKey:     store.MaxKeyLen,
		Lacks:      m.Lacks,
		Goroutines: goroutines.Count,
		Short:      testing.Short(),
	}
	if m.Reopen != nil {
		cfg.Reopen = func(_ cases.T, s store.Store) store.Store { return m.Reopen(s) }
	}
	if m.Corrupt != nil {
		cfg.Corrupt = func(_ cases.T, s store.Store, key string) { m.Corrupt(s, key) }
	}
	if m.Down != nil {
		cfg.Down = func(_ cases.T, s store.Store) func() { return m.Down(s) }
	}
	return cfg
}

// TestEveryMutantIsCaught runs, on each mutant, the case that names its fault: once, or 20 times where LARDER_SOAK is set.
func TestEveryMutantIsCaught(t *testing.T) {
	runs := 1
	if os.Getenv("LARDER_SOAK") != "" {
		runs = 20
	}
	all := cases.All()
	for _, m := range mutants.All() {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			i := slices.IndexFunc(all, func(c cases.Case) bool { return c.Name == m.Case })
			if i < 0 {
				t.Fatalf("there is no case %q", m.Case)
			}
			for range runs {
				failures, skipped := cases.Try(t.Context(), &all[i], config(&m))
				if len(failures) == 0 {
					t.Fatalf("a store that %s was not caught by %s (skipped: %q)", m.Fault, m.Case, skipped)
				}
				t.Logf("%s: %s\n%s", m.Case, failures[0], all[i].Rule)
			}
		})
	}
}

func TestMutantsAreDescribed(t *testing.T) {
	names, seen := map[string]bool{}, 0
	for _, m := range mutants.All() {
		if names[m.Name] || m.Name == "" || m.Fault == "" || m.New == nil || strings.HasSuffix(m.Fault, ".") {
			t.Errorf("%q: no name, or one that stands twice, no fault, or no New", m.Name)
		}
		names[m.Name] = true
		if m.Seen != "" {
			seen++
		}
	}
	if len(names) < 45 {
		t.Errorf("%d mutants; want at least 45", len(names))
	}
	t.Logf("%d mutants, the faults of %d seen in other code", len(names), seen)
}

// TestUnbroken runs the suite on what the mutants are made of.
func TestUnbroken(t *testing.T) {
	storetest.Run(t, storetest.Config{
		New:    func(_ *testing.T, e store.Expiry) store.Store { return mutants.Unbroken(e) },
		Bubble: true,
	})
}
