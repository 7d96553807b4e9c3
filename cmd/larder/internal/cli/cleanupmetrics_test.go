package cli

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larder-go/larder/cleanup"
	"github.com/larder-go/larder/store"
)

// Whatever a URL holds stands in a label without breaking the file, and without its password.
func TestMetricsOfHostileURLs(t *testing.T) {
	for _, url := range []string{"", "file:./data", `file:./a"b\c`, "file:./a\nlarder_cleanup_exit_code 0", "file:./\xff\xfe", "file:./{store=\"x\"}", "postgres://u:sekret@host/db"} {
		m := &cleanupMetrics{path: filepath.Join(t.TempDir(), "m.prom"), report: &cleanup.Report{Removed: 1, Reason: cleanup.Done, Done: true}}
		for range 2 {
			if err := m.write(store.Redact(url), exitDone); err != nil {
				t.Fatal(err)
			}
		}
		text, err := os.ReadFile(m.path)
		if err != nil {
			t.Fatal(err)
		}
		found, err := parseMetrics(string(text))
		if err != nil || found["removed_entries"] != "1" || strings.Contains(string(text), "sekret") {
			t.Errorf("%q: %v, %v\n%s", url, found, err, text)
		}
		// The success is found again, by a run that fails.
		success := found["last_success_timestamp_seconds"]
		if err := m.write(store.Redact(url), exitError); err != nil {
			t.Fatal(err)
		}
		text, _ = os.ReadFile(m.path)
		if found, err := parseMetrics(string(text)); err != nil || found["last_success_timestamp_seconds"] != success || success == "0" {
			t.Errorf("%q: the last success was %s: %v, %v", url, success, found, err)
		}
	}
}

// Another store's success is not this one's.
func TestMetricsOfAnotherStore(t *testing.T) {
	m := &cleanupMetrics{path: filepath.Join(t.TempDir(), "m.prom")}
	if err := m.write("file:./a", exitDone); err != nil {
		t.Fatal(err)
	}
	if success := m.lastSuccess("file:./a", exitError); success == 0 {
		t.Error("the success is not found")
	}
	if success := m.lastSuccess("file:./b", exitError); success != 0 {
		t.Errorf("another store's success counts: %v", success)
	}
}

// Whoever reads at any moment sees a whole file.
func TestMetricsAreReplacedAsAWhole(t *testing.T) {
	m := &cleanupMetrics{path: filepath.Join(t.TempDir(), "m.prom"), report: &cleanup.Report{Reason: cleanup.Done}}
	if err := m.write("file:./a", exitDone); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		for ctx.Err() == nil {
			text, err := os.ReadFile(m.path)
			if err == nil {
				_, err = parseMetrics(string(text))
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	for i := range 100 {
		m.report.Removed = i * i * i
		if err := m.write("file:./a", i%13); err != nil {
			t.Error(err)
		}
	}
	cancel()
	all.Wait()
	if files, _ := os.ReadDir(filepath.Dir(m.path)); len(files) != 1 {
		t.Errorf("%d files are left", len(files))
	}
}

// A place that is lost while the cleanup runs is an error, and the report has come all the same.
func TestMetricsLostMeanwhile(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "metrics")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	s := saboteur{keep{store.NewMap(nil)}, func() { os.RemoveAll(folder) }}
	code, stdout, stderr := run(t, t.Context(), s, "cleanup", "--metrics-file", filepath.Join(folder, "m.prom"))
	if code != exitError || !strings.Contains(stdout, "nothing to remove") || !strings.Contains(stderr, "the cleanup is done, but --metrics-file could not be written") {
		t.Errorf("%d, %q, %q", code, stdout, stderr)
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	s.Map.Close()
	code, _, stderr = run(t, t.Context(), s, "cleanup", "--metrics-file", filepath.Join(folder, "m.prom"))
	if code != exitError || !strings.Contains(stderr, "closed") || !strings.Contains(stderr, "nor could --metrics-file be written") {
		t.Errorf("%d, %q", code, stderr)
	}
}

// saboteur does something when it is swept.
type saboteur struct {
	keep
	do func()
}

func (s saboteur) Sweep(ctx context.Context, o store.SweepOptions) (store.SweepReport, error) {
	s.do()
	return s.keep.Sweep(ctx, o)
}

// A store that cannot swap has no place for a lease.
func TestCleanupLeaseNeedsSwap(t *testing.T) {
	code, _, stderr := run(t, t.Context(), plain{store.NewMap(nil)}, "cleanup", "--lease")
	if code != exitUsage || !strings.Contains(stderr, "cannot keep a Lease") || !strings.Contains(stderr, "leave the other flags out") {
		t.Errorf("%d, %q", code, stderr)
	}
}

// An outage in which the lease runs out is an outage, and one that another used is theirs.
func TestLeaseLostExitCodes(t *testing.T) {
	for _, test := range []struct {
		causes []error
		code   int
	}{
		{[]error{cleanup.ErrLeaseLost, store.ErrUnavailable}, exitError},
		{[]error{cleanup.ErrLeaseLost, cleanup.ErrLeased}, exitLocked},
		{[]error{cleanup.ErrLeased}, exitLocked},
		{[]error{cleanup.ErrBudget}, exitBudget},
	} {
		if f := explain(store.Wrap("cleanup", "run", joined(test.causes))); f.code != test.code || f.hint == "" {
			t.Errorf("%v: exit code %d, hint %q", test.causes, f.code, f.hint)
		}
	}
}

type joined []error

func (j joined) Error() string   { return "several" }
func (j joined) Unwrap() []error { return j }

func TestBacklogText(t *testing.T) {
	for _, test := range []struct {
		n       int
		atLeast bool
		want    string
	}{
		{0, false, "nothing is left"}, {0, true, "more may be left"}, {1, false, "1 entry is left"}, {1, true, "at least 1 entry is left"},
		{1234, false, "1,234 entries are left"}, {2, true, "at least 2 entries are left"},
	} {
		if got := backlogText(cleanup.Report{Backlog: test.n, BacklogAtLeast: test.atLeast, Duration: time.Second}); got != test.want {
			t.Errorf("%d, %t: %q", test.n, test.atLeast, got)
		}
	}
}
