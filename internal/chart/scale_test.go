package chart

import (
	"math"
	"testing"
)

func TestScale(t *testing.T) {
	for _, c := range []struct {
		low, high, most int64
		binary          bool
		top, step       int64
	}{
		{0, 0, 4, false, 1, 1},
		{0, 4, 4, false, 4, 1},
		{0, 5, 4, false, 6, 2},
		{0, 1999, 5, false, 2000, 500},
		{1000, 1999, 5, false, 2000, 200},
		{0, 490_020, 4, false, 600_000, 200_000},
		{0, 5 << 30, 4, true, 6 << 30, 2 << 30},
		{-30, 30, 6, false, 30, 10},
		{math.MinInt64, math.MaxInt64, 5, false, -1<<60 + 2_500_000_000_000_000_000, 500_000_000_000_000_000},
	} {
		s := newScale(c.low, c.high, c.most, 3000, c.binary)
		if s.high != c.top || s.step != c.step {
			t.Errorf("%+v: up to %d by %d", c, s.high, s.step)
		}
		if s.at(s.low) != 0 || s.at(s.high) != 3000 || s.at(math.MaxInt64) != 3000 || s.at(math.MinInt64) != 0 {
			t.Errorf("%+v: ends at %d and %d", c, s.at(s.low), s.at(s.high))
		}
	}
}

func TestFixed(t *testing.T) {
	for _, c := range []struct {
		have, want int
		value      int64
		text       string
	}{
		{3, 2, 1105, "1.11"}, {3, 2, 1104, "1.10"}, {3, 3, 5, "0.005"}, {3, 0, 1500, "2"}, {3, 2, -1105, "-1.11"}, {0, 0, 7, "7"}, {2, 1, 0, "0.0"}, {3, 2, 12_345_678, "12345.68"},
	} {
		if got := Fixed(c.have, c.want)(c.value); got != c.text {
			t.Errorf("Fixed(%d, %d)(%d) is %q, not %q", c.have, c.want, c.value, got, c.text)
		}
	}
}

func TestShort(t *testing.T) {
	for have, want := range map[string]string{"": "", "abc": "abc", "abcdefgh": "abcdefgh", "abcdefghi": "abcd…ghi", "ééééééééé": "éééé…ééé"} {
		if got := short(have, 8); got != want {
			t.Errorf("short(%q) is %q, not %q", have, got, want)
		}
	}
}
