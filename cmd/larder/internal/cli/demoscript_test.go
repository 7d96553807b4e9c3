package cli

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/larder-go/larder"
	"github.com/larder-go/larder/cmd/larder/internal/demo"
	"github.com/larder-go/larder/store"
)

// The commands of the scripts about the demo.

type demoKey struct{}

// demoProcess is a demo that runs, and the browser that looks at it.
type demoProcess struct {
	client *http.Client
	page   string // what the browser shows

	process *exec.Cmd
	url     string
	printed string // the command to clean the store up
}

func demoOf(ts *testscript.TestScript) *demoProcess { return ts.Value(demoKey{}).(*demoProcess) }

// startDemo starts larder demo on a free port, or with "default" as the first argument on the default, which is taken, and waits until it serves. What it has printed
// is there for stdout and stderr.
func startDemo(ts *testscript.TestScript, _ bool, args []string) {
	d := demoOf(ts)
	listen := []string{"--listen", freeAddress(ts)}
	if len(args) > 0 && args[0] == "default" {
		listen, args = nil, args[1:]
		defer takeDefault().Close()
	}
	larder, err := exec.LookPath("larder")
	ts.Check(err)
	d.process = exec.Command(larder, slices.Concat([]string{"demo"}, listen, args)...)
	d.process.Dir = ts.MkAbs(".")
	d.process.Env = os.Environ()
	for _, name := range []string{"LARDER_STORE", "LARDER_STORE_FILE", "GORACE"} {
		d.process.Env = append(d.process.Env, name+"="+ts.Getenv(name))
	}
	stdout, err := d.process.StdoutPipe()
	ts.Check(err)
	stderr, err := os.Create(ts.MkAbs("demo.err"))
	ts.Check(err)
	defer stderr.Close()
	d.process.Stderr = stderr
	ts.Check(d.process.Start())
	process := d.process
	ts.Defer(func() {
		if process.ProcessState == nil {
			process.Process.Kill()
			process.Wait()
		}
	})
	var text bytes.Buffer
	if slices.Contains(args, "-q") {
		line, err := bufio.NewReader(io.TeeReader(stdout, &text)).ReadString('\n')
		ts.Check(err)
		d.url, d.printed = strings.TrimSpace(line), ""
	} else {
		readUntilServing(ts, d, io.TeeReader(stdout, &text))
	}
	ts.Check(os.WriteFile(ts.MkAbs("demo.out"), text.Bytes(), 0o600))
	ts.Check(ts.Exec("sh", "-c", "cat demo.out; cat demo.err >&2"))
}

// takeDefault takes the address that a demo listens on by default. Another test may have it for a moment; a program of the machine's keeps it, which
// is as good.
func takeDefault() io.Closer {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if l, err := net.Listen("tcp", demoListen); err == nil {
			return l
		}
	}
	return io.NopCloser(nil)
}

func freeAddress(ts *testscript.TestScript) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	defer l.Close()
	return l.Addr().String()
}

func readUntilServing(ts *testscript.TestScript, d *demoProcess, stdout io.Reader) {
	d.url, d.printed = "", ""
	// The labels are as wide as this.
	const wide = len("The demo is at   ")
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "Ctrl-C"):
			return
		case len(line) < wide:
		case strings.HasPrefix(line[wide:], "http://"):
			d.url = line[wide:]
		case regexp.MustCompile(`(^| )larder.* cleanup`).MatchString(line[wide:]) || strings.HasPrefix(line[wide:], "larder cleanup"):
			d.printed = line[wide:]
		}
	}
	messages, _ := os.ReadFile(ts.MkAbs("demo.err"))
	ts.Fatalf("the demo does not serve: %s", messages)
}

