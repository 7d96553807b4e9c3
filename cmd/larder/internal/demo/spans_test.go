package demo

import (
	"testing"
	"time"
)

func TestSpans(t *testing.T) {
	const day = 24 * time.Hour
	for d, want := range map[time.Duration][2]string{
		0:                                {"0 s", "just now"},
		400 * time.Millisecond:           {"0 s", "just now"},
		59 * time.Second:                 {"59 s", "59 s ago"},
		59*time.Second + 9e8:             {"1 min", "59 s ago"},
		29*time.Minute + 58*time.Second:  {"29 min 58 s", "29 min ago"},
		12 * time.Hour:                   {"12 h", "12 h ago"},
		12*time.Hour + 90*time.Second:    {"12 h 1 min", "12 h ago"},
		day + time.Hour:                  {"1 day 1 h", "yesterday"},
		30*day - 30*time.Minute:          {"29 days 23 h", "29 days ago"},
		30 * day:                         {"30 days", "30 days ago"},
		-time.Second:                     {"-1 s", "just now"}, // clocks of two machines
		30*day + time.Hour + time.Second: {"30 days 1 h", "30 days ago"},
	} {
		if got := [2]string{span(d), ago(d)}; got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}
