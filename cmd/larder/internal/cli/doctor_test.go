package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder"
	"github.com/larder-go/larder/cleanup"
	"github.com/larder-go/larder/store"
)

// examined is what doctor finds, by its JSON.
type examined struct {
	doctorResult
	code   int
	stderr string
}

// doctorBy runs doctor in this process with these variables.
func doctorBy(t *testing.T, mux store.Mux, env map[string]string, args ...string) (e examined) {
	t.Helper()
	var out, errs bytes.Buffer
	a := newApp(strings.NewReader(""), &out, &errs, func(name string) string { return env[name] }, mux)
	e.code = a.run(t.Context(), append([]string{"doctor", "--json"}, args...))
	e.stderr = errs.String()
	if out.Len() > 0 {
		if err := json.Unmarshal(out.Bytes(), &e.doctorResult); err != nil {
			t.Fatalf("%v: %s", err, &out)
		}
	}
	return e
}

// doctorAt examines the store that a URL names.
func doctorAt(t *testing.T, url string, args ...string) examined {
	t.Helper()
	return doctorBy(t, larder.Mux(), map[string]string{envStore: url}, args...)
}

func names(facts []doctorFact) (all []string) {
	for _, f := range facts {
		all = append(all, f.Name)
	}
	return all
}

// well demands that nothing is wrong.
func (e examined) well(t *testing.T) {
	t.Helper()
	if e.code != exitDone || len(e.Wrong) > 0 || len(e.Fine) == 0 || e.stderr != "" {
		t.Errorf("exit code %d, %+v, %s", e.code, e.Wrong, e.stderr)
	}
}

// wrong demands that this is wrong, and nothing else.
func (e examined) wrong(t *testing.T, name, value, advice string) {
	t.Helper()
	if e.code != exitPartial || len(e.Wrong) != 1 || e.Wrong[0].Name != name ||
		!strings.Contains(e.Wrong[0].Value, value) || !strings.Contains(e.Wrong[0].Advice, advice) {
		t.Errorf("exit code %d, %+v, %s; want %s, %q, %q", e.code, e.Wrong, e.stderr, name, value, advice)
	}
	if !strings.Contains(e.stderr, name) && len(e.Wrong) > 0 {
		t.Errorf("the error does not name what is wrong: %s", e.stderr)
	}
}

// told is a store whose backend tells these facts.
type told struct {
	*store.Map
	facts []store.Fact
	err   error
}

func (told) Close() error { return nil }

func (s told) Inspect(context.Context) ([]store.Fact, error) { return s.facts, s.err }

func TestDoctorSorts(t *testing.T) {
	s := told{Map: store.NewMap(&store.MapOptions{Expiry: store.Expiry{Timeout: time.Hour}}), facts: []store.Fact{
		{Name: "server", Value: "a server"},
		{Name: "eviction (h1:1)", Value: "on", Warn: "give it memory"},
		{Name: "checksums", Value: "unknown", Warn: "the server does not tell"},
		{Name: "persistence", Value: "appendonly, appendfsync not told", Warn: "CONFIG is forbidden"},
		{Name: "role", Value: "master with 1 replicas", Warn: "Durability: replicas follow with a delay; ..."},
	}}
	env := map[string]string{envStore: "test:?x-timeout=1h"}
	e := doctorBy(t, opens(s), env)
	e.wrong(t, "eviction (h1:1)", "on", "give it memory")
	if got := strings.Join(names(e.Unknown), " ") + "|" + strings.Join(names(e.Notes), " "); got != "checksums persistence|role" {
		t.Errorf("%s", got)
	}
	for _, name := range []string{"eviction", "eviction (h1:1)"} {
		e = doctorBy(t, opens(s), env, "--accept", "x,"+name)
		e.well(t)
		if got := strings.Join(names(e.Notes), " "); got != "eviction (h1:1) role" {
			t.Errorf("%s", got)
		}
	}
	// The text has the same, and with -q only what is wrong.
	code, stdout, stderr := run(t, t.Context(), s, "doctor", "--idle", "1h")
	for _, want := range []string{"\nwrong\n  eviction (h1:1) on\n", "> give it memory\n",
		"\nmay be meant so\n  role ", "\ncould not be asked\n  checksums ", "\nfine\n  server, ", "\n1 thing is wrong ("} {
		if code != exitPartial || !strings.Contains(stdout, want) {
			t.Errorf("%d: no %q in %s", code, want, stdout)
		}
	}
	if !strings.Contains(stderr, "larder: 1 thing is wrong: eviction (h1:1)\n  hint: docs/doctor.md") {
		t.Error(stderr)
	}
	if n := strings.Count(stdout, "\n"); n > 24 {
		t.Errorf("%d lines are more than a screen", n)
	}
	if code, stdout, _ = run(t, t.Context(), s, "doctor", "-q", "--idle", "1h"); code != exitPartial || !strings.Contains(stdout, "eviction") ||
		strings.Contains(stdout, "role") || strings.Contains(stdout, "fine") {
		t.Errorf("-q: %d, %s", code, stdout)
	}
	if code, stdout, stderr = run(t, t.Context(), s, "doctor", "-q", "--accept=eviction", "--idle=1h"); code != exitDone || stdout+stderr != "" {
		t.Errorf("-q where nothing is wrong: %d, %q, %q", code, stdout, stderr)
	}
}

