package units

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// metrics runs `larder cleanup` with --metrics-file and reads the file as Prometheus does.
func metrics(t *testing.T, want int, args ...string) map[string]*dto.MetricFamily {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cleanup.prom")
	if code, _, stderr := larder(t, append([]string{"cleanup", "--metrics-file", path}, args...)...); code != want {
		t.Fatalf("%q: exit code %d, want %d: %s", args, code, want, stderr)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(file)
	if err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	return families
}

// TestMetricsFile: Prometheus reads it, its linter has nothing to say, and it keeps the rules of node_exporter's textfile collector.
func TestMetricsFile(t *testing.T) {
	url := seeded(t)
	for name, test := range map[string]struct {
		code int
		args []string
	}{
		"done":     {0, []string{"--store", url, "--lease"}},
		"dry run":  {0, []string{"--store", url, "--idle", "1ms", "-n"}},
		"no store": {10, []string{"--store", url + "/not-there"}},
		"escaped":  {10, []string{"--store", `file:///not "there"\here`}},
	} {
		t.Run(name, func(t *testing.T) {
			families := metrics(t, test.code, test.args...)
			problems, err := promlint.NewWithMetricFamilies(slices.Collect(maps.Values(families))).Lint()
			if err != nil || len(problems) > 0 {
				t.Errorf("%v, %v", problems, err)
			}
			for name, family := range families {
				if family.GetHelp() == "" || family.GetType() != dto.MetricType_GAUGE || len(family.Metric) != 1 {
					t.Errorf("%s: help %q, type %v, %d series", name, family.GetHelp(), family.GetType(), len(family.Metric))
				}
				if family.Metric[0].TimestampMs != nil {
					t.Errorf("%s has a timestamp, for which the collector refuses the file", name)
				}
				if family.Metric[0].Label[0].GetName() != "store" {
					t.Errorf("%s does not tell its store", name)
				}
			}
			if got := families["larder_cleanup_exit_code"].GetMetric()[0].GetGauge().GetValue(); int(got) != test.code {
				t.Errorf("it tells of exit code %v, and that was %d", got, test.code)
			}
		})
	}
}

// TestRulesAskForMetricsThatAreThere: each name of ours in a rule is in the file of a run that had something to do.
func TestRulesAskForMetricsThatAreThere(t *testing.T) {
	families := metrics(t, 0, "--store", seeded(t), "--lease")
	asked := make(map[string]bool)
	for _, rule := range alerts(t) {
		for _, name := range regexp.MustCompile(`[a-z_]*larder_[a-z_]+`).FindAllString(rule.Expr, -1) {
			if asked[name] = true; families[name] == nil {
				t.Errorf("%s asks for %s, which no run writes", rule.Alert, name)
			}
		}
	}
	if len(asked) < 4 {
		t.Errorf("the rules ask for %v alone", asked)
	}
}

// TestMetricsFileIsReadable by others, as node_exporter is another user than the application, under the mask that the service sets.
func TestMetricsFileIsReadable(t *testing.T) {
	skipOnWindows(t)
	path := filepath.Join(t.TempDir(), "cleanup.prom")
	if mask := only(t, settings(t, service), "Service.UMask"); mask != "0077" {
		t.Errorf("UMask=%s", mask)
	}
	out, err := exec.Command("sh", "-c", "umask 0077; larder cleanup -q --store "+seeded(t)+" --metrics-file "+path).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Fatalf("%v: %s", err, out)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 || !strings.HasSuffix(entries[0].Name(), ".prom") {
		t.Errorf("%v, %v: temporary files stay", entries, err)
	}
}
