package store_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/store"
)

func TestReservedKeys(t *testing.T) {
	for _, name := range []string{"", "cleanup", "copy:1", strings.Repeat("n", 512)} {
		key := store.ReservedKey(name)
		if !store.Reserved(key) || store.CheckKey(key) != nil {
			t.Errorf("%q is no reserved key: %v", key, store.CheckKey(key))
		}
	}
	if store.CheckKey(store.ReservedPrefix) != nil || store.ReservedPrefix[0] >= ' ' {
		t.Error("the prefix is one that people might begin their keys with")
	}
	for _, key := range []string{"", "\x01", "larder:", "cleanup", "a" + store.ReservedKey("cleanup")} {
		if store.Reserved(key) {
			t.Errorf("%q is reserved", key)
		}
	}
}

func TestExpiryFor(t *testing.T) {
	for _, e := range []store.Expiry{{}, {Timeout: time.Hour}, {Timeout: time.Hour, TouchAfter: -1}, {TouchAfter: time.Second}} {
		if e.For("key") != e {
			t.Errorf("%+v is another for a key as most are", e)
		}
		own := e.For(store.ReservedKey("cleanup"))
		if own.Timeout != 0 || own.Slack() != e.Slack() {
			t.Errorf("%+v for a reserved key is %+v", e, own)
		}
	}
}

func TestExpiryDue(t *testing.T) {
	at := time.Unix(1_800_000_000, 0)
	hour := store.Expiry{Timeout: time.Hour, TouchAfter: time.Minute}
	for _, test := range []struct {
		e       store.Expiry
		idle    time.Duration
		expires time.Time
		want    time.Time
	}{
		{store.Expiry{}, 0, time.Time{}, time.Time{}},
		{store.Expiry{}, 0, at, at},
		{hour, 0, time.Time{}, at.Add(61 * time.Minute)},
		{hour, 2 * time.Hour, time.Time{}, at.Add(61 * time.Minute)},
		{hour, time.Minute, time.Time{}, at.Add(2 * time.Minute)},
		{hour, time.Minute, at.Add(time.Second), at.Add(time.Second)},
		{hour, time.Minute, at.Add(time.Hour), at.Add(2 * time.Minute)},
		{store.Expiry{Timeout: 1<<63 - 1}, 0, time.Time{}, time.Time{}},
	} {
		due := test.e.Due(at, test.expires, test.idle)
		if !due.Equal(test.want) {
			t.Errorf("%+v, idle %v, deadline %v: due %v, want %v", test.e, test.idle, test.expires, due, test.want)
		}
		if due.IsZero() {
			continue
		}
		for _, now := range []time.Time{due.Add(-1), due.Add(1)} { // Due is the reverse of what a sweep judges by
			goes := at.Before(test.e.Cutoff(now, test.idle)) || !test.expires.IsZero() && !now.Before(test.expires)
			if goes != now.After(due) {
				t.Errorf("%+v, idle %v: at %v a sweep takes it: %t", test.e, test.idle, now.Sub(due), goes)
			}
		}
	}
}

// naive is a custom store whose author knows nothing of reserved keys: it lists all that it has.
type naive struct {
	store.Store
	keys []string
}

func (s naive) List(_ context.Context, prefix string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		for _, key := range s.keys {
			if strings.HasPrefix(key, prefix) && !yield(store.Info{Key: key}, nil) {
				return
			}
		}
		yield(store.Info{}, store.ErrCorrupt)
	}
}

func (s naive) ListAfter(ctx context.Context, prefix, after string) iter.Seq2[store.Info, error] {
	return s.List(ctx, prefix)
}

