package units

import (
	"slices"
	"testing"
	"time"

	"github.com/robfig/cron/v3"
)

// checkSchedule demands two runs an hour, half an hour apart, and not at the full hour, when everybody's jobs run. The parser is the one of Kubernetes.
func checkSchedule(t *testing.T, schedule string) {
	t.Helper()
	parsed, err := cron.ParseStandard(schedule)
	if err != nil {
		t.Errorf("%q: %v", schedule, err)
		return
	}
	at := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	for range 48 {
		next := parsed.Next(at)
		if m := next.Minute(); m != 9 && m != 39 || next.Sub(at) > 31*time.Minute {
			t.Fatalf("%q: after %v comes %v", schedule, at, next)
		}
		at = next
	}
}

// maxTime is the time budget in a command line.
func maxTime(t *testing.T, words []string) time.Duration {
	t.Helper()
	i := slices.Index(words, "--max-time")
	if i < 0 || i+1 == len(words) {
		t.Fatalf("no --max-time in %q", words)
	}
	d, err := time.ParseDuration(words[i+1])
	if err != nil {
		t.Fatal(err)
	}
	return d
}
