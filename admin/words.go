package admin

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// These write numbers for people. The page's script has the same, for what it brings up to date.

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(int64(n)) + " " + many
}

func thousands(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// size writes a number of bytes with three significant digits at most.
func size(n int64) string {
	if n < 1024 {
		return strconv.FormatInt(n, 10) + " B"
	}
	value, units := float64(n)/1024, "KMGTPE"
	for value >= 999.5 && len(units) > 1 {
		value, units = value/1024, units[1:]
	}
	decimals := 0
	if value < 9.95 {
		decimals = 1
	}
	return strconv.FormatFloat(value, 'f', decimals, 64) + " " + units[:1] + "iB"
}

// age writes a number of seconds in its two largest units.
func age(seconds float64) string {
	s := int64(max(seconds, 0))
	units := []struct {
		name    string
		seconds int64
	}{{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}}
	for i, u := range units {
		if s < u.seconds {
			continue
		}
		text := strconv.FormatInt(s/u.seconds, 10) + u.name
		if i+1 < len(units) {
			if rest := s % u.seconds / units[i+1].seconds; rest > 0 {
				text += " " + strconv.FormatInt(rest, 10) + units[i+1].name
			}
		}
		return text
	}
	return "0s"
}

// took writes how long something took.
func took(seconds float64) string {
	if seconds < 1 {
		return fmt.Sprintf("%.0f ms", seconds*1000)
	}
	return age(seconds)
}

// rate writes how many a second.
func rate(perSecond float64) string {
	switch {
	case perSecond == 0:
		return "0"
	case perSecond < 0.1:
		return "<0.1"
	case perSecond < 10:
		return strconv.FormatFloat(perSecond, 'f', 1, 64)
	}
	return thousands(int64(perSecond + 0.5))
}

// visible quotes a key that holds what cannot be seen, or could turn the text around it.
func visible(key string) string {
	if strings.TrimSpace(key) != key || strings.ContainsFunc(key, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(key)
	}
	return key
}

// deadline writes when an entry ends.
func deadline(expires *time.Time, now time.Time) string {
	if expires == nil {
		return "none"
	}
	return "in " + age(expires.Sub(now).Seconds())
}
