package browser

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// soak asks for the long campaign.
func soak() bool { return os.Getenv("LARDER_SOAK") != "" }

// buildLarder builds the command of this checkout; with the race detector only in the long campaign, for that makes the hashing of a
// password take four seconds.
func buildLarder(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "larder")
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	args := []string{"build", "-o", binary, "./cmd/larder"}
	if soak() {
		args = []string{"build", "-race", "-o", binary, "./cmd/larder"}
	}
	cmd := exec.Command("go", args...)
	cmd.Dir = filepath.Join("..", "..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build ./cmd/larder: %v\n%s", err, out)
	}
	return binary
}

// demo is `larder demo` on a folder of its own.
type demo struct {
	binary, folder string
	ring           bool   // not on the folder, but on a ring of nodes that it starts
	url            string // http://127.0.0.1:PORT
	cmd            *exec.Cmd
	output         *output
}

// startDemo starts one on a free port.
func startDemo(t *testing.T, binary string) *demo {
	t.Helper()
	d := &demo{binary: binary, folder: filepath.Join(t.TempDir(), "sessions")}
	d.start(t, "127.0.0.1:0")
	t.Cleanup(func() { d.stop(t) })
	return d
}

func (d *demo) start(t *testing.T, listen string) {
	t.Helper()
	d.output = &output{address: make(chan string, 1)}
	sessions := []string{"--store", "file://" + d.folder}
	if d.ring {
		sessions = []string{"--ring"}
	}
	d.cmd = exec.Command(d.binary, append([]string{"demo", "--listen", listen}, sessions...)...)
	d.cmd.Stdout, d.cmd.Stderr = d.output, d.output
	d.cmd.Env = append(os.Environ(), "GORACE=halt_on_error=1 exitcode=66")
	d.cmd.Dir = t.TempDir()
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case d.url = <-d.output.address:
	case <-time.After(patience):
		d.cmd.Process.Kill()
		d.cmd.Wait()
		d.cmd = nil
		t.Fatalf("larder demo printed no address:\n%s", d.output)
	}
}

// stop interrupts it, as control-C does, and wants it to end well.
func (d *demo) stop(t *testing.T) {
	t.Helper()
	if d.cmd == nil {
		return
	}
	if err := d.cmd.Process.Signal(os.Interrupt); err != nil {
		d.cmd.Process.Kill()
	}
	late := time.AfterFunc(patience, func() { d.cmd.Process.Kill() })
	defer late.Stop()
	if err := d.cmd.Wait(); err != nil && runtime.GOOS != "windows" {
		t.Errorf("larder demo ended with %v:\n%s", err, d.output)
	}
	d.cmd = nil
}

// restart stops it and starts it again on the same store, at the same port or at a new one.
func (d *demo) restart(t *testing.T, samePort bool) {
	t.Helper()
	listen := "127.0.0.1:0"
	if samePort {
		listen = strings.TrimPrefix(d.url, "http://")
	}
	d.stop(t)
	d.start(t, listen)
}

// output is what the demo prints; the address as soon as it is there.
type output struct {
	mu      sync.Mutex
	text    bytes.Buffer
	address chan string
	told    bool
}

var address = regexp.MustCompile(`http://127\.0\.0\.1:\d+\b`)

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := o.text.Write(p)
	whole := o.text.Bytes()[:bytes.LastIndexByte(o.text.Bytes(), '\n')+1] // a half line may hold half a port
	if found := address.Find(whole); found != nil && !o.told {
		o.told = true
		o.address <- string(found)
	}
	return n, err
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
