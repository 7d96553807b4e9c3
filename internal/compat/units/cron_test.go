package units

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// cronLine is the one line of contrib/cron.d/larder that is a job, and the variables above it.
func cronLine(t *testing.T) (schedule, user, line string, env map[string]string) {
	t.Helper()
	text := unit(t, "cron.d/larder")
	if !strings.HasSuffix(text, "\n") {
		t.Error("cron ignores a last line without an end")
	}
	variable := regexp.MustCompile(`^([A-Z_]+)=(.*)$`)
	job := regexp.MustCompile(`^(\S+ \S+ \S+ \S+ \S+)\s+([a-z_][a-z0-9_-]*)\s+(.+)$`)
	env = make(map[string]string)
	for l := range strings.Lines(text) {
		l = strings.TrimSuffix(l, "\n")
		if l == "" || l[0] == '#' {
			continue
		}
		if v := variable.FindStringSubmatch(l); v != nil {
			env[v[1]] = v[2] // cron takes it to the letter: nothing is expanded
			continue
		}
		j := job.FindStringSubmatch(l)
		if j == nil || line != "" {
			t.Fatalf("not a job of five fields, a user and a command, or one more: %q", l)
		}
		schedule, user, line = j[1], j[2], j[3]
	}
	return schedule, user, line, env
}

// TestCron: what cron makes of the file.
func TestCron(t *testing.T) {
	schedule, user, line, env := cronLine(t)
	checkSchedule(t, schedule)
	if user == "root" {
		t.Error("it runs as root, whose files the application cannot read")
	}
	// cron ends the command at the first %, and hands it the rest as its input.
	if strings.Contains(line, "%") {
		t.Errorf("a %% in %q", line)
	}
	if len(line) > 900 { // Vixie's cron has room for 1,000 bytes
		t.Errorf("the command has %d bytes", len(line))
	}
	if env["LARDER_STORE_FILE"] != "/etc/larder/store" || env["PATH"] == "" {
		t.Errorf("%q: cron has no PATH in which the command is, and the URL must not stand in the command line", env)
	}
	// systemd's service and this line do the same.
	start := strings.Index(line, "larder cleanup")
	command, _, _ := strings.Cut(line[start:], " 2>&1")
	got := cleanupArgs(t, strings.Fields(command))
	if want := cleanupArgs(t, strings.Fields(only(t, settings(t, service), "Service.ExecStart"))); !slices.Equal(got, want) {
		t.Errorf("cron runs it with %q, systemd with %q", got, want)
	}
}

// TestCronLineInShell runs the line as cron does, with a larder that ends with each exit code, and looks at what cron would mail.
func TestCronLineInShell(t *testing.T) {
	skipOnWindows(t)
	_, _, line, _ := cronLine(t)
	for code, mail := range map[int]bool{0: false, 1: true, 2: true, 10: true, 11: false, 12: false, 130: true} {
		for _, systemd := range []bool{false, true} {
			ran, out, err := shell(t, line, code, systemd)
			if ran == systemd {
				t.Errorf("systemd %t: larder ran: %t", systemd, ran)
			}
			if mailed := out != ""; mailed != (mail && !systemd) || mailed && out != fmt.Sprintf("larder: it ended with %d\n", code) {
				t.Errorf("systemd %t, exit code %d: cron mails %q (%v)", systemd, code, out, err)
			}
		}
	}
}

// shell gives the line to sh, with a larder that ends with the code. The folder by which the line knows systemd is another's here.
func shell(t *testing.T, line string, code int, systemd bool) (ran bool, out string, err error) {
	t.Helper()
	folder := t.TempDir()
	const sign = "/run/systemd/system"
	if strings.Count(line, sign) != 1 {
		t.Fatalf("the line does not look for %s", sign)
	}
	there := filepath.Join(folder, "absent")
	if systemd {
		there = folder
	}
	script := fmt.Sprintf("#!/bin/sh\n>%s\n[ %d = 0 ] || echo 'larder: it ended with %d' >&2\nexit %d\n", filepath.Join(folder, "ran"), code, code, code)
	if err := os.WriteFile(filepath.Join(folder, "larder"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	c := exec.Command("/bin/sh", "-c", strings.Replace(line, sign, there, 1))
	c.Env = []string{"PATH=" + folder + ":/usr/bin:/bin"}
	output, err := c.CombinedOutput()
	_, statErr := os.Stat(filepath.Join(folder, "ran"))
	return statErr == nil, string(output), err
}
