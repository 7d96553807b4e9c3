package modelcheck

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/larder-go/larder/store"
)

// long is an atime at which an entry of a store with [Expiry] is absent.
func long() time.Time { return time.Now().Add(-3 * time.Hour) }

// onEach runs the test on each kind of store, bare and under a prefix, which must make no difference.
func onEach(t *testing.T, test func(t *testing.T, s store.Store)) {
	for _, b := range backends() {
		t.Run(b.name, func(t *testing.T) { test(t, b.place(t)()) })
		t.Run(b.name+" under a prefix", func(t *testing.T) { test(t, store.Prefix(b.place(t)(), "view:")) })
	}
}

func put(t *testing.T, s store.Store, key string, item store.Item) store.Version {
	t.Helper()
	v, err := store.Swap(t.Context(), s, key, store.AnyVersion, &item)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// listed returns the keys that a list yields, and its error.
func listed(t *testing.T, s store.Store, prefix string) (keys []string) {
	t.Helper()
	for info, err := range store.List(t.Context(), s, prefix) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, info.Key)
	}
	slices.Sort(keys)
	return keys
}

// A reserved key is a key: all that is done by key is done to it.
func TestReservedIsAKey(t *testing.T) {
	onEach(t, func(t *testing.T, s store.Store) {
		ctx, key := t.Context(), store.ReservedKey("cleanup")
		if err := s.Set(ctx, key, []byte("one")); err != nil {
			t.Fatal(err)
		}
		if ok, err := s.Contains(ctx, key); !ok || err != nil {
			t.Errorf("Contains: %t, %v", ok, err)
		}
		if value, err := s.Get(ctx, key); string(value) != "one" || err != nil {
			t.Errorf("Get: %q, %v", value, err)
		}
		if err := store.Touch(ctx, s, key); err != nil {
			t.Errorf("Touch: %v", err)
		}
		item, err := store.Load(ctx, s, key)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.Swap(ctx, s, key, "", &store.Item{}); !errors.Is(err, store.ErrConflict) {
			t.Errorf("a second creation: %v", err)
		}
		v, err := store.Swap(ctx, s, key, item.Version, &store.Item{Value: []byte("two")})
		if err != nil {
			t.Fatal(err)
		}
		if item, err := store.Peek(ctx, s, key); err != nil || string(item.Value) != "two" || item.Version != v {
			t.Errorf("Peek: %+v, %v", item, err)
		}
		if err := s.Delete(ctx, key); err != nil {
			t.Error(err)
		}
		if _, err := s.Get(ctx, key); err != store.ErrNotFound {
			t.Errorf("after Delete: %v", err)
		}
	})
}

// No list shows a reserved key, whatever its prefix, of the whole store or of a view.
func TestReservedIsHidden(t *testing.T) {
	onEach(t, func(t *testing.T, s store.Store) {
		if !store.CanList(s) {
			t.Skip("it cannot list")
		}
		for _, view := range []store.Store{s, store.Prefix(s, "a:"), store.Prefix(s, "b:")} {
			for _, key := range []string{store.ReservedKey("cleanup"), store.ReservedKey("copy:1"), "plain", "\x01", "\x01larder", "~"} {
				put(t, view, key, store.Item{})
			}
		}
		plain := []string{"\x01", "\x01larder", "plain", "~"}
		for _, prefix := range []string{"\x01", "\x01lar", "", store.ReservedPrefix, store.ReservedKey("cleanup")} {
			want := []string{}
			for _, view := range []string{"", "a:", "b:"} {
				for _, key := range plain {
					if full := view + key; len(full) >= len(prefix) && full[:len(prefix)] == prefix {
						want = append(want, full)
					}
				}
			}
			slices.Sort(want)
			if got := listed(t, s, prefix); !slices.Equal(got, want) {
				t.Errorf("under %q: %q, want %q", prefix, got, want)
			}
			if !store.CanListAfter(s) {
				continue
			}
			var got []string
			for info, err := range store.ListAfter(t.Context(), s, prefix, "") {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, info.Key)
			}
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("ListAfter under %q: %q, want %q", prefix, got, want)
			}
		}
		if got := listed(t, store.Prefix(s, "a:"), ""); !slices.Equal(got, plain) {
			t.Errorf("the view lists %q", got)
		}
	})
}

