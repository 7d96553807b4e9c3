package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
)

// heldNode is a node in the memory of the test, which stays when it is closed.
type heldNode struct {
	*store.Map
	hangs    bool   // each call waits until its context ends
	unlisted bool   // it cannot list, as memcached
	broken   error  // what a list ends with
	listing  func() // called when it is listed
}

func (n *heldNode) Close() error { return nil }

func (n *heldNode) Contains(ctx context.Context, key string) (bool, error) {
	if n.hangs {
		<-ctx.Done()
		return false, store.Wrap("held", "contains", ctx.Err())
	}
	return n.Map.Contains(ctx, key)
}

func (n *heldNode) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	if n.listing != nil && ctx.Err() == nil {
		n.listing()
	}
	switch {
	case n.unlisted:
		return func(yield func(store.Info, error) bool) { yield(store.Info{}, errors.ErrUnsupported) }
	case n.broken != nil && ctx.Err() == nil:
		return func(yield func(store.Info, error) bool) { yield(store.Info{}, n.broken) }
	}
	return n.Map.List(ctx, prefix)
}

// heldRing is nodes by name, and a mux whose URLs "held:NAME" are those.
func heldRing(names ...string) (map[string]*heldNode, store.Mux) {
	nodes := make(map[string]*heldNode)
	for _, name := range names {
		nodes[name] = &heldNode{Map: store.NewMap(nil)}
	}
	mux := store.Mux{"held": func(_ context.Context, u *url.URL) (store.Closer, error) { return nodes[u.Opaque], nil }}
	mux[shardScheme] = shard.Open(mux)
	return nodes, mux
}

// runRing runs the command on such nodes.
func runRing(t *testing.T, mux store.Mux, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = newApp(strings.NewReader(""), &out, &errs, func(string) string { return "" }, mux).run(t.Context(), append([]string{"ring"}, args...))
	return code, out.String(), errs.String()
}

const heldURL = "shard:?node=a=held:a&node=b=held:b&node=c=held:c"

