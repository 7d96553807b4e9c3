package cli

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// duration is a flag: what time.ParseDuration reads, days ("30d", "1d12h"), and bare whole numbers, which are seconds.
type duration time.Duration

func (d *duration) String() string {
	if *d == 0 {
		return "" // the flag's help shows no default
	}
	return age(time.Duration(*d))
}

func (d *duration) Type() string { return "duration" }

// Set refuses zero and less: a cleanup with --idle 0, or a budget of nothing, is more likely an empty variable than a wish.
func (d *duration) Set(text string) error {
	parsed, err := parseDuration(text)
	if err != nil {
		return err
	}
	if parsed <= 0 {
		return errors.New("it must be longer than zero; leave the flag out if you mean none")
	}
	*d = duration(parsed)
	return nil
}

var errDuration = errors.New("a duration is written as 90s, 24h, 30d or 1d12h; a bare number is seconds")

func parseDuration(text string) (time.Duration, error) {
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err == nil || errors.Is(err, strconv.ErrRange) {
		if err != nil || seconds > math.MaxInt64/int64(time.Second) || seconds < math.MinInt64/int64(time.Second) {
			return 0, errDuration
		}
		return time.Duration(seconds) * time.Second, nil
	}
	number, rest, hasDays := strings.Cut(text, "d")
	if !hasDays {
		number, rest = "0", text
	}
	days, err := strconv.ParseFloat(number, 64)
	// 106,000 days are almost all that a Duration can hold, and NaN is not less than them.
	if err != nil || !(math.Abs(days) < 106_000) || strings.ContainsAny(number, "xXpP_eE") {
		return 0, errDuration
	}
	total := time.Duration(days * 24 * float64(time.Hour))
	if rest == "" && hasDays {
		return total, nil
	}
	if hasDays && strings.ContainsAny(rest[:1], "+-") {
		return 0, errDuration
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d.Abs() > math.MaxInt64-total.Abs() {
		return 0, errDuration
	}
	if strings.HasPrefix(number, "-") {
		d = -d
	}
	return total + d, nil
}
