//go:build unix

package crashtest

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"
)

// series is how many crashes one store goes through before a new one takes its place.
const series = 50

// TestSoak crashes the real stores: a seeded share in every run, and with LARDER_SOAK=1 the campaign: 10,000 kills and 1,000 cuts of each.
// LARDER_SOAK_KILLS and LARDER_SOAK_CUTS change the counts, LARDER_SOAK_SEED the first seed.
func TestSoak(t *testing.T) {
	for _, s := range subjects() {
		t.Run(s.Name, func(t *testing.T) {
			t.Run("kills", func(t *testing.T) { soak(t, s, "kills", count(t, "LARDER_SOAK_KILLS", 100, 30, 10_000)) })
			t.Run("cuts", func(t *testing.T) { soak(t, s, "cuts", count(t, "LARDER_SOAK_CUTS", 15, 5, 1000)) })
		})
	}
}

func soak(t *testing.T, s Subject, crash string, cycles int) {
	seed := number(t, "LARDER_SOAK_SEED", uint64(1))
	begun := time.Now()
	var all Report
	for ; all.Cycles < cycles; seed++ {
		c := Campaign{Subject: s, Seed: seed, Cycles: min(series, cycles-all.Cycles), Options: mountOptions(seed)}
		done := t.Run(fmt.Sprintf("seed%d", seed), func(t *testing.T) {
			if c.Dir = scratch(t); crash == "kills" && seed%4 == 0 {
				c.Dir = t.TempDir() // where fsync takes its time, kills meet other moments
			}
			c.Dir += "/"
			r := runCampaign(t, crash, c)
			all.Add(r)
			for _, f := range r.Findings {
				t.Errorf("%s of %s, mounted with %q\n%v\nAgain: LARDER_SOAK_SEED=%d go test -count=1 -run 'TestSoak/%s/%s' ./internal/crashtest",
					crash, s.Name, c.Options, f, seed, s.Name, crash)
			}
		})
		if !done || all.Cycles == 0 {
			break
		}
	}
	if all.Acked < all.Cycles {
		t.Errorf("%d writes acknowledged in %d crashes: that proves nothing", all.Acked, all.Cycles)
	}
	took := time.Since(begun)
	t.Logf("%s of %s: %v, in %v, %v each", crash, s.Name, all, took.Round(time.Second), (took / time.Duration(max(all.Cycles, 1))).Round(time.Microsecond))
}

// mountOptions takes ext4's default mode every other time. None of these may tear anything.
func mountOptions(seed uint64) string {
	return [...]string{"", "commit=1", "", "data=journal"}[seed%4]
}

// count is how many crashes there are to be.
func count(t *testing.T, env string, usual, short, soak int) int {
	n := usual
	switch {
	case os.Getenv("LARDER_SOAK") != "":
		n = soak
	case testing.Short():
		n = short
	}
	return number(t, env, n)
}

func number[T int | uint64](t *testing.T, env string, otherwise T) T {
	text := os.Getenv(env)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		t.Fatalf("%s=%q is no number", env, text)
	}
	return T(n)
}
