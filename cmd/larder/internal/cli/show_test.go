package cli

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/larder-go/larder/internal/idle"
	"github.com/larder-go/larder/internal/words"
)

func TestShortenedKeyIsRecognisableAndOfNoUse(t *testing.T) {
	for _, test := range []struct{ key, want string }{
		{"a", "…(1)"},
		{"ж", "…(2)"},
		{"ab", "a…(2)"},
		{"abc", "a…(3)"},
		{"12345678901", "12345…(11)"},
		{"greeting", "gree…(8)"},
		{"0123456789ab", "012345…(12)"},
		{strings.Repeat("k", 1024), "kkkkkk…(1024)"},
		{"пользователь", "пользо…(24)"},
		{"\x1b[2Jaaaaaaaaaaaa", `"\x1b[2Jaa…(16)"`},
		{"\u202egnp.exe", `"\u202egnp…(10)"`},
		{"\u009b31mred", `"\u009b31…(8)"`},
		{"line\nbreak", `"line\n…(10)"`},
		{" x", `" …(2)"`},
		{`"quoted"`, `"\"quo…(8)"`},
	} {
		if got := showKey(test.key, false); got != test.want {
			t.Errorf("showKey(%q) = %s, want %s", test.key, got, test.want)
		}
		shown, _, _ := strings.Cut(shorten(test.key), "…")
		if 2*utf8.RuneCountInString(shown) > utf8.RuneCountInString(test.key) {
			t.Errorf("shorten(%q) shows %q, which is more than half", test.key, shown)
		}
	}
	for _, test := range []struct{ key, want string }{
		{"greeting", "greeting"},
		{"two words", "two words"},
		{"ключ", "ключ"},
		{"tab\there", `"tab\there"`},
		{"a\x7f", `"a\x7f"`},
		{"trailing ", `"trailing "`},
		{"zero\u200bwidth", `"zero\u200bwidth"`},
		{"é", "é"},
	} {
		if got := showKey(test.key, true); got != test.want {
			t.Errorf("showKey(%q, full) = %s, want %s", test.key, got, test.want)
		}
	}
}

func TestJSONSteersNoTerminal(t *testing.T) {
	var all strings.Builder
	for r := range rune(0x30000) { // beyond lie 14 planes of nothing and private use
		if utf8.ValidRune(r) {
			all.WriteRune(r)
		}
	}
	line, err := marshal(all.String())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range string(line[:len(line)-1]) {
		if hostile(r) {
			t.Fatalf("%U comes out as it is", r)
		}
	}
	var got string
	if err := json.Unmarshal(line, &got); err != nil || got != all.String() {
		t.Fatalf("what was escaped does not come back: %v", err)
	}
}

func TestHumanUnits(t *testing.T) {
	for _, test := range []struct {
		n    int64
		want string
	}{
		{0, "0 B"}, {1, "1 B"}, {1023, "1023 B"}, {1024, "1.0 KiB"}, {1536, "1.5 KiB"}, {10 * 1024, "10 KiB"}, {1023 * 1024, "1.0 MiB"},
		{999 * 1024, "999 KiB"}, {1 << 20, "1.0 MiB"}, {5 << 30, "5.0 GiB"}, {1<<63 - 1, "8.0 EiB"}, {10188, "9.9 KiB"}, {10200, "10 KiB"},
	} {
		if got := words.Size(test.n); got != test.want || len(got) > 8 {
			t.Errorf("words.Size(%d) = %q, want %q", test.n, got, test.want)
		}
	}
	for _, test := range []struct {
		d    time.Duration
		want string
	}{
		{0, "0s"}, {250 * time.Millisecond, "250ms"}, {59 * time.Second, "59s"}, {time.Minute, "1m"}, {61 * time.Second, "1m1s"},
		{3*time.Hour + 12*time.Minute + 5*time.Second, "3h12m"}, {24 * time.Hour, "1d"}, {125 * time.Hour, "5d5h"},
		{30 * 24 * time.Hour, "30d"}, {-time.Minute, "-1m"}, {1500 * time.Millisecond, "1s"},
	} {
		if got := age(test.d); got != test.want {
			t.Errorf("age(%v) = %q, want %q", test.d, got, test.want)
		}
	}
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1234: "-1,234"} {
		if got := thousands(n); got != want {
			t.Errorf("thousands(%d) = %q, want %q", n, got, want)
		}
	}
	if one, many := entries(1), entries(1200); one != "1 entry" || many != "1,200 entries" {
		t.Errorf("entries: %q, %q", one, many)
	}
}

func TestDurations(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "24h": day, "1h30m": 90 * time.Minute, "30d": 30 * day, "1d12h": 36 * time.Hour, "1.5d": 36 * time.Hour,
		"45": 45 * time.Second, "0.5d1m": 12*time.Hour + time.Minute, "1ns": 1, "0": 0, "-1d": -day, "-1d12h": -36 * time.Hour, "-5": -5 * time.Second,
		"100000d": 100000 * day,
	} {
		if got, err := parseDuration(text); err != nil || got != want {
			t.Errorf("parseDuration(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "d", "1dd", "1d-2h", "1d+2h", "3weeks", "1 d", "1h1d", "NaNd", "Infd", "1e9d", "0x1d", "106000d", "9999999999999999999",
		"9223372036854775807", "1_0d", "105999d2000000h", "-105999d2000000h", "1d2"} {
		if got, err := parseDuration(text); err == nil {
			t.Errorf("parseDuration(%q) = %v, want an error", text, got)
		}
	}
}

func TestHistogram(t *testing.T) {
	h := idle.New()
	for _, unused := range []time.Duration{-time.Hour, 0, time.Minute - 1, time.Minute, 59 * time.Minute, time.Hour, 24 * time.Hour,
		7*24*time.Hour - 1, 30 * 24 * time.Hour, 900 * 24 * time.Hour} {
		idle.Add(h, unused, 10)
	}
	var got []int
	total := int64(0)
	for _, b := range h {
		got = append(got, b.Entries)
		total += b.Bytes
	}
	if want := []int{3, 1, 1, 1, 0, 2, 0, 2}; len(got) != len(want) || total != 100 {
		t.Fatalf("%v, %d bytes", got, total)
	} else {
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("%v, want %v", got, want)
			}
		}
	}
	for range 99_999 {
		idle.Add(h, 0, 0)
	}
	const want = `not used for      entries
under 1 minute    100,002  ██████████████████████████████
under 10 minutes        1  █
under 1 hour            1  █
under 6 hours           1  █
under 1 day             0
under 7 days            2  █
under 30 days           0
longer                  2  █
`
	if got := histogramText(h); got != want {
		t.Errorf("the histogram is\n%s, want\n%s", got, want)
	}
	for _, line := range strings.Split(histogramText(h), "\n") {
		if utf8.RuneCountInString(line) > 80 {
			t.Errorf("over 80 columns: %q", line)
		}
	}
}
