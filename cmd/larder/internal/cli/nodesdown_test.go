package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/store"
)

// downURL is of nodes of which b is down.
const downURL = "shard:?node=a=held:a&node=b=down:b&node=c=held:c"

// downRing is heldRing, with 300 entries that nobody has used for an hour. By "down:" a node does not answer.
func downRing(t *testing.T) store.Mux {
	t.Helper()
	_, mux := heldRing("a", "b", "c")
	s, err := mux.Open(t.Context(), heldURL)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range 300 {
		item := &store.Item{Value: []byte("value"), Atime: time.Now().Add(-time.Hour)}
		if _, err := store.Swap(t.Context(), s, fmt.Sprintf("key-%d", i), "", item); err != nil {
			t.Fatal(err)
		}
	}
	mux["down"] = func(context.Context, *url.URL) (store.Closer, error) {
		return nil, store.Wrap("held", "open", store.ErrUnavailable)
	}
	return mux
}

// onNodes runs a command on the nodes of a mux.
func onNodes(t *testing.T, mux store.Mux, rawURL string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = newApp(strings.NewReader(""), &out, &errs, func(name string) string { return map[string]string{envStore: rawURL}[name] }, mux).run(t.Context(), args)
	return code, out.String(), errs.String()
}

// TestDoctorOneNodeDown: that it is down is what is wrong, and the others are looked at as ever.
func TestDoctorOneNodeDown(t *testing.T) {
	mux := downRing(t)
	e := doctorBy(t, mux, map[string]string{envStore: downURL}, "--idle", "30d")
	e.wrong(t, "b server", "unreachable", "its share of the entries is not available: held: open: store unavailable")
	if e.Looked == 0 || e.Looked == 300 {
		t.Errorf("looked at %d entries", e.Looked)
	}
	all := strings.Join(names(e.Fine), ", ")
	for _, want := range []string{"placement", "a server", "c server", "damaged", "idle time-out"} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q among %s", want, all)
		}
	}
	if got := strings.Join(names(e.Unknown), ", "); !strings.Contains(got, "entries, cleanup") {
		t.Errorf("not known: %s", got)
	}
	if e := doctorBy(t, mux, map[string]string{envStore: heldURL}, "--idle", "30d"); len(e.Wrong) > 0 || e.Looked != 300 {
		t.Errorf("with all nodes: %+v", e)
	}
	if e := doctorBy(t, mux, map[string]string{envStore: "shard:?node=a=down:a&node=b=down:b"}); e.code != exitError || !strings.Contains(e.stderr, "(nodes a, b)") {
		t.Errorf("with no node: %d, %s", e.code, e.stderr)
	}
}

// TestStatOneNodeDown: what the others hold is counted, and it is said that this is not all, and why.
func TestStatOneNodeDown(t *testing.T) {
	mux := downRing(t)
	code, out, errs := onNodes(t, mux, downURL, "stat", "--json")
	var r statResult
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err, out)
	}
	if code != exitPartial || r.Complete || r.Entries == 0 || r.Entries >= 300 || r.Bytes == 0 || r.Backlog == nil || !strings.Contains(errs, "(node b)") {
		t.Errorf("%d, %+v, %s", code, r, errs)
	}
	code, out, errs = onNodes(t, mux, downURL, "stat")
	if code != exitPartial || !strings.Contains(out, ", without those on nodes that do not answer\nbytes") ||
		!strings.Contains(errs, "larder: not everything was counted: held: open: store unavailable (node b)\n  hint: larder ring status") {
		t.Errorf("%d, %s%s", code, out, errs)
	}
	code, out, _ = onNodes(t, mux, heldURL, "stat", "--json")
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != exitDone || !r.Complete || r.Entries != 300 {
		t.Errorf("with all nodes: %d, %s", code, out)
	}
	if code, out, _ := onNodes(t, mux, "shard:?node=a=down:a&node=b=down:b", "stat"); code != exitError || out != "" {
		t.Errorf("with no node: %d, %s", code, out)
	}
}

// TestCleanupOneNodeDown: with a lease as without, the others are swept, also where the node is that of the lease.
func TestCleanupOneNodeDown(t *testing.T) {
	for _, lost := range []string{"a", "b", "c"} {
		for _, lease := range []string{"--lease", "--batch=100"} {
			rawURL := strings.Replace(heldURL, "=held:"+lost, "=down:"+lost, 1)
			code, out, errs := onNodes(t, downRing(t), rawURL, "cleanup", "--idle", "30m", lease)
			if code != exitError || !strings.HasPrefix(out, "incomplete: removed ") || strings.HasPrefix(out, "incomplete: removed 0") ||
				!strings.Contains(errs, "store unavailable (node "+lost+")") {
				t.Errorf("%s, without %s: %d, %s%s", lease, lost, code, out, errs)
			}
		}
	}
}

// TestCleanupFailed: nothing was looked at, so there is nothing to tell but why.
func TestCleanupFailed(t *testing.T) {
	code, out, errs := run(t, t.Context(), unswept{store.NewMap(nil)}, "cleanup")
	if code != exitError || out != "" || !strings.HasPrefix(errs, "larder: held: sweep: store unavailable\n") {
		t.Errorf("%d, %s%s", code, out, errs)
	}
	code, out, _ = run(t, t.Context(), unswept{store.NewMap(nil)}, "cleanup", "--json")
	if code != exitError || !strings.Contains(out, `"reason":"error"`) {
		t.Errorf("%d, %s", code, out)
	}
}

type unswept struct{ *store.Map }

func (unswept) Close() error { return nil }

func (unswept) Sweep(context.Context, store.SweepOptions) (store.SweepReport, error) {
	return store.SweepReport{}, store.Wrap("held", "sweep", store.ErrUnavailable)
}

// TestDoctorOfNodes: a finding of a node is what it would be of a store by itself.
func TestDoctorOfNodes(t *testing.T) {
	for name, want := range map[string]bool{"persistence": true, "a persistence": true, "old b persistence (10.0.0.1)": true, "apersistence": false, "persistence b": false} {
		f := store.Fact{Name: name, Value: "appendfsync everysec", Warn: "the last second may be lost"}
		if meantSo(f) != want {
			t.Errorf("%s: meant so: %t", name, !want)
		}
		d := doctor{f: &doctorFlags{accept: []string{"persistence"}}}
		if d.accepts(name) != want {
			t.Errorf("--accept persistence, %s: %t", name, !want)
		}
	}
}
