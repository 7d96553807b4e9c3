//go:build unix

package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/larder-go/larder"
	"github.com/larder-go/larder/store"
)

// ringDemo is a larder demo --ring that runs, and a browser in front of it.
type ringDemo struct {
	t       *testing.T
	process *exec.Cmd
	told    demoResult
	client  *http.Client
}

// startRingDemo starts it with no more programs to be found than path has.
func startRingDemo(t *testing.T, path string, args ...string) *ringDemo {
	t.Helper()
	d := &ringDemo{t: t, process: exec.Command(buildLarder(t), append([]string{"demo", "--ring", "--json", "--listen", "127.0.0.1:0"}, args...)...)}
	temp := shortTemp(t)
	d.process.Env = append(os.Environ(), "PATH="+path, "TMPDIR="+temp)
	d.process.Dir, d.process.Stderr = t.TempDir(), os.Stderr
	out, err := d.process.StdoutPipe()
	if err == nil {
		err = d.process.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.process.Process.Kill()
		d.process.Wait()
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &d.told)
	}
	if err != nil || d.told.Ring == nil {
		t.Fatalf("%v: %s", err, line)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	d.client = &http.Client{Jar: jar}
	return d
}

// shortTemp is a folder in which the path of a socket has room.
func shortTemp(t *testing.T) string {
	dir, err := os.MkdirTemp("", "lr")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		left, _ := filepath.Glob(filepath.Join(dir, "*"))
		if len(left) > 0 {
			t.Errorf("the demo has left %q behind", left)
		}
		os.RemoveAll(dir)
	})
	return dir
}

