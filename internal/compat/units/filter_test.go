package units

import (
	"bufio"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/larder-go/larder/internal/testneed"
	"github.com/larder-go/larder/internal/testserver"
)

// allowed are the system calls that the service leaves the command: what each SystemCallFilter line adds or, after a ~, takes away.
func allowed(t *testing.T) map[string]bool {
	t.Helper()
	calls := make(map[string]bool)
	for _, line := range settings(t, service)["Service.SystemCallFilter"] {
		groups, deny := strings.CutPrefix(line, "~")
		for _, group := range strings.Fields(groups) {
			for _, call := range expand(t, group) {
				calls[call] = !deny
			}
		}
	}
	maps.DeleteFunc(calls, func(_ string, is bool) bool { return !is })
	return calls
}

// expand names all system calls of a group, which may hold groups.
func expand(t *testing.T, group string) (calls []string) {
	t.Helper()
	out, err := exec.Command("systemd-analyze", "syscall-filter", group).Output()
	if err != nil {
		t.Fatalf("systemd-analyze syscall-filter %s: %v", group, err)
	}
	for line := range strings.Lines(string(out)) {
		switch line = strings.TrimSpace(line); {
		case line == "" || line == group || line[0] == '#':
		case line[0] == '@':
			calls = append(calls, expand(t, line)...)
		default:
			calls = append(calls, line)
		}
	}
	return calls
}

// TestServiceMayDoWhatItDoes runs the service's command under strace on each kind of store, where it has something to remove: no system call but those
// that the filter leaves it, and no socket of another family.
func TestServiceMayDoWhatItDoes(t *testing.T) {
	skipOnWindows(t)
	testneed.Command(t, testneed.Strace, "strace")
	testneed.Command(t, testneed.SystemdAnalyze, "systemd-analyze")
	may := allowed(t)
	if !may["openat"] || !may["flock"] || may["mount"] || may["setuid"] {
		t.Fatalf("the filter was read wrongly: %d calls", len(may))
	}
	families := strings.Fields(only(t, settings(t, service), "Service.RestrictAddressFamilies"))
	for name, url := range map[string]func() string{
		"file":          func() string { return "file://" + t.TempDir() + "/store?" + soon },
		"bolt":          func() string { return "bolt://" + t.TempDir() + "/store.db?" + soon },
		"postgres":      func() string { return testserver.Postgres(t).URL + "?x-schema=units&" + soon },
		"postgres+unix": func() string { return postgresSocket(t) },
		"redis":         func() string { return testserver.Redis(t).URL + "?x-prefix=units:" },
		"memcached":     func() string { return testserver.Memcached(t).URL + "?x-timeout=24h" },
	} {
		t.Run(name, func(t *testing.T) {
			url := url()
			if strings.HasPrefix(name, "postgres") {
				if code, _, stderr := larder(t, "migrate", "up", "--store", url); code != 0 {
					t.Fatal(stderr)
				}
			}
			set := exec.Command("larder", "set", "--store", url, "key")
			set.Stdin = strings.NewReader("value")
			if out, err := set.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			calls, sockets := traced(t, url)
			for _, call := range calls {
				if !may[call] {
					t.Errorf("it calls %s, which the filter refuses", call)
				}
			}
			for _, family := range sockets {
				if !slices.Contains(families, family) {
					t.Errorf("it opens a socket of %s, which RestrictAddressFamilies refuses", family)
				}
			}
		})
	}
}

// soon makes an entry expire before the next command has started. memcached and Redis remove what is expired themselves.
const soon = "x-timeout=1ms&x-touch-after=-1s"

// postgresSocket is the URL of the server by its socket.
func postgresSocket(t *testing.T) string {
	s := testserver.Postgres(t)
	if !s.Own() {
		t.Skip("the server of the environment has a socket of its own")
	}
	return "postgres+unix://" + s.Socket + "?dbname=postgres&x-schema=units&" + soon + "&user=" + strings.Split(strings.TrimPrefix(s.URL, "postgres://"), "@")[0]
}

// traced runs the command of the service on the store, and returns the system calls and the families of sockets that it asked for.
func traced(t *testing.T, url string) (calls, families []string) {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "store"), []byte(url), 0o600); err != nil {
		t.Fatal(err)
	}
	args := cleanupArgs(t, strings.Fields(only(t, settings(t, service), "Service.ExecStart")))
	if i := slices.Index(args, "--metrics-file"); i >= 0 {
		args[i+1] = filepath.Join(folder, "cleanup.prom")
	}
	log := filepath.Join(folder, "strace")
	c := exec.Command("strace", slices.Concat([]string{"-f", "-qq", "-o", log, "larder", "cleanup"}, args)...)
	c.Env = append(os.Environ(), "LARDER_STORE_FILE="+filepath.Join(folder, "store"))
	if out, err := c.CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("larder cleanup %q: %v\n%s", args, err, out)
	}
	if strings.Contains(url, soon) {
		text, err := os.ReadFile(filepath.Join(folder, "cleanup.prom"))
		if err != nil || !regexp.MustCompile(`(?m)^larder_cleanup_removed_entries\{.*\} [1-9]`).Match(text) {
			t.Fatalf("nothing was removed: %v\n%s", err, text)
		}
	}
	file, err := os.Open(log)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	call, socket := regexp.MustCompile(`^\d+\s+(\w+)\(`), regexp.MustCompile(`socket\((AF_\w+)`)
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if m := call.FindStringSubmatch(lines.Text()); m != nil {
			calls = append(calls, m[1])
		}
		if m := socket.FindStringSubmatch(lines.Text()); m != nil {
			families = append(families, m[1])
		}
	}
	slices.Sort(calls)
	slices.Sort(families)
	if calls = slices.Compact(calls); len(calls) < 20 {
		t.Fatalf("strace saw no more than %q", calls)
	}
	return calls, slices.Compact(families)
}
