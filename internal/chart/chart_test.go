package chart

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata anew")

// pictures are the plots that testdata holds: look at them after a change.
func pictures() map[string]func(w io.Writer) error {
	bars := func(p BarPlot) func(io.Writer) error { return func(w io.Writer) error { return Bars(w, p) } }
	lines := func(p LinePlot) func(io.Writer) error { return func(w io.Writer) error { return Lines(w, p) } }
	var forty, many []Bar
	for i := range int64(40) {
		forty = append(forty, Bar{fmt.Sprintf("10.0.0.%d:11211", i), 4<<30 + i*i<<21, 4<<30 + i<<20, 4 << 30})
	}
	for i := range int64(1000) {
		many = append(many, Bar{fmt.Sprint("n", i), 1000 + i*7919%300, 1000 + i*7919%150, 1075})
	}
	var flat, steep, wild []int64
	for i := range int64(51) {
		flat, steep, wild = append(flat, 1105+i%3*7), append(steep, 1100+i*10), append(wild, 1900+i*i%7*23)
	}
	return map[string]func(io.Writer) error{
		"nodes": bars(BarPlot{
			Title: "Entries per node if d joins and a leaves", Caption: "shard: with placement=rendezvous, 750,000 entries",
			Before: "now", After: "next", Mark: "share by weight", Rows: []Bar{
				{"a", 250_123, 0, 0}, {"b", 249_981, 187_402, 187_500}, {"session-cache-eu-west-1.internal:11211", 249_896, 375_210, 375_000}, {"d", 0, 187_388, 187_500},
			},
		}),
		"two":    bars(BarPlot{Title: "<Two> & no more", Rows: []Bar{{"x\x00\xff\"y'", 1, 2, 0}, {"", 0, 0, 0}}}),
		"forty":  bars(BarPlot{Title: "Bytes per node", Rows: forty, Mark: "the mean", Binary: true, Format: func(n int64) string { return fmt.Sprint(n>>20, " MiB") }}),
		"many":   bars(BarPlot{Title: "Entries per node", Caption: "A thousand nodes.", Rows: many, Mark: "by weight"}),
		"none":   bars(BarPlot{Title: "Nothing"}),
		"ratios": lines(LinePlot{Title: "Most and least loaded node", X: "event", Format: Fixed(3, 2), Series: []Series{{"rendezvous", flat, nil, false}, {"ketama-weighted", steep, []int64{900, 700}, false}, {"hashring", wild, nil, false}, {"fourth", []int64{2400, 2300, 2200}, nil, false}, {"by chance", []int64{1100, 1200}, nil, true}}}),
		"sums":   lines(LinePlot{Title: "Moved in all", Caption: "A line that is so long that it takes two lines of text, and no more than that.", X: "event", First: 1, Series: []Series{{"one", []int64{0, 10_000, 1_250_000}, nil, false}}}),
		"dot":    lines(LinePlot{Title: "One value", Series: []Series{{"one", []int64{7}, nil, false}}}),
		"silent": lines(LinePlot{Title: "No value"}),
		"huge":   lines(LinePlot{Title: "Large and negative", Series: []Series{{"one", []int64{-4 << 60, 0, 4<<60 - 1}, nil, false}}}),
	}
}

func TestPictures(t *testing.T) {
	for name, draw := range pictures() {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			if err := draw(&got); err != nil {
				t.Fatal(err)
			}
			wellFormed(t, got.Bytes())
			file := filepath.Join("testdata", name+".svg")
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("%s differs; after a look at it: go test ./internal/chart -update", file)
			}
		})
	}
}