// fillRing puts n entries of up to 100 bytes where the URL has them.
func fillRing(t *testing.T, mux store.Mux, rawURL string, n int) {
	t.Helper()
	s, err := mux.Open(t.Context(), rawURL)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range n {
		if err := s.Set(t.Context(), fmt.Sprintf("session:%d", i), make([]byte, i%100)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRingPlanPicture keeps docs/ring-plan.svg what the command draws: 20,000 entries on three nodes, to which a fourth of weight 2 comes. To draw it anew:
//
//	LARDER_SHOTS=$PWD/docs go test ./cmd/larder/internal/cli -run TestRingPlanPicture
func TestRingPlanPicture(t *testing.T) {
	_, mux := heldRing("a", "b", "c")
	fillRing(t, mux, heldURL, 20_000)
	code, picture, errs := runRing(t, mux, "plan", "--store", heldURL, "--add", "d:2", "--svg", "-")
	if code != exitDone {
		t.Fatal(code, errs)
	}
	if folder := os.Getenv("LARDER_SHOTS"); folder != "" {
		if err := os.WriteFile(filepath.Join(folder, "ring-plan.svg"), []byte(picture), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	page, err := os.ReadFile("../../../../docs/ring-plan.svg")
	if err != nil || string(page) != picture {
		t.Errorf("docs/ring-plan.svg is not what larder ring plan draws (%v); draw it anew as this test says", err)
	}
}

// TestRingStatusHangs: a node that does not answer keeps nobody waiting for longer than answerWithin, and its line says why.
func TestRingStatusHangs(t *testing.T) {
	nodes, mux := heldRing("a", "b", "c")
	fillRing(t, mux, heldURL, 30)
	nodes["b"].hangs = true
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		code, out, errs := runRing(t, mux, "status", "--store", heldURL)
		if took := time.Since(start); code != exitPartial || took > answerWithin {
			t.Errorf("exit code %d after %v: %s%s", code, took, out, errs)
		}
		for _, want := range []string{"b: held: contains: store unavailable", "\na  ", "\nc  ", "total      not known"} {
			if !strings.Contains(out, want) {
				t.Errorf("no %q in %s", want, out)
			}
		}
	})
}

// TestRingStatusBrokenList: a node that answers but whose list fails is up, is not counted, and spoils no other's count.
func TestRingStatusBrokenList(t *testing.T) {
	nodes, mux := heldRing("a", "b", "c")
	fillRing(t, mux, heldURL, 300)
	nodes["b"].broken = fmt.Errorf("held: list: %w", store.ErrUnavailable)
	code, out, errs := runRing(t, mux, "status", "--json", "--store", heldURL)
	var r ringStatusResult
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err, out)
	}
	if code != exitPartial || r.Entries != nil || !r.Nodes[1].Up || r.Nodes[1].Entries != nil || r.Nodes[1].Error == "" || r.Nodes[0].Entries == nil {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
}

// TestRingUnlisted: where a node cannot list, a plan is of made-up keys, nothing is counted, and rebalance says how long to wait.
func TestRingUnlisted(t *testing.T) {
	nodes, mux := heldRing("a", "b", "c", "d")
	nodes["b"].unlisted = true
	fillRing(t, mux, heldURL, 300)
	code, out, errs := runRing(t, mux, "plan", "--store", heldURL, "--add", "d=held:d")
	for _, want := range []string{"\nb           1         -       -  33.3 %  ", "about 24.9 %", "so that is of 100,000 made-up keys", "d       0 → 1"} {
		if code != exitDone || !strings.Contains(out, want) {
			t.Errorf("plan: exit code %d, no %q in %s%s", code, want, out, errs)
		}
	}
	code, out, errs = runRing(t, mux, "status", "--store", heldURL)
	if code != exitDone || !strings.Contains(out, "total      not known") {
		t.Errorf("status: %d: %s%s", code, out, errs)
	}
	second := heldURL + "&node=d=held:d&weight=d:0&next=d:1&recheck=1ms"
	code, _, errs = runRing(t, mux, "rebalance", "--dry-run", "--store", second)
	if code != exitUsage || !strings.Contains(errs, "a node cannot list") {
		t.Errorf("dry run: %d: %s", code, errs)
	}
	code, out, errs = runRing(t, mux, "rebalance", "--json", "--store", second)
	var r ringRebalanceResult
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != exitPartial || r.Drained || len(r.Unlisted) != 1 || r.Unlisted[0] != "b" || r.Moved == 0 ||
		!strings.Contains(errs, "x-timeout") {
		t.Errorf("rebalance: %d: %s%s", code, out, errs)
	}
}

// TestRebalanceLine is what a terminal shows of a rebalance.
func TestRebalanceLine(t *testing.T) {
	for _, test := range []struct {
		moved, garbage, checked, total int
		want                           string
	}{
		{0, 0, 0, 0, "rebalancing: 0, 0/s"},
		{1000, 0, 0, 0, "rebalancing: 1,000, 100/s"},
		{1000, 5, 0, 3000, "rebalancing: 1,000 of 3,000, 5 had moved before, 100/s, 20s left"},
		{3000, 0, 0, 3000, "rebalancing: 3,000 of 3,000; waiting until every program knows"},
		{3000, 0, 900, 3000, "rebalancing: 3,000 of 3,000; checking: 900"},
	} {
		if got := rebalanceLine(test.moved, test.garbage, test.checked, test.total, 10*time.Second); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

// TestRingTTY shows progress to who looks on.
func TestRingTTY(t *testing.T) {
	_, mux := heldRing("a", "b", "c", "d")
	fillRing(t, mux, heldURL, 100)
	var out, errs bytes.Buffer
	a := newApp(strings.NewReader(""), &out, &errs, func(string) string { return "" }, mux)
	a.tty = func(any) bool { return true }
	second := heldURL + "&node=d=held:d&weight=d:0&next=d:1&recheck=1ms"
	synctest.Test(t, func(t *testing.T) {
		if code := a.run(t.Context(), []string{"ring", "rebalance", "--rate", "5", "--store", second}); code != exitDone {
			t.Fatal(code, errs.String())
		}
	})
	if shown := errs.String(); !strings.Contains(shown, "rebalancing: ") || !strings.Contains(shown, "/s, ") || !strings.Contains(shown, " left (") {
		t.Errorf("%q", shown)
	}
}
