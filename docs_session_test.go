package larder_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// blocks returns what stands between fences of that language on a page.
func blocks(t *testing.T, page, language string) (all []string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range strings.Split("\n"+string(text), "\n```"+language+"\n")[1:] {
		block, _, ok := strings.Cut(part, "\n```\n")
		if !ok {
			t.Fatalf("%s has a block that does not end:\n%s", page, part)
		}
		all = append(all, block+"\n")
	}
	return all
}

// program returns the one whole program of a page.
func program(t *testing.T, page string) (source string) {
	t.Helper()
	for _, block := range blocks(t, page, "go") {
		if strings.HasPrefix(block, "package main\n") {
			if source != "" {
				t.Fatalf("%s has two programs", page)
			}
			source = block
		}
	}
	if source == "" {
		t.Fatalf("%s has no program", page)
	}
	return source
}

// running is a program of a page that serves.
type running struct {
	t           *testing.T
	bin, dir    string
	address     string
	contentType string // of all its pages; "": any
	cmd         *exec.Cmd
	stdout, log bytes.Buffer
}

// build builds a program to the letter, but for its address: another program may have that.
func build(t *testing.T, source string) *running {
	t.Helper()
	const address = `"localhost:8080"`
	if strings.Count(source, address) != 1 {
		t.Fatalf("the program does not listen on %s", address)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	p := &running{t: t, dir: t.TempDir(), address: l.Addr().String()}
	file := filepath.Join(p.dir, "main.go")
	if err := os.WriteFile(file, []byte(strings.Replace(source, address, fmt.Sprintf("%q", p.address), 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	p.bin = filepath.Join(p.dir, "program.exe")
	if out, err := exec.Command("go", "build", "-o", p.bin, file).CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	t.Cleanup(p.stop)
	return p
}

func (p *running) start() {
	p.t.Helper()
	p.cmd = exec.Command(p.bin)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = p.dir, &p.stdout, &p.log
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", p.address)
		if err == nil {
			conn.Close()
			return
		}
		if time.Since(begun) > 30*time.Second {
			p.t.Fatalf("the program does not listen: %v\n%s", err, p.log.String())
		}
	}
}

func (p *running) stop() {
	if p.cmd != nil {
		p.cmd.Process.Kill()
		p.cmd.Wait()
		p.cmd = nil
	}
}

// browser is a client with cookies of its own.
func (p *running) browser() func(method, path string, form url.Values) string {
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	client := &http.Client{Jar: jar, Timeout: 30 * time.Second}
	return func(method, path string, form url.Values) string {
		p.t.Helper()
		r, err := http.NewRequest(method, "http://"+p.address+path, strings.NewReader(form.Encode()))
		if err != nil {
			p.t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := client.Do(r)
		if err != nil {
			p.t.Errorf("%s %s: %v", method, path, err)
			return ""
		}
		defer resp.Body.Close()
		if got := resp.Header.Get("Content-Type"); !strings.HasPrefix(got, p.contentType) {
			p.t.Errorf("%s %s: browsers get %s, and not %s", method, path, got, p.contentType)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			p.t.Errorf("%s %s: %d, %v\n%s\n%s", method, path, resp.StatusCode, err, body, p.log.String())
		}
		return string(body)
	}
}

// TestReadmeProgram does with the README's program what the README says: log in, restart it, log out everywhere.
func TestReadmeProgram(t *testing.T) {
	source := program(t, "README.md")
	_, main, _ := strings.Cut(source, "\nfunc main() {\n")
	main, _, _ = strings.Cut(main, "\n}\n")
	if n := strings.Count(main, "\n") + 1; n > 20 {
		t.Errorf("main has %d lines, twenty are promised", n)
	}
	p := build(t, source)
	p.contentType = "text/html"
	p.start()
	one, other := p.browser(), p.browser()
	see := func(browser func(string, string, url.Values) string, want string) {
		t.Helper()
		if page := browser("GET", "/", nil); !strings.Contains(page, "<b>"+want+"</b>") {
			t.Errorf("the page does not greet %q:\n%s\n%s", want, page, p.log.String())
		}
	}
	see(one, "")
	for _, browser := range []func(string, string, url.Values) string{one, other} {
		browser("POST", "/login", url.Values{"name": {"<alice>"}})
		see(browser, "&lt;alice&gt;")
	}
	p.stop()
	p.start()
	see(one, "&lt;alice&gt;")
	one("POST", "/logout", nil)
	see(one, "")
	see(other, "")
	one("POST", "/logout", nil) // nobody is logged in: a second click
	other("POST", "/login", url.Values{"name": {"bob"}})
	see(other, "bob")
	see(one, "")
}

// TestGuideProgram runs the guide's first program.
func TestGuideProgram(t *testing.T) {
	p := build(t, program(t, "docs/sessions.md"))
	p.start()
	one, other := p.browser(), p.browser()
	for _, step := range []struct {
		browser func(string, string, url.Values) string
		want    string
	}{{one, "Visit 1\n"}, {one, "Visit 2\n"}, {other, "Visit 1\n"}, {one, "Visit 3\n"}} {
		if got := step.browser("GET", "/", nil); got != step.want {
			t.Errorf("%q, not %q", got, step.want)
		}
	}
	const clicks = 16
	var all sync.WaitGroup
	for range clicks {
		all.Go(func() { one("GET", "/", nil) })
	}
	all.Wait()
	if got, want := one("GET", "/", nil), fmt.Sprintf("Visit %d\n", 3+clicks+1); got != want {
		t.Errorf("after %d visits at once: %q, not %q", clicks, got, want)
	}
}

// TestSecurityPageIsFound: who reads of sessions comes across what they are safe from, and what is left to him.
func TestSecurityPageIsFound(t *testing.T) {
	for page, link := range map[string]string{"README.md": "(docs/security.md)", "docs/sessions.md": "(security.md)", "session/doc.go": "docs/security.md"} {
		if text, err := os.ReadFile(page); err != nil || !strings.Contains(string(text), link) {
			t.Errorf("%s does not lead to docs/security.md: %v", page, err)
		}
	}
}

// TestDocsCode: the code of the pages is code of tests, so it compiles, and does what it says.
func TestDocsCode(t *testing.T) {
	var code strings.Builder
	for _, pattern := range []string{"docs_*_test.go", "internal/compat/bridge/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			code.WriteString("\n" + string(text))
		}
	}
	for _, page := range []string{"docs/sessions.md", "docs/timeouts.md", "docs/from-others.md"} {
		for _, block := range blocks(t, page, "go") {
			if !strings.HasPrefix(block, "package main\n") && !strings.Contains(code.String(), "\n"+block) {
				t.Errorf("%s has code that is in no test:\n%s", page, block)
			}
		}
	}
}