// The package functions hide reserved keys also where the store does not, and nothing else.
func TestReservedIsHiddenEverywhere(t *testing.T) {
	s := naive{newPlain(), []string{"a", store.ReservedKey("cleanup"), "\x01", "v:", "v:a", "v:" + store.ReservedKey("x"), store.ReservedPrefix}}
	for prefix, want := range map[string]string{
		"":                   `["a" "\x01" "v:" "v:a" "v:\x01larder:\x01x"]`,
		"\x01":               `["\x01"]`,
		store.ReservedPrefix: `[]`,
		"a":                  `["a"]`,
	} {
		for _, list := range []iter.Seq2[store.Info, error]{
			store.List(t.Context(), s, prefix), store.ListAfter(t.Context(), s, prefix, ""),
		} {
			if got := keysOf(t, list); got != want {
				t.Errorf("under %q: %s, want %s", prefix, got, want)
			}
		}
	}
	view := store.Prefix(s, "v:")
	for _, list := range []iter.Seq2[store.Info, error]{
		store.List(t.Context(), view, ""), view.(store.Lister).List(t.Context(), ""),
		store.ListAfter(t.Context(), view, "", ""), view.(store.Resumer).ListAfter(t.Context(), "", ""),
	} {
		if got := keysOf(t, list); got != `["a"]` {
			t.Errorf("the view: %s", got)
		}
	}
}

// keysOf collects keys up to the error that ends a list of naive.
func keysOf(t *testing.T, list iter.Seq2[store.Info, error]) string {
	t.Helper()
	keys, failed := []string{}, false
	for info, err := range list {
		if err != nil {
			if failed = true; !errors.Is(err, store.ErrCorrupt) {
				t.Error(err)
			}
			continue
		}
		keys = append(keys, info.Key)
	}
	if !failed {
		t.Error("the error is hidden, too")
	}
	return fmt.Sprintf("%q", keys)
}

// A view cannot reach a reserved key of the whole, nor one of another view, by any key of its own.
func TestPrefixKeepsReservedApart(t *testing.T) {
	ctx, m := t.Context(), store.NewMap(nil)
	for _, p := range []string{"\x01", "\x01larder", store.ReservedPrefix, store.ReservedKey("copy:1"), store.ReservedPrefix + "\x02"} {
		view := store.Prefix(m, p)
		for _, key := range []string{"larder:\x01cleanup", ":\x01cleanup", "\x01cleanup", "cleanup"} {
			err := view.Set(ctx, key, nil)
			if store.Reserved(p+key) != errors.Is(err, store.ErrInvalidKey) {
				t.Errorf("prefix %q and key %q: %v", p, key, err)
			}
		}
		if err := view.Set(ctx, store.ReservedKey("cleanup"), []byte(p)); err != nil {
			t.Errorf("the view's own reserved key: %v", err)
		}
	}
	if ok, _ := m.Contains(ctx, store.ReservedKey("cleanup")); ok {
		t.Error("a view has written a reserved key of the whole")
	}
	tooLong := store.ReservedKey(strings.Repeat("n", store.MaxKeyLen-10))
	if err := store.Prefix(m, "0123456789").Set(ctx, tooLong, nil); !errors.Is(err, store.ErrInvalidKey) {
		t.Errorf("a name that is too long: %v", err)
	}
}

// However long the prefix, and however many there are of them, a short name has a place, and one of its own.
func TestPrefixOfAnyLength(t *testing.T) {
	ctx, m := t.Context(), store.NewMap(nil)
	key, places := store.ReservedKey("cleanup"), 0
	put := func(s store.Store, what string) {
		t.Helper()
		if _, err := store.Swap(ctx, s, key, "", &store.Item{}); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		places++
	}
	for n := 1; n <= store.MaxKeyLen; n += 31 {
		long := strings.Repeat("p", n)
		put(store.Prefix(m, long), fmt.Sprint(n))
		put(store.Prefix(store.Prefix(m, long), strings.Repeat("q", store.MaxKeyLen)), fmt.Sprint(n, " and one as long as can be"))
		put(store.Prefix(store.Prefix(m, "r"+long[1:]), strings.Repeat("q", store.MaxKeyLen-7)), fmt.Sprint(n, " and one that leaves little room"))
	}
	if r, err := m.Sweep(ctx, store.SweepOptions{Idle: 1}); r.Removed != 0 || err != nil {
		t.Errorf("%+v, %v", r, err)
	}
	t.Logf("%d places", places)
}
