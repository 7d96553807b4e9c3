package otel

import (
	"os"
	"strings"
	"testing"
)

// TestPage: docs/observability.md shows the lines of the program that TestPrometheus runs, one after the other.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../../../docs/observability.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "## Prometheus")
	_, rest, _ = strings.Cut(rest, "```go\n")
	shown, _, ok := strings.Cut(rest, "```")
	program, err := os.ReadFile("prometheus_test.go")
	if err != nil {
		t.Fatal(err)
	}
	plain := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	if !ok || !strings.Contains(plain(string(program)), plain(shown)) {
		t.Errorf("the page shows another program:\n%s", shown)
	}
}