func TestDoctorUsage(t *testing.T) {
	s := keep{store.NewMap(nil)}
	for _, args := range [][]string{{"a", "b"}, {"test:", "--store", "test:"}, {"--idle", "0"}, {""}} {
		if code, stdout, stderr := run(t, t.Context(), s, append([]string{"doctor"}, args...)...); code != exitUsage || stdout != "" || !strings.Contains(stderr, "hint") {
			t.Errorf("%q: %d, %q, %q", args, code, stdout, stderr)
		}
	}
	if code, stdout, stderr := run(t, t.Context(), s, "doctor", "test:"); code != exitDone || !strings.Contains(stdout, "nothing is wrong") {
		t.Errorf("the URL as argument: %d, %q, %q", code, stdout, stderr)
	}
	// An outage is an error, and no finding; so is a signal.
	down := told{Map: store.NewMap(nil), err: store.Wrap("test", "inspect", store.ErrUnavailable)}
	if code, _, stderr := run(t, t.Context(), down, "doctor"); code != exitError || !strings.Contains(stderr, "store unavailable") {
		t.Errorf("%d, %q", code, stderr)
	}
	if code, _, _ := run(t, t.Context(), outage{store.NewMap(nil)}, "doctor"); code != exitError {
		t.Errorf("a list that breaks off: %d", code)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if code, _, _ := run(t, ctx, s, "doctor"); code != exitInterrupted {
		t.Errorf("interrupted: %d", code)
	}
	// A store without abilities tells little, and says so.
	e := doctorBy(t, opens(plain{store.NewMap(nil)}), map[string]string{envStore: "test:"})
	if got := strings.Join(names(e.Unknown), " "); e.code != exitDone || got != "server entries cleanup" {
		t.Errorf("%d: %s", e.code, got)
	}
}

// TestDoctorCleanup: hours and days in a bubble of time.
func TestDoctorCleanup(t *testing.T) {
	url := map[string]string{envStore: "test:"}
	at := func(t *testing.T, s store.Closer, args ...string) examined {
		t.Helper()
		return doctorBy(t, opens(s), url, append(args, "--idle", "1h")...)
	}
	fill := func(t *testing.T, s store.Store, n int) {
		for i := range n {
			if err := s.Set(t.Context(), fmt.Sprint("key", i), []byte("value")); err != nil {
				t.Fatal(err)
			}
		}
	}
	sweep := func(t *testing.T, s store.Store, o cleanup.Options) {
		t.Helper()
		o.Idle, o.Lease = time.Hour, cleanup.DefaultLease
		if _, err := cleanup.Run(t.Context(), s, &o); err != nil && !errors.Is(err, cleanup.ErrBudget) && !errors.Is(err, store.ErrUnavailable) {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]func(t *testing.T, s keep){
		"never": func(t *testing.T, s keep) {
			fill(t, s, 5)
			at(t, s).well(t)
			time.Sleep(2 * time.Hour)
			at(t, s).well(t) // they should have gone an hour ago: a timer may well come later
			time.Sleep(24 * time.Hour)
			at(t, s).wrong(t, "cleanup", "none seen for a day: 5 entries should have gone, the first 1d", adviceOnTimer)
			doctorBy(t, opens(s), url, "--idle", "30d").well(t)
		},
		"stopped": func(t *testing.T, s keep) {
			sweep(t, s, cleanup.Options{})
			at(t, s).well(t)
			time.Sleep(23 * time.Hour)
			at(t, s).well(t)
			time.Sleep(2 * time.Hour)
			at(t, s).wrong(t, "cleanup", "last ended 1d1h ago on ", "none for more than a day")
			sweep(t, s, cleanup.Options{})
			at(t, s).well(t)
		},
		"budget": func(t *testing.T, s keep) {
			slow := func(s keep) {
				fill(t, s, 100)
				time.Sleep(2 * time.Hour)
				sweep(t, s, cleanup.Options{Batch: 10, Pause: time.Minute, MaxTime: 2 * time.Minute})
			}
			sweep(t, s, cleanup.Options{})
			slow(s)
			at(t, s).well(t) // once is nothing
			for range 13 {
				slow(s)
			}
			at(t, s).wrong(t, "cleanup", "time budget, ", "its budget is used up each time, for 1d")
		},
		"failed": func(t *testing.T, s keep) {
			sweep(t, failing{s}, cleanup.Options{})
			at(t, s).wrong(t, "cleanup", ": error, 0 entries removed", "it has not come to its end since it runs")
			sweep(t, s, cleanup.Options{})
			at(t, s).well(t)
			time.Sleep(2 * time.Hour)
			sweep(t, failing{s}, cleanup.Options{})
			at(t, s).well(t)
			time.Sleep(23 * time.Hour)
			sweep(t, failing{s}, cleanup.Options{})
			at(t, s).wrong(t, "cleanup", ": error", "for 1d1h: look at what it logs")
		},
		"another idle": func(t *testing.T, s keep) {
			fill(t, s, 3)
			for range 30 {
				time.Sleep(time.Hour)
				if _, err := cleanup.Run(t.Context(), s, &cleanup.Options{Idle: 1000 * time.Hour, Lease: cleanup.DefaultLease}); err != nil {
					t.Fatal(err)
				}
			}
			at(t, s).wrong(t, "cleanup", "; but 3 entries should have gone, the first 1d5h", "it does not keep up")
			doctorBy(t, opens(s), url).well(t) // by the idle time of the report
		},
		"clock skew": func(t *testing.T, s keep) {
			sweep(t, s, cleanup.Options{})
			item, err := s.Peek(t.Context(), store.ReservedKey("cleanup"))
			if err != nil {
				t.Fatal(err)
			}
			year := time.Now().Format("2006-")
			ahead := strings.ReplaceAll(string(item.Value), year, "2099-")
			if err := s.Set(t.Context(), store.ReservedKey("cleanup"), []byte(ahead)); err != nil || ahead == string(item.Value) {
				t.Fatal(ahead, err)
			}
			at(t, s).wrong(t, "cleanup", "in the future", "clock skew")
			sweep(t, s, cleanup.Options{})
			at(t, s).well(t)
		},
		"damaged report": func(t *testing.T, s keep) {
			if err := s.Set(t.Context(), store.ReservedKey("cleanup"), []byte("{")); err != nil {
				t.Fatal(err)
			}
			at(t, s).wrong(t, "cleanup report", "damaged", "larder cleanup --lease replaces it")
			sweep(t, s, cleanup.Options{})
			at(t, s).well(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test(t, keep{store.NewMap(&store.MapOptions{Expiry: store.Expiry{TouchAfter: -1}})})
			})
		})
	}
}

