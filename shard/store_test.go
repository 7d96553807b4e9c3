package shard_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
)

// plain is a store with the five methods and nothing else.
type plain struct{ store.Store }

// mute cannot do what is false, as memcached cannot list.
type mute struct {
	*store.Map
	swaps, lists, sweeps bool
}

func (m mute) Swap(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
	if !m.swaps {
		return "", errors.ErrUnsupported
	}
	return m.Map.Swap(ctx, key, old, item)
}

func (m mute) Sweep(ctx context.Context, o store.SweepOptions) (store.SweepReport, error) {
	if !m.sweeps {
		return store.SweepReport{}, errors.ErrUnsupported
	}
	return m.Map.Sweep(ctx, o)
}

// down fails whatever is asked of it.
type down struct{ store.Store }

var errDown = fmt.Errorf("test: op: %w: it is off", store.ErrUnavailable)

func (down) Contains(context.Context, string) (bool, error)      { return false, errDown }
func (down) Get(context.Context, string) ([]byte, error)         { return nil, errDown }
func (down) Set(context.Context, string, []byte) error           { return errDown }
func (down) Delete(context.Context, string) error                { return errDown }
func (down) Cleanup(context.Context, time.Duration) (int, error) { return 0, errDown }
func (down) Touch(context.Context, string) error                 { return errDown }
func (down) Load(context.Context, string) (*store.Item, error)   { return nil, errDown }
func (down) Peek(context.Context, string) (*store.Item, error)   { return nil, errDown }
func (down) Inspect(context.Context) ([]store.Fact, error)       { return nil, errDown }
func (down) Sweep(context.Context, store.SweepOptions) (store.SweepReport, error) {
	return store.SweepReport{}, errDown
}

func (down) Swap(context.Context, string, store.Version, *store.Item) (store.Version, error) {
	return "", errDown
}

func (down) List(context.Context, string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) { yield(store.Info{}, errDown) }
}

func (down) ListAfter(context.Context, string, string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) { yield(store.Info{}, errDown) }
}

