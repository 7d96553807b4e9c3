package admin

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/larder-go/larder/internal/words"
)

// TestContrast: text on what it stands on, in both schemes, as WCAG counts it: 4.5 to 1 for text, 3 to 1 for what only has to be seen.
func TestContrast(t *testing.T) {
	light, dark, ok := strings.Cut(styleSheet, "@media (prefers-color-scheme: dark)")
	if !ok {
		t.Fatal("no dark scheme")
	}
	colour := regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6});`)
	for scheme, text := range map[string]string{"light": light, "dark": dark} {
		lightness := make(map[string]float64)
		for _, m := range colour.FindAllStringSubmatch(text, -1) {
			if _, twice := lightness[m[1]]; !twice {
				lightness[m[1]] = luminance(t, m[2])
			}
		}
		for pair, least := range map[string]float64{
			"ink ground": 4.5, "ink card": 4.5, "soft ground": 4.5, "soft card": 4.5, "green card": 4.5, "green well": 3, "green ground": 3, "on-green green": 4.5,
			"on-green deep": 4.5, "red card": 4.5, "red well": 4.5, "red ground": 4.5, "card red": 4.5, "amber ground": 4.5, "on-note note": 4.5, "edge card": 3, "edge ground": 3,
		} {
			a, b, _ := strings.Cut(pair, " ")
			one, ok := lightness[a]
			other, ok2 := lightness[b]
			if !ok || !ok2 {
				t.Fatalf("%s: no colours %q", scheme, pair)
			}
			if got := (max(one, other) + 0.05) / (min(one, other) + 0.05); got < least {
				t.Errorf("%s: %s on %s has a contrast of %.2f, less than %.1f", scheme, a, b, got, least)
			}
		}
	}
}

func luminance(t *testing.T, hex string) (sum float64) {
	var parts [3]uint8
	if _, err := fmt.Sscanf(hex, "#%02x%02x%02x", &parts[0], &parts[1], &parts[2]); err != nil {
		t.Fatal(hex, err)
	}
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		c := float64(parts[i]) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

// TestFilesAreSelfContained: the policy would refuse what comes from elsewhere, and what makes markup of a text.
func TestFilesAreSelfContained(t *testing.T) {
	for name, text := range map[string]string{"style": styleSheet, "script": script, "page": string(frame), "picture": strings.Replace(icon, "http://www.w3.org/2000/svg", "", 1)} {
		for _, foreign := range []string{"url(", "@import", "http:", "https:", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", " style=", " onclick=", "javascript:"} {
			if strings.Contains(text, foreign) {
				t.Errorf("the %s has %s", name, foreign)
			}
		}
	}
}

func TestWords(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{words.Size(0), "0 B"}, {words.Size(1023), "1023 B"}, {words.Size(1024), "1.0 KiB"}, {words.Size(10189), "10 KiB"}, {words.Size(1 << 20), "1.0 MiB"}, {words.Size(1<<63 - 1), "8.0 EiB"},
		{age(-5), "0s"}, {age(0.9), "0s"}, {age(59.9), "59s"}, {age(60), "1m"}, {age(61), "1m 1s"}, {age(3600), "1h"}, {age(90061), "1d 1h"}, {age(86460), "1d"},
		{took(0.0004), "0 ms"}, {took(0.25), "250 ms"}, {took(61), "1m 1s"}, {rate(0), "0"}, {rate(0.05), "<0.1"}, {rate(9.94), "9.9"}, {rate(1234.6), "1,235"},
		{words.Thousands(-1234567), "-1,234,567"}, {words.Thousands(999), "999"}, {plural(1, "a", "b"), "1 a"}, {plural(2000, "a", "b"), "2,000 b"},
		{visible("a b"), "a b"}, {visible(" a"), `" a"`}, {visible("a\u202eb"), `"a\u202eb"`},
		{cut(""), "…(0)"}, {cut("a"), "…(1)"}, {cut("abcdefghijklmnop"), "abcdef…(16)"}, {cut("ééé"), "é…(6)"}, {cut("\xff\xff\xff\xff"), "\xff\xff…(4)"},
		{bar(0, 10), "0"}, {bar(1, 100000), "1.00"}, {bar(5, 10), "50.00"}, {bar(0, 0), "0"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

// FuzzIDs: what is not an id of ours opens nothing, and what is opens to what it was made of.
func FuzzIDs(f *testing.F) {
	s := newSealer()
	f.Add("key", "AAAA")
	f.Add("", s.seal(idKey, "x"))
	f.Fuzz(func(t *testing.T, key, forged string) {
		kind, text, ok := s.open(s.seal(idKey, key))
		if !ok || kind != idKey || text != key {
			t.Errorf("%q became %q", key, text)
		}
		if _, text, ok := s.open(forged); ok && s.seal(idKey, text) != forged && s.seal(idCount, text) != forged {
			t.Errorf("%q opens to %q", forged, text)
		}
	})
}
