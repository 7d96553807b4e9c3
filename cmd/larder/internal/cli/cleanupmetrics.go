package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/larder-go/larder/cleanup"
	"github.com/larder-go/larder/store"
)

// cleanupMetrics is what --metrics-file tells of a run, also of one that failed before it began.
type cleanupMetrics struct {
	path    string
	begun   time.Time
	dryRun  bool
	report  *cleanup.Report // nil: no sweep was begun
	success time.Time       // of another host that shares the lease; zero: not known
}

// withMetrics runs do, and tells --metrics-file how it went. Whether that can be written is tried before: a job whose metrics are lost is one
// that nobody watches.
func (a *app) withMetrics(f *cleanupFlags, do func(*cleanupMetrics) error) error {
	m := &cleanupMetrics{path: f.metrics, begun: time.Now(), dryRun: f.dryRun}
	if m.path == "" {
		return do(m)
	}
	if err := m.try(); err != nil && !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) { // the cleanup may make room
		return usage("name a file in a folder that is there and that this user can write to", "--metrics-file: %w", err)
	}
	if !strings.HasSuffix(m.path, ".prom") {
		a.note("note: the node exporter reads only files whose names end with .prom")
	}
	err := do(m)
	code := exitDone
	if err != nil {
		code = explain(err).code
	}
	url := store.Redact(a.secret)
	if url == "" { // it could not be found out: the run counts for the store whose file this is
		url = m.formerStore()
	}
	writeErr := m.write(url, code)
	switch {
	case writeErr == nil:
		return err
	case err == nil:
		return &failure{exitError, fmt.Errorf("the cleanup is done, but --metrics-file could not be written: %w", writeErr), "look at the folder and its disk"}
	}
	why := explain(err)
	return &failure{code, fmt.Errorf("%w; nor could --metrics-file be written: %w", why.err, writeErr), why.hint}
}

// othersSuccess looks for the last success of whichever host, for one that always finds the lease held is none that fails.
func (m *cleanupMetrics) othersSuccess(ctx context.Context, s store.Store) {
	if m.path == "" {
		return
	}
	if last, err := cleanup.Last(ctx, s); err == nil {
		m.success = last.Success
	}
}

// try finds out whether the file can be written.
func (m *cleanupMetrics) try() error {
	if info, err := os.Stat(m.path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no file", m.path)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	t, err := m.temp()
	if err != nil {
		return err
	}
	return errors.Join(t.Close(), os.Remove(t.Name()))
}

// temp makes a file beside the real one, under a name that no collector reads.
func (m *cleanupMetrics) temp() (*os.File, error) {
	return os.CreateTemp(filepath.Dir(m.path), "."+filepath.Base(m.path)+".*.tmp")
}

// write puts the metrics in place of those of the run before, all at once. Whoever scrapes them is another user, so everybody may read them.
func (m *cleanupMetrics) write(url string, code int) (err error) {
	text := m.text(url, code, m.lastSuccess(url, code))
	t, err := m.temp()
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(t.Name())
		}
	}()
	_, err = t.WriteString(text)
	err = errors.Join(err, t.Chmod(0o644), t.Sync(), t.Close())
	if err != nil {
		return err
	}
	return os.Rename(t.Name(), m.path)
}

const metricSuccess = "larder_cleanup_last_success_timestamp_seconds"

// lastSuccess is now, where this run succeeded, and else the latest that is known.
func (m *cleanupMetrics) lastSuccess(url string, code int) float64 {
	if code == exitDone && !m.dryRun {
		return unixSeconds(time.Now())
	}
	before := 0.0
	if !m.success.IsZero() {
		before = unixSeconds(m.success)
	}
	content, err := os.ReadFile(m.path)
	if err != nil {
		return before
	}
	for line := range strings.Lines(string(content)) {
		if value, ok := strings.CutPrefix(line, metricSuccess+labels("store", url)+" "); ok {
			if was, err := strconv.ParseFloat(strings.TrimSpace(value), 64); err == nil && was > before {
				before = was
			}
		}
	}
	return before
}

// formerStore is the store that the file tells of, "" for none.
func (m *cleanupMetrics) formerStore() string {
	content, err := os.ReadFile(m.path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(content)) {
		if label, ok := strings.CutPrefix(line, metricSuccess+`{store="`); ok {
			label, _, _ = strings.Cut(label, `"} `)
			return strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n").Replace(label)
		}
	}
	return ""
}

func unixSeconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// text is in Prometheus' text format, without timestamps, which a textfile must not have. What is not known is left out. HELP and TYPE are the same
// in every file, or the collector refuses those of two stores side by side.
func (m *cleanupMetrics) text(url string, code int, success float64) string {
	var b strings.Builder
	reason := string(cleanup.Failed)
	if code == exitInterrupted {
		reason = string(cleanup.Canceled)
	}
	r := m.report
	if r != nil {
		reason = string(r.Reason)
	}
	gauge := func(name, help, labels string, value float64) {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s gauge\n%s%s %s\n", name, help, name, name, labels, strconv.FormatFloat(value, 'f', -1, 64))
	}
	own := labels("store", url)
	gauge("larder_cleanup_last_run_timestamp_seconds", "When larder cleanup last ended, with whatever exit code.", own, unixSeconds(time.Now()))
	gauge(metricSuccess, "When larder cleanup last ended with exit code 0, on this host or on one that shares its lease; 0: never.", own, success)
	gauge("larder_cleanup_exit_code", "Exit code of the last run: 11 means that another host was at work, 12 that the time budget was used up.", own, float64(code))
	gauge("larder_cleanup_info", "Always 1; the label reason says why the last run stopped.", labels("store", url, "reason", reason), 1)
	gauge("larder_cleanup_duration_seconds", "How long the last run took.", own, time.Since(m.begun).Seconds())
	if r == nil || r.Reason == cleanup.Leased {
		return b.String()
	}
	removed, bytes := r.Removed, r.Bytes
	if m.dryRun {
		removed, bytes = 0, 0
	}
	gauge("larder_cleanup_scanned_entries", "Entries that the last run looked at.", own, float64(r.Scanned))
	gauge("larder_cleanup_removed_entries", "Entries that the last run removed.", own, float64(removed))
	gauge("larder_cleanup_removed_bytes", "Length of the values that the last run removed.", own, float64(bytes))
	if r.Backlog > 0 || !r.BacklogAtLeast {
		gauge("larder_cleanup_backlog_entries", "Entries that should go and were left by the last run; it may have counted a part of them only.", own, float64(r.Backlog))
	}
	gauge("larder_cleanup_lag_seconds", "How late the last run came for the entry that should have gone first.", own, r.Lag.Seconds())
	return b.String()
}

// labels writes names and values as labels. A value may hold anything but what is not UTF-8.
func labels(pairs ...string) string {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(&b, `,%s="%s"`, pairs[i], escape.Replace(strings.ToValidUTF8(pairs[i+1], "\uFFFD")))
	}
	return "{" + b.String()[1:] + "}"
}
