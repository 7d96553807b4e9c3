//go:build unix

package larder_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestReadmeBlocks runs the first two blocks of the README to the letter, as a newcomer would, in a copy of this folder: one for both,
// so that the second need not build all again.
func TestReadmeBlocks(t *testing.T) {
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
	t.Run("demo", func(t *testing.T) { readmeDemo(t, dir) })
	t.Run("commands", func(t *testing.T) { readmeCommands(t, dir) })
}

func shell(dir, block string) *exec.Cmd {
	c := exec.Command("sh", "-e")
	c.Dir, c.Stdin = dir, strings.NewReader(block)
	c.Env = append(os.Environ(), "LARDER_STORE=", "LARDER_STORE_FILE=")
	return c
}

// readmeDemo runs the very first thing that a newcomer is asked to: the demo, until Ctrl-C.
func readmeDemo(t *testing.T, dir string) {
	block := blocks(t, "README.md", "sh")[0]
	if block != "go run ./cmd/larder demo\n" {
		t.Fatalf("the README begins with another block:\n%s", block)
	}
	demo := shell(dir, block)
	demo.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a terminal's Ctrl-C goes to all of them: the shell, go, and the demo
	var stderr bytes.Buffer
	demo.Stderr = &stderr
	stdout, err := demo.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := demo.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	defer func() {
		if !ended {
			syscall.Kill(-demo.Process.Pid, syscall.SIGKILL)
			demo.Wait()
		}
	}()
	lines, url := bufio.NewScanner(stdout), ""
	for url == "" && lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), "The demo is at "); ok {
			url = strings.TrimSpace(rest)
		}
	}
	if url == "" {
		t.Fatalf("the demo does not say where it is: %v\n%s", lines.Err(), stderr.String())
	}
	resp, err := (&http.Client{Timeout: time.Minute}).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusOK || !bytes.Contains(page, []byte("password")) {
		t.Errorf("%s: %d, %v\n%s", url, resp.StatusCode, err, page)
	}
	syscall.Kill(-demo.Process.Pid, syscall.SIGINT)
	io.Copy(io.Discard, stdout)
	demo.Wait()
	ended = true
	if entries, err := os.ReadDir(filepath.Join(dir, "larder-demo")); err != nil || len(entries) == 0 {
		t.Errorf("nothing in ./larder-demo: %v\n%s", err, stderr.String())
	}
}

// readmeCommands runs the block that stores a file and reads it back.
func readmeCommands(t *testing.T, dir string) {
	block := blocks(t, "README.md", "sh")[1]
	if n := strings.Count(block, "\n"); n == 0 || n > 5 || !strings.Contains(block, "bin/larder set") {
		t.Fatalf("the second block is not the five commands:\n%s", block)
	}
	c := shell(dir, block)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Run(); err != nil {
		t.Fatalf("%v\n%s%s", err, stdout.String(), stderr.String())
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
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
