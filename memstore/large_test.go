package memstore

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// The value that DESIGN promises, with the longest keys, on a server as it comes.
func TestLargest(t *testing.T) {
	t.Parallel()
	s := fresh(t, Options{}, testserver.NewMemcached(t).Addr)
	value := bytes.Repeat([]byte("v"), defaultMaxValue)
	for _, key := range []string{strings.Repeat("k", store.MaxKeyLen), strings.Repeat("k", 200), "k"} {
		for range 2 { // the second time it stands there
			if err := s.Set(context.Background(), key, value); err != nil {
				t.Errorf("Set of %d bytes under a key of %d: %v", len(value), len(key), err)
			}
			if got, err := s.Get(context.Background(), key); err != nil || !bytes.Equal(got, value) {
				t.Errorf("Get: %d bytes, %v", len(got), err)
			}
		}
		v, err := s.Swap(context.Background(), key, store.AnyVersion, &store.Item{Value: value})
		if err == nil {
			_, err = s.Swap(context.Background(), key, v, &store.Item{Value: value})
		}
		if err != nil {
			t.Errorf("Swap: %v", err)
		}
	}
}

// A value over the limit is refused, and the old one stays: whether the limit is MaxValue, so that nothing is sent, or the server's own.
func TestTooLargeKeepsOld(t *testing.T) {
	t.Parallel()
	small := testserver.NewMemcached(t, "-I", "512k").Addr
	ctx := context.Background()
	for name, c := range map[string]struct {
		o    Options
		addr string
		n    int
	}{
		"over MaxValue":       {Options{}, testserver.Memcached(t).Addr, defaultMaxValue + 1},
		"over the server's":   {Options{}, small, 600_000},
		"over a MaxValue":     {Options{MaxValue: 100}, small, 101},
		"over MaxValue there": {Options{MaxValue: 10_000_000}, testserver.Memcached(t).Addr, 1_048_576},
	} {
		t.Run(name, func(t *testing.T) {
			s := fresh(t, c.o, c.addr)
			value := make([]byte, c.n)
			tooLarge := func(what string, err error) {
				t.Helper()
				if !errors.Is(err, store.ErrTooLarge) || errors.Is(err, store.ErrUnavailable) {
					t.Errorf("%s: %v; want ErrTooLarge", what, err)
				}
			}
			v, err := s.Swap(ctx, "key", "", &store.Item{Value: []byte("old")})
			if err != nil {
				t.Fatal(err)
			}
			tooLarge("Set", s.Set(ctx, "key", value))
			want(t, s, "key", "old")
			for _, old := range []store.Version{v, store.AnyVersion} {
				_, err = s.Swap(ctx, "key", old, &store.Item{Value: value})
				tooLarge("Swap", err)
				want(t, s, "key", "old")
			}
			tooLarge("Set of a new entry", s.Set(ctx, "new", value))
			_, err = s.Swap(ctx, "new", "", &store.Item{Value: value})
			tooLarge("Swap of a new entry", err)
			wantGone(t, s, "new")
			if item, err := s.Peek(ctx, "key"); err != nil || item.Version != v {
				t.Errorf("the version has changed: %v", err)
			}
		})
	}
}

// A large value is sent once where it replaces one, and a small one always.
func TestLargeRequests(t *testing.T) {
	f := newFake(t)
	s := fresh(t, Options{}, f.addr)
	for _, c := range []struct {
		n    int
		want string
	}{{10, "set"}, {10, "set"}, {large, "replace"}, {large, "replace"}} {
		set(t, s, "key", strings.Repeat("v", c.n))
		if got := f.verbs(); got != c.want {
			t.Errorf("a Set of %d bytes is %q; want %q", c.n, got, c.want)
		}
	}
	set(t, s, "new", strings.Repeat("v", large))
	if got := f.verbs(); got != "replace set" {
		t.Errorf("a Set of a new large value is %q", got)
	}
}
