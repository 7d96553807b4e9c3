package admin

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/larder-go/larder/internal/words"
)

// These write numbers for people. The page's script has the same, for what it brings up to date.

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return words.Thousands(int64(n)) + " " + many
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
	return words.Thousands(int64(perSecond + 0.5))
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
