//go:build unix

package crashtest

import (
	"slices"
	"testing"

	"github.com/larder-go/larder/internal/testneed"
)

// The harness is worth what it catches: each fault, most of them within 100 crashes, and nothing where there is none.
func TestSelfCheck(t *testing.T) {
	subjects := append(toys(), boltNoSync())
	for _, test := range []struct {
		crash   string
		subject string
		cycles  int
		kinds   []string // what may be found; none: the store is correct
	}{
		{"kills", "correct", 50, nil},
		{"kills", "writes in place", 100, []string{Torn, Broken}},
		{"kills", "never sweeps", 100, []string{Litter}},
		{"kills", "revives the dead", 400, []string{Returned}},
		{"cuts", "correct", 50, nil},
		{"cuts", "no fsync of the file", 100, []string{Torn, Broken}},
		{"cuts", "no fsync of the folder", 100, []string{Lost, Returned}},
		{"cuts", "no fsync of a delete", 100, []string{Returned}},
		{"cuts", "bbolt without fsync", 100, []string{Lost, Torn, Broken, Returned}},
		{"cuts", "trusts an absence", 1000, []string{Returned}},
	} {
		t.Run(test.crash+"/"+test.subject, func(t *testing.T) {
			if test.cycles >= 1000 && testing.Short() {
				t.Skip("a fault that shows once in some dozens of cuts")
			}
			i := slices.IndexFunc(subjects, func(s Subject) bool { return s.Name == test.subject })
			c := Campaign{Subject: subjects[i], Seed: number(t, "LARDER_SOAK_SEED", uint64(1)), Cycles: test.cycles, Dir: scratch(t)}
			r := runCampaign(t, test.crash, c)
			t.Log(r)
			switch {
			case test.kinds == nil && len(r.Findings) > 0:
				t.Errorf("seed %d: found where nothing is wrong: %v", c.Seed, r.Findings[0])
			case test.kinds != nil && len(r.Findings) == 0:
				t.Errorf("seed %d: not found in %d crashes", c.Seed, r.Cycles)
			}
			for _, f := range r.Findings {
				if test.kinds != nil && !slices.Contains(test.kinds, f.Kind) {
					t.Errorf("seed %d: found for another reason: %v", c.Seed, f)
				}
			}
		})
	}
}

// runCampaign kills or cuts.
func runCampaign(t *testing.T, crash string, c Campaign) Report {
	t.Helper()
	run := Kills
	if crash == "cuts" {
		needCuts(t)
		run = Cuts
	}
	r, err := run(t.Context(), c)
	if err != nil {
		t.Fatalf("seed %d: %v", c.Seed, err)
	}
	return r
}

func needCuts(t *testing.T) {
	t.Helper()
	if err := CanCut(); err != nil {
		testneed.Missing(t, testneed.Cuts, err.Error())
	}
}