// Whoever holds a lease and does not use it for longer than the Timeout still holds it.
func TestReservedOutlivesTheTimeout(t *testing.T) {
	onEach(t, func(t *testing.T, s store.Store) {
		ctx, key := t.Context(), store.ReservedKey("cleanup")
		put(t, s, "plain", store.Item{Atime: long()})
		if ok, err := s.Contains(ctx, "plain"); ok || err != nil {
			t.Fatalf("an entry that is idle for too long is there: %t, %v", ok, err)
		}
		for name, call := range map[string]func() error{
			"Get":   func() error { _, err := s.Get(ctx, key); return err },
			"Load":  func() error { _, err := store.Load(ctx, s, key); return err },
			"Peek":  func() error { _, err := store.Peek(ctx, s, key); return err },
			"Touch": func() error { return store.Touch(ctx, s, key) },
			"Contains": func() error {
				if ok, err := s.Contains(ctx, key); !ok {
					return errors.Join(err, store.ErrNotFound)
				}
				return nil
			},
		} {
			put(t, s, key, store.Item{Atime: long()})
			if err := call(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		v := put(t, s, key, store.Item{Atime: long()})
		if _, err := store.Swap(ctx, s, key, "", &store.Item{}); !errors.Is(err, store.ErrConflict) {
			t.Errorf("it was created once more: %v", err)
		}
		if _, err := store.Swap(ctx, s, key, v, &store.Item{Atime: long()}); err != nil {
			t.Errorf("its holder swaps it: %v", err)
		}
		if err := s.Set(ctx, key, nil); err != nil {
			t.Fatal(err)
		}
		if ok, err := s.Contains(ctx, key); !ok || err != nil {
			t.Errorf("after Set: %t, %v", ok, err)
		}
	})
}

// Sweeps, idle for as short as they like and with whatever prefix, take and count everything else.
func TestReservedIsNotSwept(t *testing.T) {
	onEach(t, func(t *testing.T, s store.Store) {
		ctx, key := t.Context(), store.ReservedKey("cleanup")
		inner := store.Prefix(s, "inner:")
		for _, view := range []store.Store{s, inner} {
			put(t, view, key, store.Item{Atime: long()})
			put(t, view, store.ReservedKey("copy:1"), store.Item{Atime: long(), Expires: time.Now().Add(time.Hour)})
		}
		put(t, s, "plain", store.Item{Atime: time.Now().Add(-30 * time.Minute)})
		for _, o := range []store.SweepOptions{
			{Idle: 1, DryRun: true}, {Idle: 1, Prefix: "inner:"}, {Idle: 1, Prefix: store.ReservedPrefix}, {Prefix: key[:4]}, {Idle: 1, Batch: 1}, {},
		} {
			r, err := store.Sweep(ctx, s, o)
			if errors.Is(err, errors.ErrUnsupported) {
				continue
			}
			want := 0
			if o.Prefix == "" && o.Idle > 0 {
				want = 1
			}
			if r.Removed != want || err != nil {
				t.Errorf("%+v: %+v, %v", o, r, err)
			}
		}
		for _, idle := range []time.Duration{0, 1, time.Minute, time.Hour} {
			for _, view := range []store.Store{inner, s} {
				if n, err := view.Cleanup(ctx, idle); n != 0 || err != nil && !errors.Is(err, errors.ErrUnsupported) {
					t.Errorf("Cleanup(%v): %d, %v", idle, n, err)
				}
			}
		}
		for _, view := range []store.Store{s, inner} {
			for _, key := range []string{key, store.ReservedKey("copy:1")} {
				if ok, err := view.Contains(ctx, key); !ok || err != nil {
					t.Errorf("it is gone: %t, %v", ok, err)
				}
			}
		}
	})
}

// Its own deadline ends a reserved entry to the moment, whether or not it was used.
func TestReservedHasItsDeadline(t *testing.T) {
	onEach(t, func(t *testing.T, s store.Store) {
		ctx, key := t.Context(), store.ReservedKey("cleanup")
		expires := time.Now().Add(400 * time.Millisecond)
		put(t, s, key, store.Item{Atime: long(), Expires: expires})
		for time.Now().Before(expires) {
			item, err := store.Load(ctx, s, key)
			if time.Now().Before(expires.Add(-time.Millisecond)) && (err != nil || item.Expires.Sub(expires).Abs() > time.Millisecond) {
				t.Fatalf("%v before its deadline: %+v, %v", time.Until(expires), item, err)
			}
			pause(t, 20*time.Millisecond)
		}
		pause(t, 5*time.Millisecond)
		if ok, err := s.Contains(ctx, key); ok || err != nil {
			t.Errorf("after its deadline: %t, %v", ok, err)
		}
		for _, dry := range []bool{true, false} {
			r, err := store.Sweep(ctx, s, store.SweepOptions{Idle: time.Minute, DryRun: dry})
			if errors.Is(err, errors.ErrUnsupported) {
				break
			}
			if err != nil || !r.Done || r.Removed > 1 || r.Removed == 1 && r.Due.Sub(expires).Abs() > time.Millisecond {
				t.Errorf("a sweep after it, dry %t: %+v, %v", dry, r, err)
			}
		}
		if _, err := store.Swap(ctx, s, key, "", &store.Item{Value: []byte("next")}); err != nil {
			t.Errorf("the next one is kept out: %v", err)
		}
	})
}

// pause waits, since a deadline is by the clock of a server.
func pause(t *testing.T, d time.Duration) {
	select {
	case <-t.Context().Done():
	case <-time.After(d):
	}
}

// Each view has reserved keys of its own, and the whole store others.
func TestReservedUnderViews(t *testing.T) {
	onEach(t, func(t *testing.T, s store.Store) {
		ctx, key := t.Context(), store.ReservedKey("cleanup")
		views := map[string]store.Store{
			"": s, "a": store.Prefix(s, "a"), "a:": store.Prefix(s, "a:"), "b:": store.Prefix(s, "b:"), "a:b:": store.Prefix(s, "a:b:"),
			"long": store.Prefix(s, string(slices.Repeat([]byte("p"), 900))),
		}
		for name, view := range views {
			if _, err := store.Swap(ctx, view, key, "", &store.Item{Value: []byte(name)}); err != nil {
				t.Errorf("%q: %v", name, err)
			}
		}
		views["a:b: in two"] = store.Prefix(store.Prefix(s, "a:"), "b:")
		for name, view := range views {
			want := name
			if name == "a:b: in two" {
				want = "a:b:"
			}
			if value, err := view.Get(ctx, key); string(value) != want || err != nil {
				t.Errorf("%q: %q, %v", name, value, err)
			}
		}
	})
}
