package browser

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// readmeProgram is the program of the README, built as it stands but for its port.
type readmeProgram struct {
	binary, url string
	cmd         *exec.Cmd
	log         bytes.Buffer
}

func buildReadme(t *testing.T) *readmeProgram {
	t.Helper()
	root := filepath.Join("..", "..", "..")
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, source, ok := strings.Cut(string(text), "\n```go\npackage main\n")
	source, _, closed := strings.Cut(source, "\n```\n")
	const at = `"localhost:8080"`
	if !ok || !closed || strings.Count(source, at) != 1 {
		t.Fatalf("the README has no program that listens on %s", at)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	host := l.Addr().String()
	dir := t.TempDir()
	p := &readmeProgram{binary: filepath.Join(dir, "program.exe"), url: "http://" + host}
	file := filepath.Join(dir, "main.go")
	if err := os.WriteFile(file, []byte("package main\n"+strings.Replace(source, at, fmt.Sprintf("%q", host), 1)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "build", "-o", p.binary, file)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	t.Cleanup(p.stop)
	return p
}

func (p *readmeProgram) start(t *testing.T) {
	t.Helper()
	p.cmd = exec.Command(p.binary)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = filepath.Dir(p.binary), &p.log, &p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
		if err == nil {
			conn.Close()
			return
		}
		if time.Since(begun) > patience {
			t.Fatalf("the program does not listen: %v", err)
		}
	}
}

func (p *readmeProgram) stop() {
	if p.cmd != nil {
		p.cmd.Process.Kill()
		p.cmd.Wait()
		p.cmd = nil
	}
}

// TestReadmeProgram does by its forms what the README promises: log in, restart the program, log out everywhere.
func TestReadmeProgram(t *testing.T) {
	b, p := Start(t), buildReadme(t)
	p.start(t)
	var tabs []*Tab
	for range 2 {
		tab := b.Profile(t).Tab(t)
		if status := tab.Open(t, p.url+"/"); status != http.StatusOK {
			t.Fatalf("status %d", status)
		}
		if kind := Ask[string](t, tab, "document.contentType"); kind != "text/html" || tab.Count(t, "form") != 2 {
			t.Fatalf("the page is %s with %d forms", kind, tab.Count(t, "form"))
		}
		tab.Type(t, "input[name=name]", "<alice>")
		tab.Follow(t, "form[action='/login'] button")
		tabs = append(tabs, tab)
	}
	greets := func(name string) {
		t.Helper()
		for n, tab := range tabs {
			tab.Open(t, p.url+"/")
			if got := Ask[string](t, tab, "document.querySelector('b').textContent"); got != name {
				t.Errorf("browser %d: the page greets %q, not %q", n, got, name)
			}
		}
	}
	greets("<alice>")
	p.stop()
	p.start(t)
	greets("<alice>")
	tabs[0].Follow(t, "form[action='/logout'] button")
	greets("")
	if status := tabs[0].Follow(t, "form[action='/logout'] button"); status != http.StatusOK {
		t.Errorf("a second logout: %d", status)
	}
}
