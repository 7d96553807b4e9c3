package units

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

const rulesFile = "prometheus/larder.rules.yml"

// alerts are the rules, as Prometheus' own parser reads them: unknown fields, PromQL and the templates of annotations are checked by it.
func alerts(t *testing.T) map[string]rulefmt.Rule {
	t.Helper()
	groups, problems := rulefmt.Parse([]byte(unit(t, rulesFile)), false, model.LegacyValidation)
	for _, err := range problems {
		t.Errorf("%s: %v", rulesFile, err)
	}
	all := make(map[string]rulefmt.Rule)
	for _, group := range groups.Groups {
		for _, rule := range group.Rules {
			all[rule.Alert] = rule
		}
	}
	return all
}

func TestRulesParse(t *testing.T) {
	for name, rule := range alerts(t) {
		if name == "" || !strings.HasPrefix(name, "Larder") || rule.Labels["severity"] == "" {
			t.Errorf("%q has no name of ours, or no severity", name)
		}
		if rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" {
			t.Errorf("%s does not say what is wrong and what to do", name)
		}
	}
}

// history is what Prometheus has scraped: one sample a minute of each series.
type history struct {
	start  time.Time
	series map[string]*line
}

type line struct {
	labels  labels.Labels
	samples []chunks.Sample
}

type sample struct {
	t int64
	v float64
}

func (s sample) T() int64                    { return s.t }
func (sample) ST() int64                     { return 0 }
func (s sample) F() float64                  { return s.v }
func (sample) H() *histogram.Histogram       { return nil }
func (sample) FH() *histogram.FloatHistogram { return nil }
func (sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample         { return s }

func newHistory() *history {
	return &history{start: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC), series: make(map[string]*line)}
}

// add has the series be value at the minute.
func (h *history) add(minute int, value float64, name string, pairs ...string) {
	l := labels.FromStrings(append([]string{model.MetricNameLabel, name}, pairs...)...)
	if h.series[l.String()] == nil {
		h.series[l.String()] = &line{labels: l}
	}
	s := h.series[l.String()]
	s.samples = append(s.samples, sample{h.at(minute).UnixMilli(), value})
}

func (h *history) at(minute int) time.Time { return h.start.Add(time.Duration(minute) * time.Minute) }

// Querier makes it what the engine asks.
func (h *history) Querier(int64, int64) (storage.Querier, error) { return querier{h}, nil }

type querier struct{ *history }

func (querier) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

func (querier) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

func (querier) Close() error { return nil }

func (q querier) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	found := new(set)
	for _, s := range q.series {
		if !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(s.labels.Get(m.Name)) }) {
			found.lines = append(found.lines, s)
		}
	}
	slices.SortFunc(found.lines, func(a, b *line) int { return labels.Compare(a.labels, b.labels) })
	return found
}

// set is an answer.
type set struct {
	lines []*line
	next  int
}

func (s *set) Next() bool { s.next++; return s.next <= len(s.lines) }
func (s *set) At() storage.Series {
	l := s.lines[s.next-1]
	return storage.NewListSeries(l.labels, l.samples)
}
func (*set) Err() error                        { return nil }
func (*set) Warnings() annotations.Annotations { return nil }

// firing are the alerts that fire at some minute up to the last, with the first such minute: as Prometheus does, one whose expression has been true
// for as long as its "for" says, at each evaluation.
func (h *history) firing(t *testing.T, minutes int) map[string]int {
	t.Helper()
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 50_000_000, Timeout: time.Minute})
	defer engine.Close()
	first := make(map[string]int)
	for name, rule := range alerts(t) {
		query, err := engine.NewRangeQuery(t.Context(), h, nil, rule.Expr, h.start, h.at(minutes), time.Minute)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		matrix, err := query.Exec(t.Context()).Matrix()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, series := range matrix {
			since, before := int64(0), int64(-1)
			for _, p := range series.Floats {
				if before < 0 || p.T-before > time.Minute.Milliseconds() {
					since = p.T
				}
				before = p.T
				minute := int((p.T - h.start.UnixMilli()) / time.Minute.Milliseconds())
				if at, fires := first[name]; p.T-since >= time.Duration(rule.For).Milliseconds() && (!fires || minute < at) {
					first[name] = minute
				}
			}
		}
		query.Close()
	}
	return first
}

// TestAlertsAreDocumented: whoever is woken finds the alert on the page, and every alert there exists.
func TestAlertsAreDocumented(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	documented := make(map[string]bool)
	for _, name := range regexp.MustCompile("`(Larder[A-Za-z]+)`").FindAllStringSubmatch(string(page), -1) {
		documented[name[1]] = true
	}
	for name := range alerts(t) {
		if !documented[name] {
			t.Errorf("docs/operations.md does not say what to do about %s", name)
		}
		delete(documented, name)
	}
	for name := range documented {
		t.Errorf("docs/operations.md names %s, which is no alert", name)
	}
}
