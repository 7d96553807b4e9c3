package store_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/store"
)

// plain has the five methods and no ability.
type plain struct{ store.Store }

func newPlain() store.Store { return plain{store.NewMap(nil)} }

// TestLacksAreTold asks a store without abilities, bare and under two prefixes, with a bad key and a dead context: the answer
// must come before either is looked at.
func TestLacksAreTold(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, s := range map[string]store.Store{
		"bare": newPlain(), "prefix": store.Prefix(newPlain(), "a:"), "prefixes": store.Prefix(store.Prefix(newPlain(), "a:"), "b:"),
		"bad prefix": store.Prefix(newPlain(), "\x00"), "no prefix": store.Prefix(newPlain(), ""),
	} {
		for op, call := range map[string]func() error{
			"load":   func() error { _, err := store.Load(ctx, s, ""); return err },
			"peek":   func() error { _, err := store.Peek(ctx, s, ""); return err },
			"swap":   func() error { _, err := store.Swap(ctx, s, "", "", nil); return err },
			"update": func() error { return store.Update(ctx, s, "", nil) },
			"sweep":  func() error { _, err := store.Sweep(ctx, s, store.SweepOptions{Limit: 1}); return err },
			"list after": func() (last error) {
				for _, err := range store.ListAfter(ctx, s, "", "\x00") {
					last = err
				}
				return last
			},
			"list": func() (last error) {
				for _, err := range store.List(ctx, s, "") {
					last = err
				}
				return last
			},
		} {
			if err := call(); !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("%s: %s: %v", name, op, err)
			}
		}
		if store.CanSwap(s) || store.CanList(s) || store.CanListAfter(s) || store.CanSweep(s) {
			t.Errorf("%s: claims an ability that it lacks", name)
		}
	}
	for name, s := range map[string]store.Store{
		"bare": store.NewMap(nil), "prefix": store.Prefix(store.NewMap(nil), "a:"), "bad prefix": store.Prefix(store.NewMap(nil), "\x00"),
	} {
		if !store.CanSwap(s) || !store.CanList(s) || !store.CanListAfter(s) || !store.CanSweep(s) {
			t.Errorf("%s: an ability was lost", name)
		}
	}
}

func TestFallbacks(t *testing.T) {
	ctx := t.Context()
	s := newPlain()
	if err := store.Touch(ctx, s, "k"); err != store.ErrNotFound {
		t.Errorf("Touch by Get: %v", err)
	}
	s.Set(ctx, "k", nil)
	if err := store.Touch(ctx, s, "k"); err != nil {
		t.Errorf("Touch by Get: %v", err)
	}
	if r, err := store.Sweep(ctx, s, store.SweepOptions{Idle: time.Hour}); err != nil || !r.Done {
		t.Errorf("Sweep by Cleanup: %+v, %v", r, err)
	}
	// Under a prefix a plain Cleanup would take others' entries, unless it takes only what is absent.
	p := store.Prefix(s, "p:")
	if _, err := p.Cleanup(ctx, time.Hour); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Cleanup under a prefix: %v", err)
	}
	if _, err := p.Cleanup(ctx, 0); err != nil {
		t.Errorf("Cleanup of absent entries under a prefix: %v", err)
	}
}

func TestPrefixKeepsToItself(t *testing.T) {
	ctx := t.Context()
	whole := store.NewMap(nil)
	a, b := store.Prefix(whole, "a:"), store.Prefix(whole, "b:")
	old := &store.Item{Atime: time.Now().Add(-time.Hour)}
	for _, s := range []store.Store{a, b} {
		if _, err := store.Swap(ctx, s, "k", "", old); err != nil {
			t.Fatal(err)
		}
	}
	var listed []string
	for info, err := range store.List(ctx, a, "") {
		if err != nil {
			t.Fatal(err)
		}
		listed = append(listed, info.Key)
	}
	if len(listed) != 1 || listed[0] != "k" {
		t.Errorf("listed %q", listed)
	}
	if n, err := a.Cleanup(ctx, time.Minute); n != 1 || err != nil {
		t.Errorf("Cleanup = %d, %v", n, err)
	}
	if ok, err := b.Contains(ctx, "k"); !ok || err != nil {
		t.Errorf("the other prefix lost its entry: %v", err)
	}
}

