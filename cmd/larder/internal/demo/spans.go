package demo

import (
	"fmt"
	"time"
)

// span writes a duration in words, in its two largest units: "29 min 58 s", "6 days 23 h".
func span(d time.Duration) string {
	const day = 24 * time.Hour
	d = d.Round(time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return twoUnits(d, time.Minute, "min", time.Second, "s")
	case d < day:
		return twoUnits(d, time.Hour, "h", time.Minute, "min")
	case d < 2*day:
		return twoUnits(d, day, "day", time.Hour, "h")
	}
	return twoUnits(d, day, "days", time.Hour, "h")
}

func twoUnits(d, large time.Duration, l string, small time.Duration, s string) string {
	text := fmt.Sprintf("%d %s", d/large, l)
	if rest := d % large / small; rest > 0 {
		text += fmt.Sprintf(" %d %s", rest, s)
	}
	return text
}

// ago is how long something is past.
func ago(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < 10*time.Second:
		return "just now"
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", d/time.Minute)
	case d < day:
		return fmt.Sprintf("%d h ago", d/time.Hour)
	case d < 2*day:
		return "yesterday"
	}
	return fmt.Sprintf("%d days ago", d/day)
}
