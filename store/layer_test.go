package store_test

import (
	"context"
	"errors"
	"iter"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/store"
)

// asked counts the calls that reach the slow store.
func asked(s store.Store) (store.Store, *noted) {
	n := new(noted)
	return store.Observe(s, n), n
}

// TestLayerHits: what was read once is not read from the slow store again, until something is written.
func TestLayerHits(t *testing.T) {
	ctx := t.Context()
	slow, n := asked(store.NewMap(nil))
	s := store.Layer(store.NewMap(nil), slow, &store.LayerOptions{Loads: true})
	for _, step := range []struct {
		name string
		call func() error
		want string // that reaches slow
	}{
		{"set", func() error { return s.Set(ctx, "k", []byte("v")) }, "set ok 1 0"},
		{"get", func() error { _, err := s.Get(ctx, "k"); return err }, "load ok 1 0"},
		{"get again", func() error { _, err := s.Get(ctx, "k"); return err }, ""},
		{"load", func() error { _, err := store.Load(ctx, s, "k"); return err }, ""},
		{"contains", func() error { _, err := s.Contains(ctx, "k"); return err }, ""},
		{"touch", func() error { return store.Touch(ctx, s, "k") }, ""},
		{"peek", func() error { _, err := store.Peek(ctx, s, "k"); return err }, "peek ok 1 0"},
		{"list", func() error { drain(store.List(ctx, s, ""), 9); return nil }, "list ok 0 1"},
		{"update", func() error {
			return store.Update(ctx, s, "k", func(*store.Item) (*store.Item, error) { return &store.Item{Value: []byte("new")}, nil })
		}, "swap ok 3 0"},
		{"get after that", func() error { _, err := s.Get(ctx, "k"); return err }, "load ok 3 0"},
		{"delete", func() error { return s.Delete(ctx, "k") }, "delete ok 0 0"},
		{"get what is gone", func() error { s.Get(ctx, "k"); return nil }, "load not_found 0 0"},
		{"and again", func() error { s.Get(ctx, "k"); return nil }, "load not_found 0 0"},
		{"reserved", func() error { return s.Set(ctx, store.ReservedKey("r"), nil) }, "set ok 0 0"},
		{"reserved, read", func() error { _, err := s.Get(ctx, store.ReservedKey("r")); return err }, "load ok 0 0"},
		{"reserved, again", func() error { _, err := s.Get(ctx, store.ReservedKey("r")); return err }, "load ok 0 0"},
	} {
		if err := step.call(); err != nil {
			t.Errorf("%s: %v", step.name, err)
		}
		if got := n.take(t); got != step.want {
			t.Errorf("%s: %q reached the slow store, want %q", step.name, got, step.want)
		}
	}
}

// TestLayerLoadsAsItStands: a Load that a copy answers is the same Item.
func TestLayerLoadsAsItStands(t *testing.T) {
	ctx := t.Context()
	slow := store.NewMap(nil)
	s := store.Layer(store.NewMap(nil), slow, &store.LayerOptions{Loads: true})
	for _, item := range []*store.Item{
		{Value: []byte("v")},
		{Value: []byte{}, Expires: time.Now().Add(time.Hour).Round(0)},
		{Value: []byte("v"), Atime: time.Now().Add(-time.Second).Round(0)},
	} {
		store.Swap(ctx, s, "k", store.AnyVersion, item)
		for range 2 {
			got, err := store.Load(ctx, s, "k")
			want, _ := slow.Peek(ctx, "k")
			if err != nil || got.Version != want.Version || !got.Atime.Equal(want.Atime) || !got.Expires.Equal(want.Expires) || got.Value == nil || string(got.Value) != string(want.Value) {
				t.Errorf("%+v, %v; want %+v", got, err, want)
			}
		}
	}
}

