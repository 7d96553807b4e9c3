package shard_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/admin"
	"github.com/larder-go/larder/cleanup"
	"github.com/larder-go/larder/store"
)

// What stands on a store stands on several nodes just so.

// TestCleanupJob: with a lease, whose report is read back, and with one node down.
func TestCleanupJob(t *testing.T) {
	s := aged(t, 20)
	report, err := cleanup.Run(t.Context(), s, &cleanup.Options{Idle: time.Minute, Lease: time.Minute, Batch: 5})
	if err != nil || report.Removed != 60 {
		t.Errorf("%+v, %v", report, err)
	}
	last, err := cleanup.Last(t.Context(), s)
	if err != nil || last.Report.Removed != 60 {
		t.Errorf("%+v, %v", last, err)
	}

	for n := range 3 {
		nodes := []store.Store{store.NewMap(nil), store.NewMap(nil), store.NewMap(nil)}
		for i, node := range nodes {
			if i == n {
				nodes[i] = down{}
			} else if _, err := store.Swap(t.Context(), node, "old", "", &store.Item{Atime: time.Now().Add(-time.Hour)}); err != nil {
				t.Fatal(err)
			}
		}
		broken := over(t, nodes...)
		report, err := cleanup.Run(t.Context(), broken, &cleanup.Options{Idle: time.Minute})
		wantNodeError(t, err, names(3)[n], store.ErrUnavailable)
		if report.Removed != 2 {
			t.Errorf("without a lease, with node %s down: %+v", names(3)[n], report)
		}
	}
}

// TestCopies: into several nodes and out of them, with everything verified.
func TestCopies(t *testing.T) {
	from, to, back := over(t, store.NewMap(nil), store.NewMap(nil), store.NewMap(nil)), store.NewMap(nil), over(t, store.NewMap(nil), store.NewMap(nil))
	for i := range 300 {
		set(t, from, fmt.Sprintf("key-%d", i), "v")
	}
	for _, sides := range [][2]store.Store{{from, to}, {to, back}} {
		r, err := store.Copy(t.Context(), sides[0], sides[1], &store.CopyOptions{Verify: true, Checkpoint: "test"})
		if err != nil || r.Copied != 300 {
			t.Errorf("%+v, %v", r, err)
		}
	}
	for _, name := range names(2) {
		if n := len(listed(t, store.List(t.Context(), back.Node(name), ""))); n < 100 {
			t.Errorf("node %s got %d", name, n)
		}
	}
	broken := over(t, store.NewMap(nil), down{}, store.NewMap(nil))
	set(t, broken, keyOn(broken, "a", 1), "v")
	if _, err := store.Copy(t.Context(), broken, store.NewMap(nil), &store.CopyOptions{Patience: -1}); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("with a node that is down: %v", err)
	}
}

// TestWrapped: nothing is lost under a prefix, an observer, or a cache.
func TestWrapped(t *testing.T) {
	for name, s := range map[string]store.Store{
		"prefix":  store.Prefix(aged(t, 3), "p:"),
		"observe": store.Observe(aged(t, 3), store.NewLogObserver(nil, nil)),
		"layer":   store.Layer(store.NewMap(nil), aged(t, 3), &store.LayerOptions{Loads: true}),
		"fast":    store.Layer(aged(t, 3), store.NewMap(nil), &store.LayerOptions{Loads: true}),
	} {
		if !store.CanSwap(s) || !store.CanList(s) || !store.CanSweep(s) {
			t.Errorf("%s: it has lost an ability", name)
		}
		if err := s.Delete(t.Context(), "key"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		err := store.Update(t.Context(), s, "key", func(*store.Item) (*store.Item, error) { return &store.Item{Value: []byte("v")}, nil })
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		want(t, s, "key", "v")
	}
}

// TestAdmin: the page shows all nodes.
func TestAdmin(t *testing.T) {
	h, err := admin.New(aged(t, 3), nil)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "http://localhost/", nil))
	if body := w.Body.String(); w.Code != http.StatusOK || !strings.Contains(body, "12") {
		t.Errorf("%d: %s", w.Code, body)
	}
}