// TestDoctorPage: the page has a row for each finding.
func TestDoctorPage(t *testing.T) {
	page, err := os.ReadFile("../../../../docs/doctor.md")
	if err != nil {
		t.Fatal(err)
	}
	sources, err := filepath.Glob("doctor*.go")
	if err != nil || len(sources) < 5 {
		t.Fatal(sources, err)
	}
	found := 0
	for _, path := range sources {
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`doctorFact\{(?:Name: )?"([^"]+)"`).FindAllStringSubmatch(string(source), -1) {
			found++
			if !strings.Contains(string(page), "| `"+match[1]+"` |") {
				t.Errorf("docs/doctor.md has no row on %q of %s", match[1], path)
			}
		}
	}
	if found < 9 {
		t.Errorf("only %d findings are in the source", found)
	}
}

// failing is a store that cannot be swept any more.
type failing struct{ keep }

func (failing) Sweep(context.Context, store.SweepOptions) (store.SweepReport, error) {
	return store.SweepReport{}, store.Wrap("test", "sweep", store.ErrUnavailable)
}

// drawer is a store of which a list shows what is given.
type drawer struct {
	*store.Map
	infos   []store.Info
	corrupt int
	slow    bool
}

func (drawer) Close() error { return nil }

func (s drawer) List(ctx context.Context, _ string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		for range s.corrupt {
			if !yield(store.Info{}, store.Wrap("test", "list", store.ErrCorrupt)) {
				return
			}
		}
		for _, info := range s.infos {
			if !yield(info, nil) {
				return
			}
		}
		if s.slow {
			<-ctx.Done()
			yield(store.Info{}, store.Wrap("test", "list", errors.Join(ctx.Err(), store.ErrUnavailable)))
		}
	}
}

