package cli

import (
	"context"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/cleanup"
	"github.com/larder-go/larder/store"
)

// withinTheProgram is the code of docs/operations.md.
func withinTheProgram(ctx context.Context, s store.Store) {
	go cleanup.Loop(ctx, s, &cleanup.Options{Interval: 30 * time.Minute, Logger: slog.Default()})
}

// TestOperationsCode: each line of Go on the page is in this file, where the compiler has read it.
func TestOperationsCode(t *testing.T) {
	source, err := os.ReadFile("operationsfacts_test.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, b := range readPage(t, "docs/operations.md").blocks {
		if b.language != "go" {
			continue
		}
		for line := range strings.Lines(b.text) {
			if found++; !strings.Contains(string(source), strings.TrimSpace(line)) {
				t.Errorf("docs/operations.md: %s", line)
			}
		}
	}
	if found == 0 {
		t.Error("there is no Go on the page")
	}
	s := store.NewMap(&store.MapOptions{Expiry: store.Expiry{Timeout: time.Millisecond, TouchAfter: -1}})
	if err := s.Set(t.Context(), "key", nil); err != nil {
		t.Fatal(err)
	}
	withinTheProgram(t.Context(), s)
}

// TestOperationsExitCodes: the page has every exit code of the commands, and no other.
func TestOperationsExitCodes(t *testing.T) {
	page, err := os.ReadFile("../../../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "\n## Exit codes\n")
	var got, want []int
	for _, row := range regexp.MustCompile(`(?m)^\| (\d+) \|.*\|.*\|$`).FindAllStringSubmatch(table, -1) {
		code, _ := strconv.Atoi(row[1])
		got = append(got, code)
	}
	for code := range 256 {
		if exitMeaning(code) != "" {
			want = append(want, code)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the page has the exit codes %v, the commands have %v", got, want)
	}
}
