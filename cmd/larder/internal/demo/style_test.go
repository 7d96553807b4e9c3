package demo

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
)

// TestContrast: text on what it stands on, in both schemes, as WCAG counts it: 4.5 to 1 for text, 3 to 1 for what only has to be seen.
func TestContrast(t *testing.T) {
	light, dark, ok := strings.Cut(style, "@media (prefers-color-scheme: dark)")
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
			"ink ground": 4.5, "ink card": 4.5, "ink well": 4.5, "soft ground": 4.5, "soft card": 4.5, "soft well": 4.5,
			"green card": 4.5, "green ground": 4.5, "green well": 4.5, "on-green green": 4.5, "on-green deep": 4.5, "red card": 4.5, "red well": 4.5,
			"card red": 4.5, "amber card": 3, "amber well": 3, "amber ground": 3, "on-note note": 4.5, "edge card": 3, "edge ground": 3, "green line": 3,
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

// TestStyleIsSelfContained: the policy would refuse what comes from elsewhere.
func TestStyleIsSelfContained(t *testing.T) {
	for _, foreign := range []string{"url(", "@import", "http:", "https:"} {
		if strings.Contains(style, foreign) {
			t.Errorf("the style has %s", foreign)
		}
	}
}
