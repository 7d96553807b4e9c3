package storetest

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/store"
	"github.com/larder-go/larder/store/storetest/internal/cases"
	"github.com/larder-go/larder/store/storetest/internal/goroutines"
)

// Config says how to open the store under test and what it can do. Only New is needed.
type Config struct {
	// New opens a new, empty store with this Expiry, and lets t clean up what it opened. A case may call it several times.
	New func(t *testing.T, e store.Expiry) store.Store

	Timeout  time.Duration // the shortest Timeout that this store can keep; default 50 ms
	Slack    time.Duration // lateness allowed beyond the contract's; default 0
	MaxValue int           // largest value that it takes, one byte more is ErrTooLarge; default: 1,000,000 at least
	MaxKey   int           // longest key; default 1024
	Lacks    []string      // abilities or cases that it does not have; an undeclared lack fails, so does a declared one that works

	Reopen  func(t *testing.T, s store.Store) store.Store // the same data through a second handle, with the same Expiry
	Down    func(t *testing.T, s store.Store) (up func()) // make the backend unreachable, and reachable again
	Corrupt func(t *testing.T, s store.Store, key string) // damage the record under key so that it cannot be read

	Bubble bool // run each case in a testing/synctest bubble
}

// Run tests the store that cfg describes.
func Run(t *testing.T, cfg Config) {
	t.Helper()
	if cfg.New == nil {
		t.Fatal("storetest: Config.New is nil")
	}
	all := cases.All()
	cfg.Lacks = slices.Clone(cfg.Lacks)
	for i, name := range cfg.Lacks {
		cfg.Lacks[i] = cmp.Or(interfaces[name], name)
	}
	cfg.checkLacks(t, all)
	var waiting sync.WaitGroup
	defer waiting.Wait()
	room := make(chan struct{}, beside)
	for _, c := range all {
		if c.Waits {
			continue
		}
		t.Run(c.Name, func(t *testing.T) { cfg.run(t, &c) })
	}
	// Not by t.Parallel: its subtests would go on after Run has returned, when the caller may have let go of the backend.
	for _, c := range all {
		if !c.Waits {
			continue
		}
		waiting.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			t.Run(c.Name, func(t *testing.T) { cfg.run(t, &c) })
		})
	}
}

// interfaces lets Lacks name an ability by its interface.
var interfaces = map[string]string{"Swapper": cases.Swap, "Lister": cases.List, "Sweeper": cases.Sweep, "Toucher": cases.Touch}

// beside is how many cases wait at the same time.
const beside = 16

func (cfg *Config) checkLacks(t *testing.T, all []cases.Case) {
	t.Helper()
	for _, name := range cfg.Lacks {
		known := slices.Contains(cases.Abilities(), name) || slices.ContainsFunc(all, func(c cases.Case) bool { return c.Name == name })
		if !known {
			t.Errorf("storetest: Config.Lacks names %q, which is no case and none of the abilities %s", name, strings.Join(cases.Abilities(), ", "))
		}
	}
}

// run runs one case, or says why not.
func (cfg *Config) run(t *testing.T, c *cases.Case) {
	portable := cfg.portable(t)
	if need, hook := portable.Missing(c); hook {
		t.Skipf("Config.%s is nil: not tested", need)
	} else if rest, ok := strings.CutPrefix(need, "no "); ok {
		t.Skipf("only for stores that lack %q", rest)
	} else if need != "" {
		t.Skipf("the store lacks %q: not tested", need)
	}
	lacking := slices.Contains(cfg.Lacks, c.Name)
	if ability, ok := strings.CutPrefix(c.Name, "abilities/"); ok && slices.Contains(cfg.Lacks, ability) {
		lacking = true
	}
	cfg.bubble(t, func(t *testing.T) {
		if lacking {
			expectLack(t, c, cfg.portable(t))
			return
		}
		defer func() {
			if t.Failed() {
				t.Logf("the rule that was broken:\n%s", c.Rule)
			}
		}()
		c.Run(cases.NewEnv(t, cfg.portable(t)))
	})
}

// expectLack runs a case that must fail, or be skipped, and says which of both.
func expectLack(t *testing.T, c *cases.Case, portable cases.Config) {
	failures, skipped := cases.Try(t.Context(), c, portable)
	switch {
	case len(failures) > 0:
		t.Logf("declared as lacking, and lacking: %s", failures[0])
	case skipped != "":
		t.Logf("declared as lacking, and not told: %s", skipped)
	default:
		t.Errorf("declared lack works: take it out of Config.Lacks")
	}
}

func (cfg *Config) bubble(t *testing.T, f func(t *testing.T)) {
	if !cfg.Bubble {
		f(t)
		return
	}
	synctest.Test(t, f)
}

// portable is cfg for the cases, which know nothing of package testing: its hooks are given t.
func (cfg *Config) portable(t *testing.T) cases.Config {
	p := cases.Config{
		New:        func(_ cases.T, e store.Expiry) store.Store { t.Helper(); return cfg.New(t, e) },
		Timeout:    cmp.Or(cfg.Timeout, 50*time.Millisecond),
		Slack:      cfg.Slack,
		MaxValue:   cmp.Or(cfg.MaxValue, 1_000_000),
		Limited:    cfg.MaxValue > 0,
		MaxKey:     cmp.Or(cfg.MaxKey, store.MaxKeyLen),
		Lacks:      cfg.Lacks,
		Bubble:     cfg.Bubble,
		Goroutines: goroutines.Count,
		Short:      testing.Short(),
	}
	if cfg.Reopen != nil {
		p.Reopen = func(_ cases.T, s store.Store) store.Store { return cfg.Reopen(t, s) }
	}
	if cfg.Down != nil {
		p.Down = func(_ cases.T, s store.Store) func() { return cfg.Down(t, s) }
	}
	if cfg.Corrupt != nil {
		p.Corrupt = func(_ cases.T, s store.Store, key string) { cfg.Corrupt(t, s, key) }
	}
	return p
}
