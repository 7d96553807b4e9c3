package units

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/internal/testneed"
)

// settings are the lines of a unit by section and name, in their order.
func settings(t *testing.T, name string) map[string][]string {
	t.Helper()
	all := make(map[string][]string)
	section := ""
	for line := range strings.Lines(unit(t, name)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if line[0] == '[' {
			section = strings.Trim(line, "[]")
			continue
		}
		key, value, found := strings.Cut(line, "=")
		if !found {
			t.Fatalf("%s: %q", name, line)
		}
		all[section+"."+key] = append(all[section+"."+key], value)
	}
	return all
}

func only(t *testing.T, all map[string][]string, key string) string {
	t.Helper()
	if len(all[key]) != 1 {
		t.Fatalf("%s stands there %d times", key, len(all[key]))
	}
	return all[key][0]
}

const service, timer = "systemd/larder-cleanup.service", "systemd/larder-cleanup.timer"

// installed puts both units into a folder, with the path of the command of this checkout, since systemd-analyze looks whether it is there.
func installed(t *testing.T) string {
	t.Helper()
	skipOnWindows(t)
	testneed.Command(t, testneed.SystemdAnalyze, "systemd-analyze")
	path, err := exec.LookPath("larder")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for _, name := range []string{service, timer} {
		text := strings.ReplaceAll(unit(t, name), "/usr/bin/larder", path)
		if err := os.WriteFile(filepath.Join(folder, filepath.Base(name)), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func TestSystemdTakesTheUnits(t *testing.T) {
	folder := installed(t)
	verify := exec.Command("systemd-analyze", "verify", "--man=no", "./larder-cleanup.timer", "./larder-cleanup.service")
	verify.Dir = folder
	// It warns of a line that it does not understand, and ends with 0.
	if out, err := verify.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	// What is found wrong must be found: else the line above proves nothing.
	broken := strings.Replace(unit(t, service), "ProtectSystem=strict", "ProtectSystems=strict", 1)
	if err := os.WriteFile(filepath.Join(folder, "larder-cleanup.service"), []byte(broken), 0o644); err != nil {
		t.Fatal(err)
	}
	verify = exec.Command("systemd-analyze", "verify", "--man=no", "./larder-cleanup.service")
	verify.Dir = folder
	if out, _ := verify.CombinedOutput(); !strings.Contains(string(out), "ProtectSystems") {
		t.Errorf("a setting that does not exist goes unnoticed: %s", out)
	}
}

// TestServiceIsHardened: systemd rates what a service could do from 0, nothing, to 10, everything. What is left is the network and its server's sockets.
func TestServiceIsHardened(t *testing.T) {
	folder := installed(t)
	security := exec.Command("systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=15", "./larder-cleanup.service")
	security.Dir = folder
	out, err := security.CombinedOutput()
	if err != nil {
		t.Errorf("systemd-analyze security, where 15 means 1.5: %v\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	t.Log(lines[len(lines)-1])
}

func TestTimer(t *testing.T) {
	all := settings(t, timer)
	if only(t, all, "Timer.Persistent") != "yes" || only(t, all, "Install.WantedBy") != "timers.target" {
		t.Errorf("a run that was missed is not made up for, or the timer is not started with the system: %v", all)
	}
	calendar := only(t, all, "Timer.OnCalendar")
	checkSchedule(t, strings.TrimPrefix(calendar, "*-*-* *:")+" * * * *")
	spread, err := time.ParseDuration(strings.ReplaceAll(only(t, all, "Timer.RandomizedDelaySec"), "min", "m"))
	if err != nil || spread <= 0 || spread > 15*time.Minute {
		t.Errorf("RandomizedDelaySec: %v, %v", spread, err)
	}
	installed(t)
	if out, err := exec.Command("systemd-analyze", "calendar", "--iterations=3", calendar).CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", calendar, err, out)
	}
}

// TestService holds the lines together that must fit each other.
func TestService(t *testing.T) {
	all := settings(t, service)
	if got := only(t, all, "Service.Type"); got != "oneshot" {
		t.Errorf("Type=%s", got)
	}
	if got := only(t, all, "Service.SuccessExitStatus"); got != "11 12 130" {
		t.Errorf("SuccessExitStatus=%s", got)
	}
	words := strings.Fields(only(t, all, "Service.ExecStart"))
	args := cleanupArgs(t, words)
	if !slices.Contains(args, "--lease") || slices.Contains(args, "--store") {
		t.Errorf("%q: without --lease every host works at once; the URL must not stand in the command line", args)
	}
	limit, err := time.ParseDuration(strings.ReplaceAll(only(t, all, "Service.TimeoutStartSec"), "min", "m"))
	if budget := maxTime(t, words); err != nil || limit < budget+time.Minute || limit >= 30*time.Minute {
		t.Errorf("TimeoutStartSec %v (%v) must lie between --max-time %v with a batch, and the next run", limit, err, budget)
	}
	name, _, _ := strings.Cut(only(t, all, "Service.LoadCredential"), ":")
	if got := only(t, all, "Service.Environment"); got != "LARDER_STORE_FILE=%d/"+name {
		t.Errorf("the credential is %s, and the environment %s", name, got)
	}
	metrics := args[slices.Index(args, "--metrics-file")+1]
	if state := "/var/lib/" + only(t, all, "Service.StateDirectory"); filepath.Dir(metrics) != state {
		t.Errorf("it may not write %s, but %s", metrics, state)
	}
}
