package units

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/larder-go/larder/internal/testserver"
)

const root = "../../.."

func TestMain(m *testing.M) { os.Exit(run(testserver.With(m))) }

// The tests share one binary; it stands where they find it, so that none needs a variable of the package.
func run(m *testserver.M) int {
	folder, err := os.MkdirTemp("", "larder-units-")
	if err == nil {
		defer os.RemoveAll(folder)
		build := exec.Command("go", "build", "-o", filepath.Join(folder, "larder"), "./cmd/larder")
		build.Dir, build.Env = root, append(os.Environ(), "CGO_ENABLED=0")
		if out, failed := build.CombinedOutput(); failed != nil {
			err = fmt.Errorf("go build ./cmd/larder: %w\n%s", failed, out)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	os.Setenv("PATH", folder+string(os.PathListSeparator)+os.Getenv("PATH"))
	for _, name := range []string{"LARDER_STORE", "LARDER_STORE_FILE"} {
		os.Unsetenv(name)
	}
	return m.Run()
}

// larder runs the command of this checkout.
func larder(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	c := exec.Command("larder", args...)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil && c.ProcessState == nil {
		t.Fatal(err)
	}
	return c.ProcessState.ExitCode(), out.String(), errs.String()
}

// unit is a file of contrib.
func unit(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, "contrib", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// cleanupArgs is what follows `larder cleanup` in a command line of a unit.
func cleanupArgs(t *testing.T, words []string) []string {
	t.Helper()
	if len(words) < 2 || filepath.Base(words[0]) != "larder" || words[1] != "cleanup" {
		t.Fatalf("%q is not larder cleanup", words)
	}
	return words[2:]
}

// seeded makes a store of files with an entry in it, and returns its URL.
func seeded(t *testing.T) string {
	t.Helper()
	url := "file://" + filepath.ToSlash(t.TempDir()) + "/store"
	c := exec.Command("larder", "set", "--store", url, "key")
	c.Stdin = strings.NewReader("value")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return url
}

// exitCodes is the table of `larder cleanup --help`.
func exitCodes(t *testing.T) map[int]string {
	t.Helper()
	code, help, stderr := larder(t, "cleanup", "--help")
	if code != 0 {
		t.Fatalf("%d, %s", code, stderr)
	}
	_, table, found := strings.Cut(help, "\nExit codes:\n")
	if !found {
		t.Fatalf("no exit codes in\n%s", help)
	}
	codes := make(map[int]string)
	for _, line := range regexp.MustCompile(`(?m)^ +(\d+) +(.+)$`).FindAllStringSubmatch(table, -1) {
		n, _ := strconv.Atoi(line[1])
		codes[n] = line[2]
	}
	return codes
}

// gentle are the exit codes that are no failures, and what the command must say of them.
func gentle() map[int]string {
	return map[int]string{11: "another", 12: "time budget", 130: "interrupted"}
}

// TestExitCodesAreTheCommands: each code that a unit treats as no failure is one that the command has, and means that.
func TestExitCodesAreTheCommands(t *testing.T) {
	codes := exitCodes(t)
	for code, word := range gentle() {
		if !strings.Contains(codes[code], word) {
			t.Errorf("exit code %d means %q, nothing about %q", code, codes[code], word)
		}
	}
}

func skipOnWindows(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("neither cron nor systemd is there")
	}
}