func TestPrefixChecksBoth(t *testing.T) {
	m := store.NewMap(nil)
	for _, test := range []struct{ prefix, key string }{
		{"", "k"}, {"p\x00", "k"}, {"\xc3", "k"}, {"p", ""}, {"p", "\x00"},
		{"p\xc3", "\xa4"}, // halves of ä
		{strings.Repeat("p", 24), strings.Repeat("k", store.MaxKeyLen-23)},
	} {
		s := store.Prefix(m, test.prefix)
		if err := s.Set(t.Context(), test.key, nil); !errors.Is(err, store.ErrInvalidKey) {
			t.Errorf("prefix %q, key %q: %v", test.prefix, test.key, err)
		}
		if _, err := store.Load(t.Context(), s, test.key); !errors.Is(err, store.ErrInvalidKey) {
			t.Errorf("prefix %q, key %q: %v", test.prefix, test.key, err)
		}
	}
	for _, err := range store.List(t.Context(), store.Prefix(m, ""), "") {
		if !errors.Is(err, store.ErrInvalidKey) {
			t.Errorf("List: %v", err)
		}
	}
	if _, err := store.Prefix(m, "").Cleanup(t.Context(), time.Second); !errors.Is(err, store.ErrInvalidKey) {
		t.Errorf("Cleanup: %v", err)
	}
	longest := store.Prefix(m, strings.Repeat("p", 24))
	if err := longest.Set(t.Context(), strings.Repeat("k", store.MaxKeyLen-24), nil); err != nil {
		t.Error(err)
	}
}

func TestUpdate(t *testing.T) {
	ctx := t.Context()
	m := store.NewMap(nil)
	update := func(item *store.Item, err error) error {
		return store.Update(ctx, m, "k", func(*store.Item) (*store.Item, error) { return item, err })
	}
	if err := update(nil, nil); err != nil {
		t.Errorf("nothing stays nothing: %v", err)
	}
	mine := errors.New("mine")
	if err := update(&store.Item{}, mine); err != mine {
		t.Errorf("the function's error came as %v", err)
	}
	if ok, _ := m.Contains(ctx, "k"); ok {
		t.Error("an error of the function wrote something")
	}
	if err := update(&store.Item{Value: []byte("v")}, nil); err != nil {
		t.Fatal(err)
	}
	before, _ := m.Peek(ctx, "k")
	if err := store.Update(ctx, m, "k", func(old *store.Item) (*store.Item, error) {
		old.Value[0] = 'x'
		return old, nil
	}); err != nil {
		t.Fatal(err)
	}
	if after, _ := m.Peek(ctx, "k"); after.Version != before.Version || string(after.Value) != "v" {
		t.Errorf("returning old wrote %q", after.Value)
	}
	if err := update(nil, nil); err != nil {
		t.Fatal(err)
	}
	if ok, _ := m.Contains(ctx, "k"); ok {
		t.Error("nil did not remove")
	}
}

// TestUpdateGivesUpWithItsContext meets a store that always conflicts.
func TestUpdateGivesUpWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	m := store.NewMap(nil)
	err := store.Update(ctx, m, "k", func(*store.Item) (*store.Item, error) {
		if calls++; calls == 10 {
			cancel()
		}
		m.Set(t.Context(), "k", nil) // somebody else is always faster
		return &store.Item{}, nil
	})
	if !errors.Is(err, context.Canceled) || calls != 10 {
		t.Errorf("after %d calls: %v", calls, err)
	}
}

func TestWrap(t *testing.T) {
	for _, test := range []struct {
		err         error
		text        string
		unavailable bool
	}{
		{store.ErrConflict, "p: op: the entry has changed since it was loaded", false},
		{context.Canceled, "p: op: context canceled", false},
		{context.DeadlineExceeded, "p: op: store unavailable: context deadline exceeded", true},
		{os.ErrClosed, "p: op: file already closed", false},
	} {
		err := store.Wrap("p", "op", test.err)
		if err.Error() != test.text || !errors.Is(err, test.err) || errors.Is(err, store.ErrUnavailable) != test.unavailable {
			t.Errorf("Wrap(%v) = %v", test.err, err)
		}
	}
	if store.Wrap("p", "op", nil) != nil || store.Wrap("p", "op", store.ErrNotFound) != store.ErrNotFound {
		t.Error("nil and ErrNotFound must stay as they are")
	}
}
