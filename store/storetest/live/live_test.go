package live_test

import (
	"context"
	"errors"
	"iter"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larder-go/larder/diskstore"
	"github.com/larder-go/larder/store"
	"github.com/larder-go/larder/store/storetest/live"
)

// folder is a deployment with an entry of somebody else's, which must stay as it is.
func folder(t *testing.T) (cfg live.Config, stays func()) {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "larder-test-")
	if err != nil {
		dir = t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	open := func(_ context.Context, e store.Expiry) (store.Closer, error) {
		s, err := diskstore.Open(dir, &diskstore.Options{Expiry: e})
		if err != nil {
			return nil, err
		}
		return s, nil
	}
	s, err := open(t.Context(), store.Expiry{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	long := time.Now().Add(-1000 * time.Hour)
	if _, err := store.Swap(t.Context(), s, "somebody", "", &store.Item{Value: []byte("else"), Atime: long}); err != nil {
		t.Fatal(err)
	}
	return live.Config{Open: open}, func() {
		t.Helper()
		if item, err := store.Peek(t.Context(), s, "somebody"); err != nil || string(item.Value) != "else" || time.Since(item.Atime) < 999*time.Hour {
			t.Errorf("somebody else's entry is %+v, %v", item, err)
		}
		for info, err := range store.List(t.Context(), s, "") {
			if err != nil || info.Key != "somebody" {
				t.Errorf("left: %q, %v", info.Key, err)
			}
		}
	}
}

func TestKept(t *testing.T) {
	cfg, stays := folder(t)
	var last atomic.Int64
	cfg.Progress = func(done, total int) { last.Store(int64(total - done)) }
	report, err := live.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	kept := 0
	for _, r := range report.Results {
		switch {
		case len(r.Failures) > 0:
			t.Errorf("%s: %s", r.Case, r.Failures)
		case r.Kept():
			kept++
		case r.Lacks != "":
			t.Errorf("%s lacks %s", r.Case, r.Lacks)
		}
		if r.Heading == "" || r.Rule == "" {
			t.Errorf("%s: heading %q, rule %q", r.Case, r.Heading, r.Rule)
		}
	}
	if kept < 90 || len(report.Lacks) > 0 || report.Left != 0 {
		t.Errorf("%d kept, lacks %q, %d left", kept, report.Lacks, report.Left)
	}
	stays()
}

// TestCanceled: whenever the context ends, Run returns soon, and what it wrote is gone.
func TestCanceled(t *testing.T) {
	for _, after := range []int{0, 1, 40} {
		cfg, stays := folder(t)
		ctx, cancel := context.WithCancel(t.Context())
		var at atomic.Int64
		stop := func() { at.CompareAndSwap(0, time.Now().UnixNano()); cancel() }
		if after == 0 {
			defer time.AfterFunc(100*time.Millisecond, stop).Stop()
		}
		cfg.Progress = func(done, _ int) {
			if done == after {
				stop()
			}
		}
		report, err := live.Run(ctx, cfg)
		late := time.Since(time.Unix(0, at.Load()))
		if !errors.Is(err, context.Canceled) || report == nil || report.Left != 0 {
			t.Fatalf("cancelled after %d cases: %+v, %v", after, report, err)
		}
		if len(report.Results) < after || len(report.Broken()) > 0 {
			t.Errorf("cancelled after %d cases: %d results, broken: %+v", after, len(report.Results), report.Broken())
		}
		if late > 5*time.Second {
			t.Errorf("Run returned %v after the cancel", late)
		}
		stays()
	}
}

// bare hides every ability.
type bare struct{ s store.Closer }

func (b bare) Close() error                                           { return b.s.Close() }
func (b bare) Contains(ctx context.Context, key string) (bool, error) { return b.s.Contains(ctx, key) }
func (b bare) Get(ctx context.Context, key string) ([]byte, error)    { return b.s.Get(ctx, key) }
func (b bare) Set(ctx context.Context, key string, value []byte) error {
	return b.s.Set(ctx, key, value)
}
func (b bare) Delete(ctx context.Context, key string) error { return b.s.Delete(ctx, key) }
func (b bare) Cleanup(ctx context.Context, idle time.Duration) (int, error) {
	panic("it would remove somebody else's entries")
}

// TestBare: a store without abilities is tested too, never cleaned up as a whole, and left as it was.
func TestBare(t *testing.T) {
	cfg, stays := folder(t)
	open := cfg.Open
	cfg.Open = func(ctx context.Context, e store.Expiry) (store.Closer, error) {
		s, err := open(ctx, e)
		return bare{s}, err
	}
	report, err := live.Run(t.Context(), cfg)
	if err != nil || len(report.Broken()) > 0 {
		t.Fatalf("%v, broken: %+v", err, report.Broken())
	}
	if want := []string{"cleanup", "list", "swap", "sweep"}; !slices.Equal(report.Lacks, want) {
		t.Errorf("lacks %q, want %q", report.Lacks, want)
	}
	for _, r := range report.Results {
		if r.Heading == "Cleanup" && r.Kept() {
			t.Errorf("%s is kept, it says, and Cleanup was not called", r.Case)
		}
	}
	stays()
}

// stuck deletes nothing under some keys.
type stuck struct{ *diskstore.Store }

func (s stuck) Delete(ctx context.Context, key string) error {
	if strings.HasSuffix(key, "/key") {
		return store.Wrap("stuck", "delete", store.ErrUnavailable)
	}
	return s.Store.Delete(ctx, key)
}

func (s stuck) Sweep(ctx context.Context, o store.SweepOptions) (store.SweepReport, error) {
	return store.SweepReport{Done: true}, nil
}

func TestLeftBehind(t *testing.T) {
	cfg, _ := folder(t)
	open := cfg.Open
	cfg.Open = func(ctx context.Context, e store.Expiry) (store.Closer, error) {
		s, err := open(ctx, e)
		return stuck{s.(*diskstore.Store)}, err
	}
	cfg.Cases = []string{"values/sizes", "errors/not-found", "delete"}
	report, err := live.Run(t.Context(), cfg)
	if !errors.Is(err, store.ErrUnavailable) || report == nil || report.Left == 0 || !strings.Contains(err.Error(), report.Prefix) {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestUnknownCase(t *testing.T) {
	_, err := live.Run(t.Context(), live.Config{Cases: []string{"keys", "kyes"}})
	if err == nil || !strings.Contains(err.Error(), `"kyes"; the themes are: abilities, keys, values`) {
		t.Error(err)
	}
}

// TestSlowList: where a list takes long, hundreds of them are left out.
func TestSlowList(t *testing.T) {
	cfg, stays := folder(t)
	open := cfg.Open
	cfg.Open = func(ctx context.Context, e store.Expiry) (store.Closer, error) {
		s, err := open(ctx, e)
		return slow{s.(*diskstore.Store)}, err
	}
	report, err := live.Run(t.Context(), cfg)
	if err != nil || len(report.Broken()) > 0 || !report.Slow || !slices.Equal(report.Lacks, []string{"cleanup", "list", "sweep"}) {
		t.Errorf("%+v, %v", report, err)
	}
	stays()
}

// slow takes long for what looks at everything.
type slow struct{ *diskstore.Store }

func (s slow) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	time.Sleep(600 * time.Millisecond)
	return s.Store.List(ctx, prefix)
}

func (s slow) Sweep(ctx context.Context, o store.SweepOptions) (store.SweepReport, error) {
	if ctx.Err() == nil {
		time.Sleep(600 * time.Millisecond)
	}
	return s.Store.Sweep(ctx, o)
}
