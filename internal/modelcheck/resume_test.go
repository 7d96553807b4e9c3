package modelcheck

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/larder-go/larder/store"
)

// onResumers runs the test on each kind of store whose list can be taken up again.
func onResumers(t *testing.T, test func(t *testing.T, s store.Store)) {
	onEach(t, func(t *testing.T, s store.Store) {
		if store.CanListAfter(s) {
			test(t, s)
			return
		}
		for _, err := range store.ListAfter(t.Context(), s, "", "k") {
			if !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("a list that cannot be taken up says %v", err)
			}
		}
	})
}

// keysAfter lists at most n keys behind after.
func keysAfter(t *testing.T, s store.Store, prefix, after string, n int) (keys []string) {
	t.Helper()
	for info, err := range store.ListAfter(t.Context(), s, prefix, after) {
		if err != nil {
			t.Fatal(err)
		}
		if keys = append(keys, info.Key); len(keys) == n {
			break
		}
	}
	return keys
}

// TestResumers: which stores can.
func TestResumers(t *testing.T) {
	for _, b := range backends() {
		want := !slices.Contains([]string{"memcached", "redis", "cluster"}, b.name)
		if got := store.CanListAfter(b.place(t)()); got != want {
			t.Errorf("%s: %t", b.name, got)
		}
	}
}

// Behind each key of the list, there or removed since, comes the rest of it in the same order.
func TestListAfterEachKey(t *testing.T) {
	onResumers(t, func(t *testing.T, s store.Store) {
		const n = 150
		for i := range n {
			key := fmt.Sprint([]string{"a:", "b:", "", "é", "\x7f"}[i%5], i)
			put(t, s, key, store.Item{Value: []byte(key)})
			if i%40 == 0 {
				put(t, s, store.ReservedKey(key), store.Item{})
			}
		}
		whole := keysAfter(t, s, "", "", -1)
		if len(whole) != n {
			t.Fatalf("%d keys, want %d", len(whole), n)
		}
		for _, prefix := range []string{"", "a:", "b", "none"} {
			all := keysAfter(t, s, prefix, "", -1)
			want := slices.DeleteFunc(slices.Clone(whole), func(key string) bool { return !strings.HasPrefix(key, prefix) })
			if !slices.Equal(all, want) {
				t.Fatalf("under %q: not the order of the whole", prefix)
			}
			for i, key := range whole { // also behind keys that have not the prefix
				rest := slices.DeleteFunc(slices.Clone(whole[i+1:]), func(key string) bool { return !strings.HasPrefix(key, prefix) })
				if got := keysAfter(t, s, prefix, key, -1); !slices.Equal(got, rest) {
					t.Fatalf("under %q behind key %d: %d keys, want %d", prefix, i, len(got), len(rest))
				}
			}
		}
		for i, key := range whole {
			if i%3 != 0 {
				continue
			}
			if err := s.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
			if got := keysAfter(t, s, "", key, -1); !slices.Equal(got, whole[i+1:]) {
				t.Fatalf("behind key %d, which was removed: %d keys, want %d", i, len(got), n-i-1)
			}
		}
	})
}

// An after that no list can have ended with is refused, and a list after Close or a cancel says why it ends.
func TestListAfterRefuses(t *testing.T) {
	onResumers(t, func(t *testing.T, s store.Store) {
		put(t, s, "k", store.Item{})
		for _, after := range []string{"\x00", "\xff", strings.Repeat("k", store.MaxKeyLen+1)} {
			calls := 0
			for info, err := range store.ListAfter(t.Context(), s, "", after) {
				if calls++; !errors.Is(err, store.ErrInvalidKey) || info != (store.Info{}) || strings.Contains(err.Error(), after) {
					t.Errorf("after a key that is none: %+v, %v", info, err)
				}
			}
			if calls != 1 {
				t.Errorf("%d pairs", calls)
			}
		}
		if c, ok := s.(interface{ Close() error }); ok {
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			for _, err := range store.ListAfter(t.Context(), s, "", "k") {
				if !errors.Is(err, os.ErrClosed) {
					t.Errorf("after Close: %v", err)
				}
			}
		}
	})
}

// A list that is taken up every few keys, while entries come and go, shows each of those that stay exactly once, and none of the
// others twice.
func TestListAfterAmongOthers(t *testing.T) {
	onResumers(t, func(t *testing.T, s store.Store) {
		const stay, come = 400, 400
		for i := range stay {
			put(t, s, fmt.Sprint("stays ", i), store.Item{})
		}
		var others sync.WaitGroup
		done := make(chan struct{})
		for g := range 2 {
			others.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
					}
					key, err := fmt.Sprint("comes ", g, rand.N(come)), error(nil)
					if rand.N(2) == 0 {
						err = s.Set(t.Context(), key, nil)
					} else {
						err = s.Delete(t.Context(), key)
					}
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		seen := map[string]int{}
		for after := ""; ; {
			page := keysAfter(t, s, "", after, 1+rand.N(20))
			if len(page) == 0 {
				break
			}
			for _, key := range page {
				seen[key]++
			}
			after = page[len(page)-1]
		}
		close(done)
		others.Wait()
		stayed := 0
		for key, n := range seen {
			if n > 1 {
				t.Errorf("%q was listed %d times", key, n)
			}
			if strings.HasPrefix(key, "stays ") {
				stayed++
			}
		}
		if stayed != stay {
			t.Errorf("%d of %d that stayed were listed", stayed, stay)
		}
	})
}
