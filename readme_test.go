package larder_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestReadmeFirstBlock runs the first block of the README to the letter, as a newcomer would, in a copy of this folder.
func TestReadmeFirstBlock(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the block is for a POSIX shell")
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "```sh\n")
	block, _, ok := strings.Cut(rest, "```")
	if n := strings.Count(block, "\n"); !ok || n == 0 || n > 5 {
		t.Fatalf("the first block has %d commands, at most five are promised:\n%s", n, block)
	}
	dir := t.TempDir()
	eachFile(t, func(file string, data []byte) {
		copied := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(copied), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(copied, data, 0o644); err != nil {
			t.Fatal(err)
		}
	})
	var stdout, stderr bytes.Buffer
	shell := exec.Command("sh", "-e")
	shell.Dir, shell.Stdin, shell.Stdout, shell.Stderr = dir, strings.NewReader(block), &stdout, &stderr
	shell.Env = append(os.Environ(), "LARDER_STORE=", "LARDER_STORE_FILE=")
	if err := shell.Run(); err != nil {
		t.Fatalf("%v\n%s%s", err, stdout.String(), stderr.String())
	}
	for _, want := range []string{"notes/readme", string(readme)} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("the block does not show what it stored:\n%s%s", stdout.String(), stderr.String())
		}
	}
	if entries, err := os.ReadDir(filepath.Join(dir, "larder-data")); err != nil || len(entries) == 0 {
		t.Errorf("nothing in ./larder-data: %v", err)
	}
}
