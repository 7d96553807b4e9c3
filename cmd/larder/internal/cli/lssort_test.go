package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/store"
)

// listed is a store with these entries.
type listed struct {
	*store.Map
	infos []store.Info
}

func (listed) Close() error { return nil }

func (s listed) List(_ context.Context, prefix string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		for _, info := range s.infos {
			if strings.HasPrefix(info.Key, prefix) && !yield(info, nil) {
				return
			}
		}
	}
}

// TestListSorted compares what is kept in a heap with the whole list in order.
func TestListSorted(t *testing.T) {
	now := time.Now()
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := listed{Map: store.NewMap(nil)}
		for i := range 1 + r.IntN(2500) {
			info := store.Info{Key: fmt.Sprintf("%c-%05d", 'a'+rune(r.IntN(2)), i), Size: r.Int64N(50)}
			if r.IntN(20) > 0 {
				info.Atime = now.Add(-time.Duration(r.IntN(100)) * time.Hour)
			}
			s.infos = append(s.infos, info)
		}
		for flag, by := range map[string]func(a, b store.Info) int{"idle": byIdle, "size": bySize} {
			want := slices.SortedFunc(func(yield func(store.Info) bool) {
				for _, info := range s.infos {
					if info.Key[0] == 'a' && !yield(info) {
						return
					}
				}
			}, by)
			limit := 1 + r.IntN(100)
			args := []string{"ls", "--json", "--full", "--sort", flag, "--prefix", "a-"}
			if seed%2 == 0 {
				args = append(args, "--limit", fmt.Sprint(limit))
			} else {
				limit = sortLimit
			}
			code, stdout, stderr := run(t, t.Context(), s, args...)
			var got lsResult
			if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != exitDone {
				t.Fatalf("%d, %v, %s", code, err, stderr)
			}
			more := len(want) > limit
			want = want[:min(limit, len(want))]
			if len(got.Entries) != len(want) || got.Count != len(want) || got.More != more || !got.Complete {
				t.Fatalf("%d of %d entries, %+v", len(got.Entries), len(want), got.lsTotal)
			}
			for i, info := range want {
				if got.Entries[i].Key != info.Key {
					t.Fatalf("--sort %s: entry %d is %q, want %q", flag, i, got.Entries[i].Key, info.Key)
				}
			}
		}
	}
}

func TestListLimit(t *testing.T) {
	s := keep{store.NewMap(nil)}
	for i := range 5 {
		if err := s.Set(t.Context(), fmt.Sprintf("user:%d-of-many", i), make([]byte, i*1000)); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		args       []string
		lines      int
		out, error string
	}{
		{[]string{"--limit", "2"}, 3, "", "2 entries, "},
		{[]string{"--limit", "2"}, 3, "", "; there are more, which --limit leaves out\n"},
		{[]string{"--limit", "5"}, 6, "", "5 entries, 9.8 KiB\n"},
		{[]string{"--sort", "size", "--limit", "1"}, 2, "user:4-of-many   3.9 KiB", "1 entry, 3.9 KiB; those are the first by size of 5, --limit says how many\n"},
		{[]string{"--sort=idle"}, 6, "user:0-of-many", "5 entries, 9.8 KiB\n"},
		{[]string{"--prefix", "user:3"}, 2, "user:3", "1 entry"},
		{[]string{"--prefix", "user:3", "user:3"}, 2, "user:3", "1 entry"},
	} {
		code, stdout, stderr := run(t, t.Context(), s, append([]string{"ls", "--full"}, test.args...)...)
		if code != exitDone || strings.Count(stdout, "\n") != test.lines || !strings.Contains(stdout, test.out) || !strings.Contains(stderr, test.error) {
			t.Errorf("%q: %d, %q, %q", test.args, code, stdout, stderr)
		}
	}
	for _, args := range [][]string{{"--limit", "0"}, {"--limit=-1"}, {"--sort", "name"}, {"--sort="}, {"--prefix", "a", "b"}} {
		if code, _, stderr := run(t, t.Context(), s, append([]string{"ls"}, args...)...); code != exitUsage || !strings.Contains(stderr, "hint: ") {
			t.Errorf("%q: %d, %q", args, code, stderr)
		}
	}
	// A list that is cut short does not ask for the rest, and one that is sorted says what it has seen where it breaks off.
	code, stdout, stderr := run(t, t.Context(), outage{store.NewMap(nil)}, "ls", "--limit", "1", "--json")
	if code != exitError || !strings.Contains(stdout, `"complete":false`) {
		t.Errorf("%d, %q, %q", code, stdout, stderr)
	}
	code, stdout, _ = run(t, t.Context(), outage{store.NewMap(nil)}, "ls", "--sort", "size", "--json", "--full")
	if code != exitError || !strings.Contains(stdout, `"key":"first"`) || !strings.Contains(stdout, `"complete":false`) {
		t.Errorf("%d, %q", code, stdout)
	}
}

// TestSortedListKeepsItsLimit: however many entries there are, --sort keeps those that it prints.
func TestSortedListKeepsItsLimit(t *testing.T) {
	for _, args := range [][]string{{"ls", "--sort", "size"}, {"ls", "--sort", "idle", "--json", "--limit", "500"}} {
		s := &endless{Map: store.NewMap(nil)}
		var before runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		env := func(name string) string { return map[string]string{envStore: "test:"}[name] }
		if code := newApp(strings.NewReader(""), io.Discard, io.Discard, env, opens(s)).run(t.Context(), args); code != exitDone {
			t.Fatalf("%q: exit code %d", args, code)
		}
		if grown := int64(s.most) - int64(before.HeapAlloc); grown > 2<<20 {
			t.Errorf("%q keeps %d bytes while it lists 200,000 entries", args, grown)
		}
	}
}