func TestDoctorSample(t *testing.T) {
	now := time.Now()
	dated := store.Info{Key: "k", Atime: now, Expires: now.Add(time.Hour)}
	bare := store.Info{Key: "k", Atime: now}
	at := func(s drawer, args ...string) examined {
		s.Map = store.NewMap(nil)
		return doctorBy(t, opens(s), map[string]string{envStore: "test:"}, args...)
	}
	at(drawer{infos: []store.Info{dated, dated}}).well(t)
	at(drawer{infos: []store.Info{dated, bare}}).wrong(t, "idle time-out", "none, and 1 has of 2 looked at no deadline either", "they stay for ever")
	at(drawer{infos: []store.Info{dated, bare}}, "--idle=1d").well(t)
	at(drawer{infos: []store.Info{dated}, corrupt: 2}).wrong(t, "damaged", "2 entries", "they cannot be read")
	ahead := dated
	ahead.Atime = now.Add(time.Hour)
	at(drawer{infos: []store.Info{dated, ahead}}).wrong(t, "future", "59m59s ahead", "set the clocks by NTP")
	ahead.Atime = now.Add(3 * time.Second)
	at(drawer{infos: []store.Info{ahead}}).well(t)
	if e := at(drawer{infos: slices.Repeat([]store.Info{dated}, 50_000)}); e.Looked != doctorLooked || e.code != exitDone {
		t.Errorf("%d entries are looked at", e.Looked)
	}
	if e := at(drawer{}); strings.Join(names(e.Unknown), " ") != "idle time-out" {
		t.Errorf("an empty store: %+v", e.Unknown)
	}
	synctest.Test(t, func(t *testing.T) { // a list that takes for ever is left after a while
		start := time.Now()
		dated := store.Info{Key: "k", Atime: start, Expires: start.Add(time.Hour)}
		s := drawer{Map: store.NewMap(nil), infos: []store.Info{dated}, slow: true}
		e := doctorBy(t, opens(s), map[string]string{envStore: "test:"})
		e.well(t)
		if took := time.Since(start); took > doctorSample+time.Second || e.Looked != 1 {
			t.Errorf("%v, %d looked at", took, e.Looked)
		}
	})
}
