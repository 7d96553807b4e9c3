package diskstore_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/larder-go/larder/internal/testneed"
	"github.com/larder-go/larder/store"
)

func errnoOf(err error) int {
	var errno syscall.Errno
	errors.As(err, &errno)
	return int(errno)
}

// faultCases are the ways that a write can take, by the entry that it meets.
var faultCases = []struct {
	name, op       string
	before, writes int // how often the key was set before; the size of what is written now
	calls          string
}{
	{"new", "set", 0, 600, "mkdirat openat pwrite64 utimensat fsync renameat"},
	{"first-overwrite", "set", 1, 600, "openat pread64 pwrite64 utimensat fsync fdatasync"},
	{"overwrite", "set", 3, 600, "openat pread64 pwrite64 utimensat fdatasync"},
	{"replace", "set", 2, 100_000, "openat pread64 pwrite64 utimensat fsync renameat2 unlinkat"},
	{"delete", "delete", 2, 0, "openat pread64 renameat fsync unlinkat"},
}

// faults are the calls that a write makes, with the errors that each is given in turn. KILL ends the process at the call.
var faults = map[string][]string{
	"openat":    {"EMFILE", "ENOSPC", "EINTR", "KILL"},
	"mkdirat":   {"ENOSPC", "KILL"},
	"pread64":   {"EIO", "EINTR"},
	"pwrite64":  {"ENOSPC", "EDQUOT", "EIO", "EINTR", "KILL"},
	"utimensat": {"EIO", "KILL"},
	"fsync":     {"EIO", "ENOSPC", "EDQUOT", "EINTR", "KILL"},
	"fdatasync": {"EIO", "KILL"},
	"renameat":  {"ENOSPC", "EIO", "KILL"},
	"renameat2": {"EIO", "EINVAL", "KILL"},
	"unlinkat":  {"EIO", "KILL"},
	"flock":     {"ENOLCK", "EINTR", "KILL"},
}

var errnos = map[string]syscall.Errno{
	"EMFILE": syscall.EMFILE, "ENOSPC": syscall.ENOSPC, "EDQUOT": syscall.EDQUOT, "EIO": syscall.EIO, "EINTR": syscall.EINTR,
	"ENOLCK": syscall.ENOLCK, "EINVAL": syscall.EINVAL,
}

// TestFaults fails each call of each way to write, one after the other. An error must be told as what it is and leave the old
// value and no temporary file; a kill must leave either value, whole. Each call gets a kill and one of its errors, in turn (fewer with
// the race detector or -short); with LARDER_SOAK=1, all of them.
func TestFaults(t *testing.T) {
	needStrace(t, "what a write does when a system call fails")
	for _, c := range faultCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			calls := countCalls(t, c.op, c.before, c.writes)
			cells := 0
			for _, call := range slices.Sorted(maps.Keys(faults)) {
				if slices.Contains(strings.Fields(c.calls), call) && calls[call].within == 0 {
					t.Errorf("%s is never called", call)
				}
				for n := range calls[call].within {
					if raceOn && n > 0 {
						break
					}
					for i, kind := range faults[call] {
						chosen := i == n%len(faults[call]) || kind == "KILL" && !testing.Short() && !raceOn
						if chosen || os.Getenv("LARDER_SOAK") != "" {
							injectFault(t, c.op, c.before, c.writes, call, kind, calls[call].before+n+1)
							cells++
						}
					}
				}
			}
			t.Logf("%d faults", cells)
		})
	}
}

func needStrace(t *testing.T, what string) {
	testneed.Command(t, testneed.Strace, "strace")
	if out, err := exec.Command("strace", "-o", os.DevNull, "true").CombinedOutput(); err != nil {
		testneed.Missing(t, testneed.Strace, fmt.Sprintf("%s; it may not trace here: %s", what, out))
	}
}

// TestNetworkRefused opens a store in a process that is told that its folder lies on NFS.
func TestNetworkRefused(t *testing.T) {
	needStrace(t, "that a network file system is refused")
	for _, op := range []string{"", "allow"} {
		r := role{Name: "open", Dir: filepath.Join(t.TempDir(), "store"), Op: op}
		out, err := r.command(t, "strace", "-f", "-o", os.DevNull, "-e", "trace=fstatfs",
			"-e", "inject=fstatfs:poke_exit=@arg2=6969000000000000").CombinedOutput()
		text := string(out)
		if op == "allow" && err != nil {
			t.Errorf("although allowed: %s", text)
		}
		if op == "" && (err == nil || !strings.Contains(text, "NFS") || !strings.Contains(text, "x-allow-network-fs")) {
			t.Errorf("%q, %v", text, err)
		}
		if _, err := os.Stat(filepath.Join(r.Dir, "larder-store")); (err == nil) != (op == "allow") {
			t.Errorf("allowed %q: the marker: %v", op, err)
		}
	}
}

// faultDir makes a store in which the key was set so often.
func faultDir(t *testing.T, before int) (string, store.Store) {
	dir := memoryDir(t)
	s := open(t, dir, nil)
	for i := range before {
		if err := s.Set(t.Context(), "key", value(600, i)); err != nil {
			t.Fatal(err)
		}
	}
	return dir, s
}

// injectFault runs an operation in which the n-th such call of its thread goes wrong. On a busy machine the runtime may move the operation
// to a thread that counts otherwise: then it is run again.
func injectFault(t *testing.T, op string, before, size int, call, kind string, n int) {
	for range 5 {
		if happened(t, op, before, size, call, kind, n) {
			return
		}
	}
	t.Errorf("%s at %s %d: it did not happen", kind, call, n)
}