// wellFormed reads the file as XML, and holds it to what every picture has: a title first, a description, all text within the picture.
func wellFormed(t *testing.T, data []byte) {
	t.Helper()
	var names, open []string
	var wide, high float64
	for dec := xml.NewDecoder(bytes.NewReader(data)); ; {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			names, open = append(names, token.Name.Local), append(open, token.Name.Local)
			attributes := map[string]string{}
			for _, a := range token.Attr {
				if _, again := attributes[a.Name.Local]; again {
					t.Errorf("an element %s has two attributes %s", token.Name.Local, a.Name.Local)
				}
				attributes[a.Name.Local] = a.Value
			}
			switch token.Name.Local {
			case "svg":
				if _, err := fmt.Sscanf(attributes["viewBox"], "0 0 %g %g", &wide, &high); err != nil || attributes["role"] != "img" {
					t.Errorf("the picture has viewBox %q and role %q", attributes["viewBox"], attributes["role"])
				}
			case "text":
				x, _ := strconv.ParseFloat(attributes["x"], 64)
				y, _ := strconv.ParseFloat(attributes["y"], 64)
				if x < 0 || x > wide || y < 10 || y > high {
					t.Errorf("text at %g %g, the picture is %g by %g", x, y, wide, high)
				}
			}
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) == 0 && strings.TrimSpace(string(token)) != "" {
				t.Errorf("text outside: %q", token)
			}
		}
	}
	if len(names) < 4 || names[0] != "svg" || names[1] != "title" || names[2] != "desc" {
		t.Errorf("the picture begins with %q", names[:min(len(names), 4)])
	}
	for _, word := range []string{"NaN", "<script", "href", "\x00"} {
		if bytes.Contains(data, []byte(word)) {
			t.Errorf("the picture has %q", word)
		}
	}
}

// TestContrast reckons the contrast of every colour with the ground, as the WCAG defines it.
func TestContrast(t *testing.T) {
	light, dark, _ := strings.Cut(style, "@media")
	rules := regexp.MustCompile(`(?m)^(.larder-chart [^{]*)\{([^}]*)\}`)
	colour := regexp.MustCompile(`(fill|stroke):(#[0-9a-f]{6})`)
	for name, part := range map[string]string{"light": light, "dark": dark} {
		ground := regexp.MustCompile(`\.ground\{fill:(#[0-9a-f]{6})`).FindStringSubmatch(part)[1]
		checked := 0
		for _, rule := range rules.FindAllStringSubmatch(part, -1) {
			for _, m := range colour.FindAllStringSubmatch(rule[2], -1) {
				least := 3.0
				switch what := rule[1]; {
				case m[2] == ground, strings.Contains(what, ".grid"):
					continue // behind something
				case strings.HasSuffix(what, "text"), strings.Contains(what, ".soft"):
					least = 4.5
				}
				if got := contrast(m[2], ground); got < least {
					t.Errorf("%s: %s has contrast %.2f with the ground, under %g", name, rule[0], got, least)
				}
				checked++
			}
		}
		if checked < 11 {
			t.Errorf("%s: only %d colours found", name, checked)
		}
	}
}

func contrast(a, b string) float64 {
	luminance := func(hex string) float64 {
		n, _ := strconv.ParseUint(hex[1:], 16, 32)
		part := func(shift int) float64 {
			c := float64(n>>shift&0xff) / 255
			if c <= 0.04045 {
				return c / 12.92
			}
			return math.Pow((c+0.055)/1.055, 2.4)
		}
		return 0.2126*part(16) + 0.7152*part(8) + 0.0722*part(0)
	}
	one, two := luminance(a), luminance(b)
	return (max(one, two) + 0.05) / (min(one, two) + 0.05)
}

// TestDifferentLooks: no two lines differ in colour alone.
func TestDifferentLooks(t *testing.T) {
	seen := map[string]string{}
	for _, class := range []string{"s0", "s1", "s2", "s3", "plain"} {
		m := regexp.MustCompile(`\.` + class + `\{[^}]*`).FindString(style)
		dashes := regexp.MustCompile(`dasharray:[^;]*`).FindString(m)
		if m == "" || seen[dashes] != "" {
			t.Errorf("%s has the dashes %q of %q", class, dashes, seen[dashes])
		}
		seen[dashes] = class
	}
}
