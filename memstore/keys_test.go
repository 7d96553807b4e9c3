package memstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// hostileKeys are those that mean something to memcached, or lie at an edge of what it takes.
func hostileKeys() []string {
	keys := []string{
		"a", " ", "a b", "a\r\n", "\r\nflush_all\r\n", "a 0 0 1\r\nx\r\nflush_all\r\n", "a\tb", "\x7f", "\x01", "a\x7fb", "é", "日本", "\u00a0", "\u2028",
		"flush_all", "gets", "-", "0", "noreply", "a noreply", strings.Repeat("\r\n", 100), hashMark, hashMark + strings.Repeat("0", 64), "larder-sha256",
	}
	for _, n := range []int{136, 137, 138, 249, 250, 251, 255, 256, 1023, 1024} {
		keys = append(keys, strings.Repeat("k", n), strings.Repeat("k", n-1)+" ", strings.Repeat("é", n/2))
	}
	var s Store
	for _, key := range []string{" ", "a b", "a\r\n"} {
		keys = append(keys, s.name(key)) // spelled as the names of others
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// Whatever stands in a key or a value, the server sees the commands that were meant and no other; and no two keys have one name.
func TestKeysHostile(t *testing.T) {
	f := newFake(t)
	ctx := context.Background()
	for _, prefix := range []string{"", "p:", strings.Repeat("p", maxPrefix)} {
		s := again(t, Options{Expiry: store.Expiry{Timeout: 1}}, prefix, f.addr)
		names := make(map[string]string)
		for i, key := range hostileKeys() {
			if store.CheckKey(key) != nil {
				t.Fatalf("%q is no key", key)
			}
			if other, there := names[s.name(key)]; there && other != key {
				t.Errorf("%.60q and %.60q have the same name", key, other)
			}
			names[s.name(key)] = key
			value := fmt.Sprintf("%d set admin 0 0 4\r\nroot\r\nflush_all\r\n%s", i, key)
			set(t, s, key, value)
			want(t, s, key, value)
			item, err := s.Load(ctx, key)
			if err != nil {
				t.Fatal(err)
			}
			if item.Version, err = s.Swap(ctx, key, item.Version, item); err != nil {
				t.Errorf("Swap: %v", err)
			}
			if err := s.Touch(ctx, key); err != nil {
				t.Errorf("Touch: %v", err)
			}
			if i%2 == 0 {
				continue
			}
			if _, err := s.Swap(ctx, key, item.Version, nil); err != nil {
				t.Errorf("Swap to nil: %v", err)
			}
			wantGone(t, s, key)
			if _, err := s.Swap(ctx, key, "", item); err != nil {
				t.Errorf("Swap from \"\": %v", err)
			}
			if err := s.Delete(ctx, key); err != nil {
				t.Errorf("Delete: %v", err)
			}
		}
		for _, c := range f.seen() {
			if _, known := names[c.key]; !known {
				t.Errorf("%s of %q, which is no entry's name", c.verb, c.key)
			}
		}
	}
}

// What is no key reaches no server. The client would send an empty one, and the value after it as a command.
func TestKeysInvalid(t *testing.T) {
	f := newFake(t)
	s := again(t, Options{}, "p:", f.addr)
	ctx := context.Background()
	for _, key := range []string{"", "a\x00b", "\xff", strings.Repeat("k", 1025)} {
		_, get := s.Get(ctx, key)
		_, contains := s.Contains(ctx, key)
		_, load := s.Load(ctx, key)
		_, peek := s.Peek(ctx, key)
		_, swap := s.Swap(ctx, key, "", &store.Item{Value: []byte("flush_all\r\n")})
		for _, err := range []error{get, contains, load, peek, swap, s.Set(ctx, key, []byte("flush_all\r\n")), s.Delete(ctx, key), s.Touch(ctx, key)} {
			if !errors.Is(err, store.ErrInvalidKey) {
				t.Errorf("with the key %.20q: %v", key, err)
			}
		}
	}
	if seen := f.seen(); len(seen) > 0 {
		t.Errorf("the server was told %+v", seen)
	}
}

// The same keys, on the real server.
func TestKeysReal(t *testing.T) {
	s := fresh(t, Options{}, testserver.Memcached(t).Addr)
	for i, key := range hostileKeys() {
		set(t, s, key, fmt.Sprint(i))
	}
	for i, key := range hostileKeys() {
		want(t, s, key, fmt.Sprint(i))
	}
}

// What a key is named stays so, or a new version of this package would lose entries.
func TestNames(t *testing.T) {
	hash := hashMark + "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb" // of "a"
	s := &Store{prefix: "p:"}
	for key, want := range map[string]string{
		"a":                      "p:a",
		strings.Repeat("k", 248): "p:" + strings.Repeat("k", 248),
		strings.Repeat("k", 249): "p:" + hashMark + "a6ba261ad72b97fe7684676174a94df81dda017f4dd24833120cfd8e20a08f53",
		hash:                     "p:" + hashMark + "f900d4daa2a5f0e242e0e8af0635fc6b8bc72ef9f29b039e60b779c1c35faaf5",
	} {
		if got := s.name(key); got != want {
			t.Errorf("%.20q is named %q; want %q", key, got, want)
		}
	}
}

func TestKeyPrefixInvalid(t *testing.T) {
	for _, prefix := range []string{"a b", "a\r\n", strings.Repeat("p", maxPrefix+1), "\x7f"} {
		if _, err := New(plain(t, "127.0.0.1:1"), &Options{KeyPrefix: prefix}); err == nil {
			t.Errorf("%.20q is taken", prefix)
		}
	}
}
