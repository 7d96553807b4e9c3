package storetest_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/larder-go/larder/store"
	"github.com/larder-go/larder/store/storetest"
)

// lower is a Map that folds the case of what it is asked for.
type lower struct{ *store.Map }

func (l lower) Contains(ctx context.Context, key string) (bool, error) {
	return l.Map.Contains(ctx, strings.ToLower(key))
}

func newLower(t *testing.T, e store.Expiry) store.Store { return lower{newMap(t, e).(*store.Map)} }

// failing are configurations whose Run must fail, and what it must say.
var failing = []struct {
	name, run string
	cfg       storetest.Config
	says      []string
}{
	{"no New", "", storetest.Config{}, []string{"Config.New is nil"}},
	{"unknown lack", "none", storetest.Config{New: newMap, Lacks: []string{"swop"}}, []string{`"swop"`, "swap, list, sweep"}},
	{"ability that works", "abilities/list", storetest.Config{New: newMap, Lacks: []string{"list"}}, []string{"declared lack works"}},
	{"interface that works", "abilities/touch", storetest.Config{New: newMap, Lacks: []string{"Toucher"}}, []string{"declared lack works"}},
	{"case that works", "keys/pairs", storetest.Config{New: newMap, Lacks: []string{"keys/pairs"}}, []string{"declared lack works"}},
	{"undeclared lack", "abilities", storetest.Config{New: newCustom, Lacks: []string{"list", "timeout"}}, []string{"cannot Swap", "cannot Sweep"}},
	{"broken rule", "keys/pairs", storetest.Config{New: newLower}, []string{"case:", "the rule that was broken:", "Keys: Distinct keys never meet"}},
}

// TestRunFails runs this test binary again for each of failing, since a subtest that fails, fails its parent.
func TestRunFails(t *testing.T) {
	const child = "LARDER_STORETEST_CHILD"
	for _, f := range failing {
		t.Run(f.name, func(t *testing.T) {
			switch os.Getenv(child) {
			case f.name:
				storetest.Run(t, f.cfg)
				return
			case "":
			default:
				t.Skip("another child's")
			}
			pattern := "^TestRunFails$/^" + strings.ReplaceAll(f.name, " ", "_") + "$/" + f.run
			cmd := exec.Command(os.Args[0], "-test.v", "-test.run", pattern)
			cmd.Env = append(os.Environ(), child+"="+f.name)
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Errorf("Run says nothing:\n%s", out)
			}
			for _, want := range f.says {
				if !strings.Contains(string(out), want) {
					t.Errorf("Run does not say %q:\n%s", want, out)
				}
			}
		})
	}
}

// TestKnownFault declares the cases that a fault fails: then they must fail, and Run passes.
func TestKnownFault(t *testing.T) {
	storetest.Run(t, storetest.Config{New: newLower, Lacks: []string{"keys/pairs", "keys/hostile", "keys/refused", "sweep/prefix"}, Bubble: true})
}
