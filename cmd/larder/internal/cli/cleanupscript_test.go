package cli

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/larder-go/larder"
	"github.com/larder-go/larder/dbstore"
	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// TestCleanupScripts runs the scripts about cleanup as a job on each kind of store that is swept, which holds three entries. $FAST is the same store with
// every use recorded, so that what was used a moment ago can be idle. Nobody listens at $CLOSED.
func TestCleanupScripts(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for name, place := range map[string]func(e *testscript.Env) string{
		"file": func(*testscript.Env) string { return "file:./data?x-max-value=1000" },
		"bolt": func(*testscript.Env) string { return "bolt:./data.db?x-max-value=1000" },
		"postgres": func(e *testscript.Env) string {
			return testserver.Postgres(t).URL + "?x-schema=" + strings.ToLower(rand.Text())
		},
	} {
		t.Run(name, func(t *testing.T) {
			testscript.Run(t, testscript.Params{
				Dir:                 "testdata/cleanup",
				RequireExplicitExec: true,
				RequireUniqueNames:  true,
				Setup: func(e *testscript.Env) error {
					at := place(e)
					e.Setenv("LARDER_STORE", at)
					e.Setenv("FAST", at+"&x-touch-after=-1s")
					e.Setenv("CLOSED", closed.Addr().String())
					e.Setenv("GORACE", "atexit_sleep_ms=0")
					if name == "postgres" {
						u, err := url.Parse(at)
						if err != nil {
							return err
						}
						m, err := dbstore.OpenMigrator(t.Context(), u)
						if err != nil {
							return err
						}
						defer m.Close()
						if _, err := m.Up(t.Context()); err != nil {
							return err
						}
					}
					return fillStore(t, atFolder(at, e.WorkDir), 3)
				},
				Condition: func(cond string) (bool, error) {
					switch cond {
					case "file", "bolt", "postgres":
						return cond == name, nil
					}
					return false, fmt.Errorf("unknown condition %q", cond)
				},
				Cmds: map[string]func(*testscript.TestScript, bool, []string){
					"exits":   exits,
					"metrics": seesMetrics,
					"only":    seesOnly,
					"entries": func(ts *testscript.TestScript, _ bool, args []string) {
						n, err := strconv.Atoi(args[0])
						ts.Check(err)
						ts.Check(fillStore(t, atFolder(ts.Getenv("LARDER_STORE"), ts.MkAbs(".")), n))
					},
					"holds": func(ts *testscript.TestScript, _ bool, args []string) {
						n, err := countStore(t, atFolder(ts.Getenv("LARDER_STORE"), ts.MkAbs(".")))
						ts.Check(err)
						if strconv.Itoa(n) != args[0] {
							ts.Fatalf("%d entries are in the store, want %s", n, args[0])
						}
					},
					// leased waits until a cleanup holds the lease and has removed an entry.
					"leased": func(ts *testscript.TestScript, _ bool, args []string) {
						s, err := larder.Open(t.Context(), atFolder(ts.Getenv("LARDER_STORE"), ts.MkAbs(".")))
						ts.Check(err)
						defer s.Close()
						held := func() bool {
							var lease struct{ Holder string }
							item, err := store.Peek(t.Context(), s, store.ReservedKey("cleanup"))
							return err == nil && json.Unmarshal(item.Value, &lease) == nil && lease.Holder != ""
						}
						poll(ts, "a cleanup that holds the lease and works", func() bool {
							n := 0
							for _, err := range store.List(t.Context(), s, "") {
								if err == nil {
									n++
								}
							}
							return held() && n < 3
						})
					},
				},
			})
		})
	}
}

// atFolder is the store's URL for a process in another folder.
func atFolder(at, dir string) string { return strings.Replace(at, ":./", "://"+dir+"/", 1) }

func fillStore(t *testing.T, at string, n int) error {
	s, err := larder.Open(t.Context(), at)
	if err != nil {
		return err
	}
	defer s.Close()
	for i := range n {
		if err := s.Set(t.Context(), fmt.Sprintf("key%d", i), []byte("v\n")); err != nil {
			return err
		}
	}
	return nil
}

func countStore(t *testing.T, at string) (n int, err error) {
	s, err := larder.Open(t.Context(), at)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	for _, err := range store.List(t.Context(), s, "") {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// seesMetrics FILE NAME=VALUE... demands these of larder_cleanup's metrics. A value is a number, none, now, or another file that has the same.
func seesMetrics(ts *testscript.TestScript, _ bool, args []string) {
	found := readMetrics(ts, args[0])
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if info.Mode().Perm() != 0o644 {
		ts.Fatalf("%s has the mode %v", args[0], info.Mode())
	}
	for _, arg := range args[1:] {
		name, want, _ := strings.Cut(arg, "=")
		got, ok := found[name]
		switch {
		case want == "none":
			if ok {
				ts.Fatalf("%s is %s, and should not be there", name, got)
			}
			continue
		case want == "now":
			at, err := strconv.ParseFloat(got, 64)
			if since := time.Since(time.UnixMilli(int64(at * 1000))); err != nil || since < -time.Second || since > time.Minute {
				ts.Fatalf("%s is %q, %v ago", name, got, since)
			}
			continue
		case strings.HasSuffix(want, ".prom"):
			want = readMetrics(ts, want)[name]
		}
		if !ok || got != want {
			ts.Fatalf("%s is %q, want %q", name, got, want)
		}
	}
}

// readMetrics reads a file strictly, as a collector would, and returns the values by name, and the reason.
func readMetrics(ts *testscript.TestScript, file string) map[string]string {
	found, err := parseMetrics(ts.ReadFile(file))
	ts.Check(err)
	return found
}

func parseMetrics(text string) (map[string]string, error) {
	sample := regexp.MustCompile(`^larder_cleanup_([a-z_]+)\{store="(?:[^"\\\n]|\\\\|\\"|\\n)*"(?:,reason="([a-z ]+)")?\} (-?[0-9.]+)$`)
	found := make(map[string]string)
	lines := strings.Split(text, "\n")
	if lines[len(lines)-1] != "" || len(lines)%3 != 1 {
		return nil, errors.New("the file must be of HELP, TYPE and a sample for each metric, and end with a line feed")
	}
	for i := 0; i+2 < len(lines); i += 3 {
		m := sample.FindStringSubmatch(lines[i+2])
		if m == nil {
			return nil, fmt.Errorf("not a sample: %s", lines[i+2])
		}
		if !strings.HasPrefix(lines[i], "# HELP larder_cleanup_"+m[1]+" ") || lines[i+1] != "# TYPE larder_cleanup_"+m[1]+" gauge" || found[m[1]] != "" {
			return nil, fmt.Errorf("not the head of %s:\n%s\n%s", m[1], lines[i], lines[i+1])
		}
		if found[m[1]] = m[3]; m[2] != "" {
			found["reason"] = m[2]
		}
	}
	return found, nil
}

// seesOnly FOLDER NAME... demands that the folder holds these files and nothing else.
func seesOnly(ts *testscript.TestScript, _ bool, args []string) {
	files, err := os.ReadDir(ts.MkAbs(args[0]))
	ts.Check(err)
	var names []string
	for _, file := range files {
		names = append(names, filepath.Base(file.Name()))
	}
	if !slices.Equal(names, args[1:]) {
		ts.Fatalf("%s holds %q", args[0], names)
	}
}