// TestLayerStaleness: another program's changes are seen after MaxAge at the latest, by its own copies as by those that both share.
func TestLayerStaleness(t *testing.T) {
	for name, shared := range map[string]bool{"fast stores of their own": false, "one fast store": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const maxAge = 20 * time.Second
				ctx := t.Context()
				slow, fast := store.NewMap(nil), store.NewMap(nil)
				ours := store.Layer(fast, slow, &store.LayerOptions{MaxAge: maxAge})
				if !shared {
					fast = store.NewMap(nil)
				}
				theirs := store.Layer(fast, slow, &store.LayerOptions{MaxAge: maxAge})
				ours.Set(ctx, "k", []byte("old"))
				ours.Get(ctx, "k")
				time.Sleep(maxAge / 2)
				theirs.Get(ctx, "k")
				slow.Set(ctx, "k", []byte("new")) // by somebody who knows nothing of Layers
				for _, s := range []store.Store{ours, theirs} {
					if v, _ := s.Get(ctx, "k"); string(v) != "old" {
						t.Errorf("no copy answered, but %q", v)
					}
				}
				time.Sleep(maxAge)
				for _, s := range []store.Store{ours, theirs} {
					if v, _ := s.Get(ctx, "k"); string(v) != "new" {
						t.Errorf("a copy that is too old answered %q", v)
					}
				}
			})
		})
	}
}

// TestLayerKeepsTheHot: what is read through copies alone is kept by slow's cleanups, its atime never lags by more than the slack, and what is not
// read any more goes when it should.
func TestLayerKeepsTheHot(t *testing.T) {
	for name, e := range map[string]store.Expiry{
		"idle by cleanup": {}, "a Timeout": {Timeout: 10 * time.Minute}, "a long slack": {TouchAfter: 5 * time.Minute}, "every use": {Timeout: 10 * time.Minute, TouchAfter: -1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, idle := t.Context(), 10*time.Minute
				slow := store.NewMap(&store.MapOptions{Expiry: e})
				watched, n := asked(slow)
				s := store.Layer(store.NewMap(nil), watched, &store.LayerOptions{MaxAge: time.Hour})
				s.Set(ctx, "hot", []byte("v"))
				const every, reads = 7 * time.Second, 2000
				for range reads {
					time.Sleep(every)
					slow.Cleanup(ctx, idle)
					if _, err := s.Get(ctx, "hot"); err != nil {
						t.Fatal(err)
					}
					item, _ := slow.Peek(ctx, "hot")
					if lag := time.Since(item.Atime); lag > e.Slack() {
						t.Fatalf("used now, and the atime lags by %v", lag)
					}
				}
				loads := strings.Count(n.take(t), "load")
				if most := int(reads*every/max(e.Slack(), every))*2 + 2; e.Slack() > every && loads > most {
					t.Errorf("%d of %d reads reached the slow store, at most %d should", loads, reads, most)
				}
				time.Sleep(idle - time.Second)
				if slow.Cleanup(ctx, idle); !contains(t, slow, "hot") {
					t.Error("gone before its time")
				}
				time.Sleep(2*time.Second + e.Slack())
				if slow.Cleanup(ctx, idle); contains(t, slow, "hot") {
					t.Error("still there")
				}
				if _, err := s.Get(ctx, "hot"); err != store.ErrNotFound {
					t.Errorf("cleaned up, and read: %v", err)
				}
			})
		})
	}
}

func contains(t *testing.T, s store.Store, key string) bool {
	t.Helper()
	ok, err := s.Contains(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

// TestLayerDeadline: no copy outlives its entry.
func TestLayerDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		s := store.Layer(store.NewMap(nil), store.NewMap(nil), nil)
		store.Swap(ctx, s, "k", "", &store.Item{Expires: time.Now().Add(3 * time.Second)})
		time.Sleep(time.Second)
		if _, err := s.Get(ctx, "k"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		if _, err := s.Get(ctx, "k"); err != store.ErrNotFound {
			t.Errorf("at its deadline: %v", err)
		}
	})
}

// sweeping removes everything that it holds, whatever it is asked.
type sweeping struct{ *store.Map }

func (s sweeping) Cleanup(ctx context.Context, _ time.Duration) (n int, err error) {
	for info := range s.List(ctx, "") {
		s.Delete(ctx, info.Key)
		n++
	}
	return n, nil
}

// TestLayerSwept: what a Cleanup through the Layer has removed is not read any more.
func TestLayerSwept(t *testing.T) {
	ctx, fast := t.Context(), store.NewMap(nil)
	slow := sweeping{store.NewMap(nil)}
	ours, theirs := store.Layer(fast, slow, nil), store.Layer(fast, slow, nil)
	ours.Set(ctx, "mine", nil)
	ours.Set(ctx, "another's", nil)
	ours.Get(ctx, "mine")
	theirs.Get(ctx, "another's")
	if n, err := ours.Cleanup(ctx, time.Hour); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	for _, key := range []string{"mine", "another's"} {
		if _, err := ours.Get(ctx, key); err != store.ErrNotFound {
			t.Errorf("%s: %v", key, err)
		}
	}
	ours.Set(ctx, "mine", nil)
	ours.Get(ctx, "mine")
	if !contains(t, fast, "mine") {
		t.Error("no copies any more")
	}
}