// endDemo ends the demo as a user does, by SIGINT, or as a supervisor does with "TERM", and demands exit code 0.
func endDemo(ts *testscript.TestScript, _ bool, args []string) {
	d := demoOf(ts)
	d.client.CloseIdleConnections()
	signal := os.Signal(os.Interrupt)
	if len(args) > 0 {
		signal = syscall.SIGTERM
	}
	ts.Check(d.process.Process.Signal(signal))
	err := d.process.Wait()
	messages, _ := os.ReadFile(ts.MkAbs("demo.err"))
	ts.Logf("[stderr]\n%s", messages)
	if err != nil {
		ts.Fatalf("the demo ended with %v", err)
	}
}

// printed PATTERN looks at the command to clean up.
func printed(ts *testscript.TestScript, _ bool, args []string) {
	if d := demoOf(ts); !regexp.MustCompile(args[0]).MatchString(d.printed) {
		ts.Fatalf("the demo has printed %q, which does not match %s", d.printed, args[0])
	}
}

// cleans CODE [PATTERN] runs the command that the demo has printed, as it stands and in another folder, until it ends with the code and prints
// what the pattern matches.
func cleans(ts *testscript.TestScript, _ bool, args []string) {
	d := demoOf(ts)
	if d.printed == "" {
		ts.Fatalf("the demo has printed no command")
	}
	pattern := regexp.MustCompile(strings.Join(args[1:], ""))
	last, until := "", time.Now().Add(time.Minute)
	defer func() { ts.Logf("%s\n%s", d.printed, last) }()
	poll(ts, args[0]+" and "+pattern.String(), func() bool {
		if time.Now().After(until) {
			ts.Fatalf("no exit code %s and %s, but %s", args[0], pattern, last)
		}
		shell := exec.Command("sh", "-c", d.printed)
		shell.Dir = "/"
		output, _ := shell.CombinedOutput()
		last = string(output)
		return strconv.Itoa(shell.ProcessState.ExitCode()) == args[0] && pattern.Match(output)
	})
}

// leftover puts a session that is over into $LARDER_STORE, where the demo keeps its own. No program may hold the store.
func leftover(ts *testscript.TestScript, _ bool, _ []string) {
	ctx := context.Background()
	s, err := larder.Open(ctx, strings.Replace(ts.Getenv("LARDER_STORE"), ":./", "://"+ts.MkAbs(".")+"/", 1))
	ts.Check(err)
	defer s.Close()
	ts.Check(store.Update(ctx, s, demo.Prefix+"s:left over", func(*store.Item) (*store.Item, error) {
		return &store.Item{Expires: time.Now().Add(100 * time.Millisecond)}, nil
	}))
}

// click puts a loaf into the cart.
func click(ts *testscript.TestScript, _ bool, _ []string) {
	d := demoOf(ts)
	d.read(ts, func() (*http.Response, error) { return d.client.PostForm(d.url+"/cart", url.Values{"add": {"loaf"}}) })
}

func look(ts *testscript.TestScript, _ bool, _ []string) {
	d := demoOf(ts)
	d.read(ts, func() (*http.Response, error) { return d.client.Get(d.url + "/") })
}

func demoLogin(ts *testscript.TestScript, _ bool, args []string) {
	d := demoOf(ts)
	d.read(ts, func() (*http.Response, error) {
		return d.client.PostForm(d.url+"/login", url.Values{"name": {args[0]}, "password": {args[1]}})
	})
}

func demoLogout(ts *testscript.TestScript, _ bool, _ []string) {
	d := demoOf(ts)
	d.read(ts, func() (*http.Response, error) { return d.client.PostForm(d.url+"/logout", nil) })
}

func (d *demoProcess) read(ts *testscript.TestScript, ask func() (*http.Response, error)) {
	response, err := ask()
	ts.Check(err)
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	ts.Check(err)
	d.page = string(page)
}

// shows PATTERN looks at the page.
func shows(ts *testscript.TestScript, neg bool, args []string) {
	if d := demoOf(ts); regexp.MustCompile(args[0]).MatchString(d.page) == neg {
		ts.Fatalf("%s: there is %t, want %t in\n%s", args[0], neg, !neg, d.page)
	}
}