// ask asks for a page, or sends a form: names and values by turns.
func (d *ringDemo) ask(path string, form ...string) string {
	d.t.Helper()
	r, err := http.NewRequest(http.MethodGet, d.told.URL+path, nil)
	if len(form) > 0 {
		values := make(url.Values)
		for i := 0; i+1 < len(form); i += 2 {
			values.Set(form[i], form[i+1])
		}
		r, err = http.NewRequest(http.MethodPost, d.told.URL+path, strings.NewReader(values.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if err != nil {
		d.t.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	answer, err := d.client.Do(r)
	if err != nil {
		d.t.Error(err)
		return ""
	}
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		d.t.Errorf("%s: %s, %v: %s", path, answer.Status, err, page)
	}
	return string(page)
}

func (d *ringDemo) number(page, pattern string) int {
	d.t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(page)
	if m == nil {
		d.t.Fatalf("no %s in %s", pattern, page)
	}
	n, err := strconv.Atoi(strings.ReplaceAll(m[1], ",", ""))
	if err != nil {
		d.t.Fatal(err)
	}
	return n
}

// answers reports whether the server that listens on the socket of the URL still does.
func answers(t *testing.T, rawURL string) bool {
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("unix", u.Path)
	if err == nil {
		c.Close()
	}
	return err == nil
}

// TestDemoRing: a login and every click of another browser survive a node that joins, another weight, and a node that leaves. Nothing stays on that one.
func TestDemoRing(t *testing.T) {
	here, _ := exec.LookPath("redis-server")
	for name, path := range map[string]string{"servers": os.Getenv("PATH"), "folders": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "servers" && here == "" {
				t.Skip("redis-server is not installed")
			}
			d := startRingDemo(t, path)
			scheme := map[string]string{"servers": "redis+unix://", "folders": "file:"}[name]
			for _, n := range d.told.Ring.Nodes {
				if !strings.HasPrefix(n.URL, scheme) {
					t.Fatalf("node %s is at %s", n.Name, n.URL)
				}
			}
			testRingDemo(t, d)
			if name == "folders" {
				d.ends(syscall.SIGTERM) // what is left of the folders, the end of the test tells
				return
			}
			if answers(t, d.told.Ring.Nodes[0].URL) {
				t.Errorf("the server of a node that was removed still answers")
			}
			d.ends(syscall.SIGTERM)
			for _, n := range d.told.Ring.Nodes {
				if answers(t, n.URL) {
					t.Errorf("the server of node %s has outlived the demo", n.Name)
				}
			}
		})
	}
}

func testRingDemo(t *testing.T, d *ringDemo) {
	user := d.told.Users[0]
	d.ask("/login", "name", user.Name, "password", user.Password)
	visits := d.number(d.ask("/"), `id="visits">(\d+)<`)
	d.ask("/ring/fill", "", "")

	// Another browser clicks all the time.
	clicking, clicks := make(chan struct{}), 0
	other := &ringDemo{t: t, told: d.told, client: &http.Client{}}
	other.client.Jar, _ = cookiejar.New(nil)
	other.ask("/cart", "add", "loaf")
	began := d.number(other.ask("/"), `id="visits">(\d+)<`)
	var clicker sync.WaitGroup
	clicker.Go(func() {
		for {
			select {
			case <-clicking:
				return
			default:
			}
			other.ask("/")
			clicks++
		}
	})
	entries := d.number(d.ask("/ring"), `id="ring-entries">([\d,]+)<`)
	for _, change := range [][]string{{"/ring/add", "", ""}, {"/ring/weight", "node", "b", "weight", "3"}, {"/ring/remove", "node", "a"}} {
		page := d.ask(change[0], change[1:]...)
		if strings.Contains(page, "ring-said") || strings.Contains(page, "ring-continue") {
			t.Fatalf("%q: %s", change, page)
		}
		if moved := d.number(page, `id="ring-moved">([\d,]+)<`); moved < 20 || moved > entries/2 {
			t.Errorf("%q: %d of %d entries moved", change, moved, entries)
		}
		if left := d.number(page, `id="ring-left">(\d+)<`); left != 0 {
			t.Errorf("%q: %d entries are left behind", change, left)
		}
		if got := d.number(page, `id="ring-entries">([\d,]+)<`); got != entries {
			t.Errorf("%q: %d entries, there were %d", change, got, entries)
		}
		page = d.ask("/")
		visits++
		if got := d.number(page, `id="visits">(\d+)<`); got != visits || !strings.Contains(page, `id="user" data-user="`+user.Name+`"`) {
			t.Errorf("%q: %d visits, not %d, or logged out: %s", change, got, visits, page)
		}
	}
	close(clicking)
	clicker.Wait()
	if got := d.number(other.ask("/"), `id="visits">(\d+)<`); got != began+clicks+1 {
		t.Errorf("%d of %d clicks counted", got-began-1, clicks)
	}
	page := d.ask("/ring")
	for node, there := range map[string]bool{"a": false, "b": true, "c": true, "d": true} {
		if strings.Contains(page, `<tr data-node="`+node+`">`) != there {
			t.Errorf("node %s: want %t in %s", node, there, page)
		}
	}
	if svg := d.ask("/ring.svg"); !strings.HasPrefix(svg, "<svg") || !strings.Contains(svg, "a (left)") {
		t.Errorf("the plot: %s", svg)
	}
	if page := d.ask("/ring/weight", "node", "b", "weight", "nine"); !strings.Contains(page, "whole number") {
		t.Errorf("a weight that is none: %s", page)
	}
}

// ends ends the demo and waits for it.
func (d *ringDemo) ends(signal os.Signal) {
	d.t.Helper()
	d.client.CloseIdleConnections()
	d.process.Process.Signal(signal)
	if err := d.process.Wait(); err != nil {
		d.t.Errorf("the demo ended with %v", err)
	}
}

// TestDemoRingKilled: where the kernel can see to it, no server outlives a demo that was killed.
func TestDemoRingKilled(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil || !hasDeathSignal {
		t.Skip("there is no redis-server, or the system cannot do that")
	}
	t.Parallel()
	d := startRingDemo(t, os.Getenv("PATH"))
	d.process.Process.Kill()
	d.process.Wait()
	u, err := url.Parse(d.told.Ring.Nodes[0].URL)
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(filepath.Dir(u.Path))
	for begun := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		if !answers(t, d.told.Ring.Nodes[0].URL) {
			return
		}
		if time.Since(begun) > 20*time.Second {
			t.Fatal("a server has outlived the demo")
		}
	}
}

// TestDemoRingOfURL: the nodes of a URL are used, and stay. What was removed can be added again, and nothing else.
func TestDemoRingOfURL(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := filepath.Join(dir, "x")
	d := startRingDemo(t, "", "--store", "shard:?node=x=file:"+first+"&node=y=file:"+filepath.Join(dir, "y")+"&weight=y:2")
	user := d.told.Users[0]
	d.ask("/login", "name", user.Name, "password", user.Password)
	for _, step := range []struct{ path, node, want string }{
		{"/ring/add", "", "no further node"}, {"/ring/remove", "x", "Node x was removed"}, {"/ring/remove", "y", "last node stays"}, {"/ring/remove", "z", "no such node"},
	} {
		if page := d.ask(step.path, "node", step.node); !strings.Contains(page, step.want) || !strings.Contains(page, `data-user="`+user.Name+`"`) {
			t.Fatalf("%s %s: want %q in %s", step.path, step.node, step.want, page)
		}
	}
	s, err := larder.Open(t.Context(), "file:"+first)
	if err != nil {
		t.Fatal(err)
	}
	for info, err := range store.List(t.Context(), s, "") {
		t.Errorf("%q, %v stands on the node that was removed", info.Key, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if page := d.ask("/ring/add", "", ""); !strings.Contains(page, "Node x was added") {
		t.Errorf("%s", page)
	}
	d.ends(os.Interrupt)
	if _, err := os.Stat(first); errors.Is(err, os.ErrNotExist) {
		t.Error("the demo has removed a node of somebody else")
	}
}