// TestLayerOfLacks: what cannot be the fast store is refused by name; a slow store with nothing but the five methods is enough.
func TestLayerOfLacks(t *testing.T) {
	ctx := t.Context()
	refused := store.Layer(newPlain(), store.NewMap(nil), nil)
	lists := func(l iter.Seq2[store.Info, error]) (last error) {
		for _, err := range l {
			last = err
		}
		return last
	}
	for op, call := range map[string]func() error{
		"contains": func() error { _, err := refused.Contains(ctx, "k"); return err },
		"get":      func() error { _, err := refused.Get(ctx, "k"); return err },
		"set":      func() error { return refused.Set(ctx, "k", nil) },
		"delete":   func() error { return refused.Delete(ctx, "k") },
		"cleanup":  func() error { _, err := refused.Cleanup(ctx, 0); return err },
		"touch":    func() error { return refused.(store.Toucher).Touch(ctx, "k") },
		"load":     func() error { _, err := store.Load(ctx, refused, "k"); return err },
		"sweep":    func() error { _, err := store.Sweep(ctx, refused, store.SweepOptions{Limit: 1}); return err },
		"list":     func() error { return lists(store.List(ctx, refused, "")) },
		"inspect":  func() error { _, err := store.Inspect(ctx, refused); return err },
	} {
		if err := call(); !errors.Is(err, errors.ErrUnsupported) || !strings.HasPrefix(err.Error(), "store: "+op+": the fast store of a Layer") {
			t.Errorf("%s: %v", op, err)
		}
	}

	plainSlow := store.Layer(store.NewMap(nil), newPlain(), &store.LayerOptions{Loads: true})
	if store.CanSwap(plainSlow) || store.CanList(plainSlow) || store.CanListAfter(plainSlow) || store.CanSweep(plainSlow) {
		t.Error("it claims an ability that slow lacks")
	}
	plainSlow.Set(ctx, "k", []byte("v"))
	for range 2 {
		if v, err := plainSlow.Get(ctx, "k"); string(v) != "v" || err != nil {
			t.Errorf("%q, %v", v, err)
		}
	}
	if _, err := store.Load(ctx, plainSlow, "k"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Load: %v", err)
	}
}

// TestLayerOddFast: a fast store that is too small, closed, or full of what is no copy, is as none.
func TestLayerOddFast(t *testing.T) {
	ctx := t.Context()
	closed, foreign := store.NewMap(nil), store.NewMap(nil)
	closed.Close()
	foreign.Set(ctx, "k", []byte("LA"))
	for name, fast := range map[string]*store.Map{"small": store.NewMap(&store.MapOptions{MaxValue: 10}), "closed": closed, "foreign": foreign} {
		s := store.Layer(fast, store.NewMap(nil), nil)
		if err := s.Set(ctx, "k", []byte("value")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if name == "foreign" {
			foreign.Set(ctx, "k", []byte("L\x02 short"))
		}
		for range 2 {
			if v, err := s.Get(ctx, "k"); string(v) != "value" || err != nil {
				t.Errorf("%s: %q, %v", name, v, err)
			}
		}
		if err := s.Delete(ctx, "k"); name == "closed" && !errors.Is(err, os.ErrClosed) || name != "closed" && err != nil {
			t.Errorf("%s: Delete: %v", name, err)
		}
	}
	if v, err := foreign.Get(ctx, "k"); err != store.ErrNotFound {
		t.Errorf("what was no copy still stands: %q, %v", v, err)
	}
}

func TestLayerInspect(t *testing.T) {
	facts, err := store.Inspect(t.Context(), store.Layer(store.NewMap(nil), store.NewMap(&store.MapOptions{Expiry: store.Expiry{TouchAfter: -1}}), nil))
	got := map[string]store.Fact{}
	for _, f := range facts {
		if got[f.Name].Name != "" {
			t.Errorf("%s comes twice", f.Name)
		}
		got[f.Name] = f
	}
	if err != nil || got["server"].Value == "" || got["fast server"].Value == "" || got["copies"].Warn == "" {
		t.Errorf("%v, %v", facts, err)
	}
}
