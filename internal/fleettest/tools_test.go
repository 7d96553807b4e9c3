package fleettest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/larder-go/larder/internal/testneed"
)

// toolset is libmemcached's memcp and memcat.
type toolset struct {
	servers string
	args    []string
}

func tools(args ...string) func(*testing.T, *fleet) peer {
	return func(t *testing.T, f *fleet) peer {
		var servers []string
		for i, n := range f.nodes {
			server := f.servers[i].Addr
			if n.Weight > 1 {
				server += fmt.Sprint("/?", n.Weight)
			}
			servers = append(servers, server)
		}
		return toolset{strings.Join(servers, ","), args}
	}
}

// tool finds a tool by one of its names: Debian's packages call memcp memccp.
func tool(t *testing.T, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	testneed.Missing(t, testneed.Libmemcached, "install libmemcached's tools, as make test does")
	return ""
}

func (s toolset) command(names []string, args ...string) func(*testing.T) *exec.Cmd {
	return func(t *testing.T) *exec.Cmd {
		cmd := exec.Command(tool(t, names...), append(append([]string{"--servers=" + s.servers}, s.args...), args...)...)
		cmd.Env = append(os.Environ(), "MEMCACHED_SERVERS=")
		return cmd
	}
}

// set puts files, whose names are the keys.
func (s toolset) set(t *testing.T, pairs map[string]string) {
	t.Helper()
	dir := t.TempDir()
	var files []string
	for key, value := range pairs {
		file := filepath.Join(dir, key)
		if err := os.WriteFile(file, []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	if out, err := s.command([]string{"memccp", "memcp"}, files...)(t).CombinedOutput(); err != nil {
		t.Fatalf("memcp: %v: %.500s", err, out)
	}
}

// get asks for all at once. What is there comes in order, a line each; what is not there makes the exit code 1.
func (s toolset) get(t *testing.T, keys []string) map[string]string {
	t.Helper()
	out, err := s.command([]string{"memccat", "memcat"}, keys...)(t).Output()
	if _, exit := err.(*exec.ExitError); err != nil && !exit {
		t.Fatalf("memcat: %v", err)
	}
	found := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSuffix(line, "\n")
		if key, _, ok := strings.Cut(line, ", by "); ok {
			found[key] = line
		}
	}
	return found
}
