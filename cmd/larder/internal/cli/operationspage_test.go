package cli

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// operationsPage is a page of docs whose commands are run, as docs/operations.md: its blocks of code.
type operationsPage struct {
	file   string
	blocks []pageBlock

	mu  sync.Mutex
	ran map[int]bool
}

type pageBlock struct {
	heading, language, text string
	line                    int
}

func readPage(t *testing.T, file string) *operationsPage {
	t.Helper()
	content, err := os.ReadFile("../../../../" + file)
	if err != nil {
		t.Fatal(err)
	}
	p := &operationsPage{file: file, ran: make(map[int]bool)}
	heading, inside := "", false
	for i, line := range strings.Split(string(content), "\n") {
		language, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && !inside:
			p.blocks = append(p.blocks, pageBlock{heading: heading, language: language, line: i + 1})
			inside = true
		case fence:
			inside = false
		case inside:
			p.blocks[len(p.blocks)-1].text += line + "\n"
		case strings.HasPrefix(line, "#"):
			heading = strings.TrimSpace(strings.TrimLeft(line, "#"))
		}
	}
	return p
}

// run HEADING [N] runs all commands under a heading of the page, or those of its Nth block alone, from 1; with a ! before it, the last of them must fail.
// A command that starts the demo leaves it running, and an export is there for what follows.
func (p *operationsPage) run(ts *testscript.TestScript, fails bool, args []string) {
	n := 0
	for i, b := range p.blocks {
		if b.heading != args[0] || b.language != "sh" {
			continue
		}
		if n++; len(args) > 1 && strings.Join(args[1:], "") != string(rune('0'+n)) {
			continue
		}
		p.mu.Lock()
		p.ran[i] = true
		p.mu.Unlock()
		ts.Logf("%s:%d\n%s", p.file, b.line, b.text)
		if rest, ok := strings.CutPrefix(b.text, "larder demo "); ok {
			startDemo(ts, false, strings.Fields(strings.ReplaceAll(quickly(ts, rest), "'", "")))
			continue
		}
		text := quickly(ts, b.text)
		if name, value, ok := strings.Cut(strings.TrimPrefix(text, "export "), "="); ok && strings.HasPrefix(text, "export ") {
			ts.Setenv(name, strings.Trim(strings.TrimSpace(value), "'"))
			continue
		}
		if err := ts.Exec("sh", "-e", "-c", text); fails != (err != nil) {
			ts.Fatalf("%s:%d: %v", p.file, b.line, err)
		}
		if i+1 < len(p.blocks) && p.blocks[i+1].language == "text" && p.blocks[i+1].heading == b.heading {
			p.compare(ts, p.blocks[i+1])
		}
	}
	if n == 0 {
		ts.Fatalf("%s has no commands under %q", p.file, args[0])
	}
}

// elsewhere puts the addresses of the script in place of those that the page takes for its examples.
func elsewhere(ts *testscript.TestScript, text string) string {
	text = strings.ReplaceAll(text, "postgres://app@db/app", ts.Getenv("POSTGRES"))
	for i := range 4 {
		if node := ts.Getenv(fmt.Sprint("CACHE", i+1)); node != "" {
			text = strings.ReplaceAll(text, fmt.Sprint("redis://cache", i+1), node)
		}
	}
	if d := demoOf(ts); d.url != "" {
		text = strings.ReplaceAll(text, "http://127.0.0.1:8080", d.url)
	}
	text = strings.NewReplacer("/run/app", ts.Getenv("SOCKETS"), "127.0.0.1:8081", ts.Getenv("ADMIN")).Replace(text)
	return regexp.MustCompile(`(/etc/(?:larder|systemd|cron\.d)|/var/lib/(?:app|larder|prometheus)|/backup)\b`).
		ReplaceAllString(text, ts.MkAbs(".")+"$1")
}

// quickly is elsewhere for commands: where a set of nodes changes, all programs look more often whether that is done, as $RECHECK says.
func quickly(ts *testscript.TestScript, text string) string {
	text = elsewhere(ts, text)
	if recheck := ts.Getenv("RECHECK"); recheck != "" {
		text = regexp.MustCompile(`(&next=\w:\d)((?:&prepare=true)?')`).ReplaceAllString(text, "${1}&recheck="+recheck+"${2}")
	}
	return text
}

// compare holds what the last commands have printed against the page. Numbers, times and the width of columns may be others; a line with … alone stands
// for any lines, and within a line it stands for anything.
func (p *operationsPage) compare(ts *testscript.TestScript, want pageBlock) {
	var pattern strings.Builder
	pattern.WriteString(`\A`)
	for line := range strings.Lines(elsewhere(ts, want.text)) {
		if strings.TrimSpace(line) == "…" {
			pattern.WriteString(`(?:.*\n)*?`)
			continue
		}
		pattern.WriteString(looseLine(line) + `\n`)
	}
	pattern.WriteString(`\z`)
	got := ts.ReadFile("stdout") + ts.ReadFile("stderr")
	if !regexp.MustCompile(pattern.String()).MatchString(got) {
		ts.Fatalf("%s:%d says that this is printed:\n%s\nand it was:\n%s", p.file, want.line, want.text, got)
	}
}

// looseLine matches lines that differ from this one in numbers, durations, bars and the width of columns only.
func looseLine(line string) string {
	var words []string
	for word := range strings.FieldsSeq(line) {
		word = strings.ReplaceAll(regexp.QuoteMeta(word), "…", `\S*`)
		word = regexp.MustCompile(`[█▌▏]+`).ReplaceAllString(word, `\S+`)
		words = append(words, regexp.MustCompile(`\d[\d,.:]*(?:(?:ms|µs|d|h|m|s)\b\d*)*`).ReplaceAllString(word, `[\d,.:msdhµ]+`))
	}
	return `[ \t]*` + strings.Join(words, `[ \t]+`) + `[ \t]*`
}

// complete demands that every command of the page was run.
func (p *operationsPage) complete(t *testing.T) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, b := range p.blocks {
		if !slices.Contains([]string{"sh", "text", "go", "dockerfile"}, b.language) {
			t.Errorf("%s:%d: a block of %q; commands are sh, what they print is text", p.file, b.line, b.language)
		}
		if b.language == "sh" && !p.ran[i] {
			t.Errorf("%s:%d: no script runs the commands under %q", p.file, b.line, b.heading)
		}
	}
}
