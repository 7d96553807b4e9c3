package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/larder-go/larder"
	"github.com/larder-go/larder/internal/testserver"
)

func TestMain(m *testing.M) {
	testscript.Main(testserver.With(m), map[string]func(){
		"larder":  larderMain,
		"hold":    holdMain,
		"allbyte": allbyteMain,
		"fill":    fillMain,
	})
}

// larderMain is main.
func larderMain() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv))
}

// holdMain opens a store, creates a file that says so, and holds the store until it is killed: another process.
func holdMain() {
	s, err := larder.Open(context.Background(), os.Args[1])
	if err == nil {
		defer s.Close()
		err = os.WriteFile(os.Args[2], nil, 0o600)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	<-ctx.Done()
}

// allbyteMain prints every byte value, in a value that a text tool would spoil.
func allbyteMain() {
	for range 3 {
		for b := range 256 {
			os.Stdout.Write([]byte{byte(b)})
		}
	}
	os.Stdout.WriteString("\r\n\n")
}

// TestScripts runs every script on every embedded store. $LARDER_STORE names the store; $FAST is the same store with every use recorded,
// so that what was used a moment ago can be idle.
func TestScripts(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{"file": "file:./data", "bolt": "bolt:./data.db"} {
		t.Run(name, func(t *testing.T) {
			testscript.Run(t, testscript.Params{
				Dir:                 "testdata/script",
				RequireExplicitExec: true,
				RequireUniqueNames:  true,
				Setup: func(e *testscript.Env) error {
					e.Setenv("LARDER_STORE", url)
					e.Setenv("URL", url)
					e.Setenv("GORACE", "atexit_sleep_ms=0") // the race detector makes each process wait a second at its end
					e.Setenv("FAST", url+"?x-touch-after=-1s")
					e.Setenv("PLACE", strings.TrimPrefix(url, name+":./"))
					return nil
				},
				Condition: func(cond string) (bool, error) {
					switch cond {
					case "file", "bolt":
						return cond == name, nil
					case "devfull":
						_, err := os.Stat("/dev/full")
						return err == nil, nil
					}
					return false, fmt.Errorf("unknown condition %q", cond)
				},
				Cmds: map[string]func(*testscript.TestScript, bool, []string){
					"exits": exits, "interrupts": interrupts, "awaits": awaits, "damage": damage, "within": within,
				},
			})
		})
	}
}

// exits CODE PROGRAM ARGS... runs the program and demands its exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS...")
	}
	code, want := 0, args[0]
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%s: %v", args[1], err)
		}
		code = exit.ExitCode()
	}
	if strconv.Itoa(code) != want {
		ts.Fatalf("exit code %d, want %s", code, want)
	}
}

// within DURATION COMMAND... runs another command of scripts and demands that it is done in time.
func within(ts *testscript.TestScript, neg bool, args []string) {
	limit, err := time.ParseDuration(args[0])
	ts.Check(err)
	start := time.Now()
	exits(ts, neg, args[2:])
	if took := time.Since(start); took > limit {
		ts.Fatalf("took %v, more than %v", took, limit)
	}
}

// interrupts SIGNAL PROGRAM ARGS... starts the program, sends it the signal once it has changed something in $PLACE, and demands
// exit code 130. What it printed is left in interrupted.out and interrupted.err.
func interrupts(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: interrupts SIGNAL PROGRAM ARGS...")
	}
	sig := map[string]os.Signal{"INT": os.Interrupt, "TERM": syscall.SIGTERM}[args[0]]
	path, err := exec.LookPath(args[1])
	ts.Check(err)
	c := exec.Command(path, args[2:]...)
	c.Dir, c.Env = ts.MkAbs("."), append(os.Environ(), "LARDER_STORE="+ts.Getenv("LARDER_STORE"), "GORACE="+ts.Getenv("GORACE"))
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	place := ts.MkAbs(ts.Getenv("PLACE"))
	before := fingerprint(place)
	ts.Check(c.Start())
	defer c.Process.Kill()
	poll(ts, "the program to change something", func() bool { return fingerprint(place) != before })
	ts.Check(c.Process.Signal(sig))
	err = c.Wait()
	ts.Logf("[stdout]\n%s[stderr]\n%s", &stdout, &stderr)
	ts.Check(os.WriteFile(ts.MkAbs("interrupted.out"), stdout.Bytes(), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("interrupted.err"), stderr.Bytes(), 0o600))
	if c.ProcessState.ExitCode() != exitInterrupted {
		ts.Fatalf("exit code %d (%v), want %d", c.ProcessState.ExitCode(), err, exitInterrupted)
	}
}

// fingerprint tells the state of the files of a store, from outside.
func fingerprint(place string) string {
	var b strings.Builder
	filepath.WalkDir(place, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // gone between two steps of the walk
		}
		if info, err := d.Info(); err == nil {
			fmt.Fprintln(&b, path, info.Size(), info.ModTime().UnixNano())
		}
		return nil
	})
	return b.String()
}

// awaits FILE waits until the file is there.
func awaits(ts *testscript.TestScript, _ bool, args []string) {
	poll(ts, args[0], func() bool {
		_, err := os.Stat(ts.MkAbs(args[0]))
		return err == nil
	})
}

func poll(ts *testscript.TestScript, what string, done func() bool) {
	for range 10_000 {
		if done() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	ts.Fatalf("waited in vain for %s", what)
}

// damage PLACE TEXT flips a bit of the text wherever a file of the store holds it.
func damage(ts *testscript.TestScript, _ bool, args []string) {
	hits := 0
	ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		n := bytes.Count(content, []byte(args[1]))
		if n == 0 {
			return nil
		}
		hits += n
		flipped := []byte(args[1])
		flipped[0] ^= 1
		return os.WriteFile(path, bytes.ReplaceAll(content, []byte(args[1]), flipped), 0o600)
	}))
	if hits == 0 {
		ts.Fatalf("%q is in no file under %s", args[1], args[0])
	}
}