// TestStorePlaces: an entry is on the node of its key and on no other, and the shares are those of the weights.
func TestStorePlaces(t *testing.T) {
	nodes := map[string]store.Store{"a": store.NewMap(nil), "b": store.NewMap(nil), "c": store.NewMap(nil), "spare": store.NewMap(nil)}
	p, err := shard.NewPlacement("", []shard.Node{{Name: "a"}, {Name: "b", Weight: 2}, {Name: "c"}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := shard.New(nodes, p)
	if err != nil {
		t.Fatal(err)
	}
	const keys = 2000
	share := map[string]int{}
	for i := range keys {
		key := fmt.Sprintf("key-%d", i)
		set(t, s, key, key)
		where := s.Where(key)
		share[where]++
		for name, n := range nodes {
			if found, err := n.Contains(t.Context(), key); found != (name == where) || err != nil {
				t.Fatalf("%s on node %s, which is not that of the key: %v", key, name, err)
			}
		}
		want(t, s, key, key)
	}
	if b := share["b"]; b < keys*45/100 || b > keys*55/100 || share["spare"] > 0 {
		t.Errorf("the shares are %v; b has half of the weight", share)
	}
	if s.Node("a") != nodes["a"] || s.Node("nobody") != nil || s.Placement() != p {
		t.Error("it does not tell what it was made of")
	}
}

func TestNewRefuses(t *testing.T) {
	p, err := shard.NewPlacement("", []shard.Node{{Name: "a"}, {Name: "b"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, nodes := range []map[string]store.Store{nil, {"a": store.NewMap(nil)}, {"a": store.NewMap(nil), "b": nil}} {
		if _, err := shard.New(nodes, p); !errors.Is(err, shard.ErrInvalidNode) || !strings.Contains(err.Error(), "has no store") {
			t.Errorf("%v: %v", nodes, err)
		}
	}
	if _, err := shard.New(nil, nil); !errors.Is(err, shard.ErrNoNodes) {
		t.Errorf("no placement: %v", err)
	}
}

// calls are one of each operation on a key.
func calls(ctx context.Context, s store.Store, key string) map[string]error {
	_, containsErr := s.Contains(ctx, key)
	_, getErr := s.Get(ctx, key)
	_, loadErr := store.Load(ctx, s, key)
	_, peekErr := store.Peek(ctx, s, key)
	_, swapErr := store.Swap(ctx, s, key, store.AnyVersion, &store.Item{Value: []byte("v")})
	return map[string]error{
		"contains": containsErr, "get": getErr, "load": loadErr, "peek": peekErr, "swap": swapErr,
		"touch": store.Touch(ctx, s, key), "set": s.Set(ctx, key, []byte("v")), "delete": s.Delete(ctx, key),
	}
}

// TestStoreErrors: what a node says comes with its name, and what is not the node's does not.
func TestStoreErrors(t *testing.T) {
	s := over(t, store.NewMap(nil), down{}, store.NewMap(nil))
	for op, err := range calls(t.Context(), s, keyOn(s, "b", 1)) {
		wantNodeError(t, err, "b", store.ErrUnavailable)
		if err.Error() != errDown.Error()+" (node b)" {
			t.Errorf("%s: %v", op, err)
		}
	}
	for op, err := range calls(t.Context(), s, "\x00") {
		var of *shard.NodeError
		if !errors.Is(err, store.ErrInvalidKey) || errors.As(err, &of) || !strings.HasPrefix(err.Error(), "shard: "+op+": ") {
			t.Errorf("%s of a key that is none: %v", op, err)
		}
	}
	live := keyOn(s, "a", 1)
	if _, err := s.Get(t.Context(), live); err != store.ErrNotFound {
		t.Errorf("Get of nothing: %v", err)
	}
	set(t, s, live, "v")
	_, err := s.Swap(t.Context(), live, "", &store.Item{})
	wantNodeError(t, err, "a", store.ErrConflict)
}

// TestStoreAbilities: it can do what all of its nodes can, and says so before it looks at anything.
func TestStoreAbilities(t *testing.T) {
	full := func() store.Store { return store.NewMap(nil) }
	for name, test := range map[string]struct {
		other              store.Store
		swap, list, resume bool
		sweep              bool
	}{
		"all":         {full(), true, true, true, true},
		"plain":       {plain{full()}, false, false, false, false},
		"cannot swap": {mute{Map: store.NewMap(nil), lists: true, sweeps: true}, false, true, true, true},
		"no sweep":    {mute{Map: store.NewMap(nil), swaps: true}, true, true, true, false},
	} {
		s := over(t, full(), test.other, full())
		if store.CanSwap(s) != test.swap || store.CanList(s) != test.list || store.CanListAfter(s) != test.resume || store.CanSweep(s) != test.sweep {
			t.Errorf("%s: swap %t, list %t, list after %t, sweep %t", name, store.CanSwap(s), store.CanList(s), store.CanListAfter(s), store.CanSweep(s))
		}
		if err := calls(t.Context(), s, keyOn(s, "a", 1))["touch"]; err != nil && err != store.ErrNotFound {
			t.Errorf("%s: Touch: %v", name, err)
		}
		if _, err := s.Swap(t.Context(), "", "", nil); test.swap == errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: Swap: %v", name, err)
		} else if !test.swap && !strings.Contains(err.Error(), "node b cannot") {
			t.Errorf("%s: Swap does not say who cannot: %v", name, err)
		}
	}
}

// TestStoreExpiry: the node that forgets first.
func TestStoreExpiry(t *testing.T) {
	minute, hour := mapWith(store.Expiry{Timeout: time.Minute}), mapWith(store.Expiry{Timeout: time.Hour})
	for name, test := range map[string]struct {
		nodes []store.Store
		want  time.Duration
		tells bool
	}{
		"same":  {[]store.Store{hour, mapWith(store.Expiry{Timeout: time.Hour})}, time.Hour, true},
		"two":   {[]store.Store{hour, minute}, time.Minute, true},
		"never": {[]store.Store{hour, store.NewMap(nil)}, time.Hour, true},
		"none":  {[]store.Store{hour, plain{minute}}, 0, false},
	} {
		e, err := store.ExpiryOf(over(t, test.nodes...))
		if e.Timeout != test.want || errors.Is(err, errors.ErrUnsupported) == test.tells {
			t.Errorf("%s: %v, %v", name, e, err)
		}
	}
}

// TestStoreList: node after node, each entry that is in its place, and the error of a node that is down in the end.
func TestStoreList(t *testing.T) {
	maps3 := []store.Store{store.NewMap(nil), store.NewMap(nil), store.NewMap(nil)}
	s := over(t, maps3...)
	all := map[string]bool{}
	for i := range 60 {
		key := fmt.Sprintf("key-%d", i)
		set(t, s, key, "v")
		all[key] = true
	}
	stray := keyOn(s, "a", 7)
	set(t, maps3[1], stray, "left over")
	if got := listed(t, store.List(t.Context(), s, "")); !reflect.DeepEqual(got, all) {
		t.Errorf("listed %d, want %d", len(got), len(all))
	}
	for _, n := range []string{"a", "b", "c"} {
		broken := slices.Clone(maps3)
		broken[n[0]-'a'] = down{}
		count, last := 0, error(nil)
		for info, err := range store.List(t.Context(), over(t, broken...), "") {
			if last != nil {
				t.Error("a pair after the error")
			}
			if last = err; err == nil {
				count++
				if s.Where(info.Key) == n {
					t.Errorf("an entry of node %s, which is down", n)
				}
			}
		}
		wantNodeError(t, last, n, store.ErrUnavailable)
		if count == 0 || count == len(all) {
			t.Errorf("%d entries where node %s is down", count, n)
		}
	}
	var failed error
	for _, err := range store.List(t.Context(), over(t, down{}, down{}, down{}), "") {
		failed = err
	}
	if want := errDown.Error() + " (nodes a, b, c)"; failed == nil || failed.Error() != want || !errors.Is(failed, store.ErrUnavailable) {
		t.Errorf("%v; want %s", failed, want)
	}
}

func listed(t *testing.T, list iter.Seq2[store.Info, error]) map[string]bool {
	t.Helper()
	got := map[string]bool{}
	for info, err := range list {
		if err != nil || got[info.Key] {
			t.Errorf("%q, %v", info.Key, err)
		}
		got[info.Key] = true
	}
	return got
}

// TestStoreListAfter: behind every key the rest, once; also a key that is gone, or is somebody else's.
func TestStoreListAfter(t *testing.T) {
	s := over(t, store.NewMap(nil), store.NewMap(nil), store.NewMap(nil))
	for i := range 40 {
		set(t, s, fmt.Sprintf("key-%d", i), "v")
	}
	var order []string
	for info, err := range store.ListAfter(t.Context(), s, "", "") {
		if err != nil {
			t.Fatal(err)
		}
		order = append(order, info.Key)
	}
	for i, key := range order {
		if i%3 == 0 {
			if err := s.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
		var rest []string
		for info, err := range store.ListAfter(t.Context(), s, "key", key) {
			if err != nil {
				t.Fatal(err)
			}
			rest = append(rest, info.Key)
		}
		if !slices.Equal(rest, order[i+1:]) {
			t.Fatalf("behind key %d of %d: %d listed", i, len(order), len(rest))
		}
	}
	for _, err := range store.ListAfter(t.Context(), s, "", "\x00") {
		if !errors.Is(err, store.ErrInvalidKey) {
			t.Errorf("behind a key that is none: %v", err)
		}
	}
	broken := over(t, store.NewMap(nil), down{}, store.NewMap(nil))
	set(t, broken, keyOn(broken, "c", 1), "v")
	for info, err := range store.ListAfter(t.Context(), broken, "", "") {
		if info.Key != "" { // who takes it for the last he has seen would never see those of b
			t.Error("it goes on behind a node that is down")
		}
		wantNodeError(t, err, "b", store.ErrUnavailable)
	}
}