func happened(t *testing.T, op string, before, size int, call, kind string, n int) bool {
	dir, s := faultDir(t, before)
	r := role{Name: "op", Dir: dir, Op: op, Key: "key", N: 99, Size: size}
	action := "error=" + kind
	if kind == "KILL" {
		action = "signal=KILL"
	}
	log := filepath.Join(dir, "strace.log")
	cmd := r.command(t, "strace", "-f", "-o", log, "-e", "trace="+call,
		"-e", fmt.Sprintf("inject=%s:%s:when=%d", call, action, n))
	var out bytes.Buffer
	cmd.Stdout = &out
	cmd.Run() // a kill is an error
	trace, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(log)
	what := fmt.Sprintf("%s at %s %d", kind, call, n)
	if !bytes.Contains(trace, []byte("(INJECTED)")) && !bytes.Contains(trace, []byte("killed by SIGKILL")) {
		return false
	}
	checkFault(t, what, s, dir, r, before, call, kind, out.Bytes())
	return true
}

// callCount is how often a process makes a call before the operation begins, and in it.
type callCount struct{ before, within int }

// countCalls runs the operation unharmed, and counts the calls of its thread.
func countCalls(t *testing.T, op string, before, size int) map[string]callCount {
	dir, _ := faultDir(t, before)
	r := role{Name: "op", Dir: dir, Op: op, Key: "key", N: 99, Size: size}
	log := filepath.Join(dir, "strace.log")
	names := strings.Join(slices.Sorted(maps.Keys(faults)), ",")
	cmd := r.command(t, "strace", "-f", "-o", log, "-e", "trace=newfstatat,"+names)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("strace: %v\n%s", err, out)
	}
	trace, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(trace), "\n")
	begin := slices.IndexFunc(lines, func(line string) bool { return strings.Contains(line, beginMark) })
	if begin < 0 {
		t.Fatal("the trace does not show where the operation begins")
	}
	thread, _, _ := strings.Cut(lines[begin], " ")
	calls := make(map[string]callCount)
	for i, line := range lines {
		of, call, _ := strings.Cut(line, " ")
		call, _, found := strings.Cut(strings.TrimSpace(call), "(")
		if of != thread || !found || faults[call] == nil {
			continue
		}
		c := calls[call]
		if i < begin {
			c.before++
		} else {
			c.within++
		}
		calls[call] = c
	}
	return calls
}

func checkFault(t *testing.T, what string, s store.Store, dir string, r role, before int, call, kind string, out []byte) {
	t.Helper()
	var o outcome
	if kind != "KILL" {
		if err := json.Unmarshal(out, &o); err != nil {
			t.Fatalf("%s: the process says %q", what, out)
		}
	}
	var old []byte
	if before > 0 {
		old = value(600, before-1)
	}
	var after []byte
	if r.Op == "set" {
		after = value(r.Size, r.N)
	}
	got, err := s.Get(t.Context(), r.Key)
	if err != nil && err != store.ErrNotFound {
		t.Fatalf("%s: then Get says %v", what, err)
	}
	is := func(want []byte) bool { return (err == nil) == (want != nil) && bytes.Equal(got, want) }
	temps, _ := filepath.Glob(filepath.Join(dir, "*", "tmp-*"))
	switch {
	case kind == "KILL":
		if !is(old) && !is(after) {
			t.Errorf("%s: neither value is there", what)
		}
		if len(temps) > 1 {
			t.Errorf("%s: %d temporary files are left", what, len(temps))
		}
		checkSwept(t, what, s, temps)
	case o.Text == "":
		if !is(after) {
			t.Errorf("%s: no error, but the new value is not there", what)
		}
		if len(temps) > 0 && call != "unlinkat" {
			t.Errorf("%s: no error, and %d temporary files are left", what, len(temps))
		}
	default:
		if !is(old) {
			t.Errorf("%s: %s; the old value does not stand", what, o.Text)
		}
		if !o.Unavailable || syscall.Errno(o.Errno) != errnos[kind] || strings.Contains(o.Text, fileName(r.Key)) {
			t.Errorf("%s: the error is %q, errno %v, unavailable %v", what, o.Text, syscall.Errno(o.Errno), o.Unavailable)
		}
		if kind == "EINTR" {
			t.Errorf("%s: an interrupted call is no error: %s", what, o.Text)
		}
		if len(temps) > 0 {
			t.Errorf("%s: %s; %d temporary files are left", what, o.Text, len(temps))
		}
	}
}

// checkSwept tells whether a sweep leaves the temporary files of a killed process while they are young, and removes old ones.
func checkSwept(t *testing.T, what string, s store.Store, temps []string) {
	t.Helper()
	for i, age := range []time.Duration{59 * time.Minute, 61 * time.Minute} {
		for _, path := range temps {
			when := time.Now().Add(-age)
			if err := os.Chtimes(path, when, when); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
		}
		if _, err := s.Cleanup(t.Context(), 0); err != nil {
			t.Errorf("%s: then Cleanup says %v", what, err)
		}
		for _, path := range temps {
			if _, err := os.Lstat(path); (err == nil) != (i == 0) {
				t.Errorf("%s: a temporary file of %v after a sweep: %v", what, age, err)
			}
		}
	}
}
