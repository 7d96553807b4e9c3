package store_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/larder-go/larder"
	"github.com/larder-go/larder/dbstore"
	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// places opens new, empty stores of every kind, by scheme, none of which has a prefix: the longest keys fit.
func places(t testing.TB) map[string]func(t testing.TB, params string) store.Closer {
	postgres := testserver.Postgres(t)
	open := func(t testing.TB, rawURL string) store.Closer {
		s, err := larder.Open(t.Context(), rawURL)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	return map[string]func(t testing.TB, params string) store.Closer{
		"map":  func(t testing.TB, params string) store.Closer { return open(t, "map:?"+params) },
		"file": func(t testing.TB, params string) store.Closer { return open(t, "file:"+t.TempDir()+"?"+params) },
		"bolt": func(t testing.TB, params string) store.Closer {
			return open(t, "bolt:"+filepath.Join(t.TempDir(), "larder.db")+"?"+params)
		},
		"postgres": func(t testing.TB, params string) store.Closer {
			schema := "copy_" + strings.ToLower(rand.Text()[:8])
			pool, err := pgxpool.New(t.Context(), postgres.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer pool.Close()
			m, err := dbstore.NewMigrator(pool, &dbstore.MigratorOptions{Schema: schema})
			if err == nil {
				_, err = m.Up(t.Context())
			}
			if err != nil {
				t.Fatal(err)
			}
			return open(t, withParams(postgres.URL, "x-schema="+schema+"&"+params))
		},
		"memcached": func(t testing.TB, params string) store.Closer {
			return open(t, withParams(testserver.NewMemcached(t).URL, params))
		},
		"redis": func(t testing.TB, params string) store.Closer {
			return open(t, withParams(testserver.NewRedis(t).URL, params))
		},
	}
}

func withParams(rawURL, params string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return rawURL
	}
	if u.RawQuery != "" {
		params = u.RawQuery + "&" + params
	}
	u.RawQuery = strings.TrimSuffix(params, "&")
	return u.String()
}

// oddEntries are those that something may go wrong with.
func oddEntries() []store.Entry {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	now := time.Now()
	var entries []store.Entry
	for key, value := range map[string][]byte{
		"empty": {}, "all bytes": all, "large": bytes.Repeat(all, 1_000_000/256), strings.Repeat("k", 1024): []byte("a long key"),
		"\x02control\t\n": []byte("v"), "ключ/../\u202e %2F?#": []byte("текст \u2028 </script> \\\" \r\n"), "text\ufffd": []byte("\ufffd"), " ": []byte(" "),
	} {
		entries = append(entries, store.Entry{Key: key, Item: store.Item{Value: value, Atime: now.Add(-time.Duration(len(entries)) * 7 * time.Minute)}})
	}
	for i := range 40 {
		e := store.Entry{Key: fmt.Sprint("id:", rand.Text()), Item: store.Item{Value: fmt.Appendf(nil, `{"n":%d}`, i), Atime: now.Add(-time.Duration(i) * time.Minute)}}
		if i%2 == 0 {
			e.Expires = now.Add(time.Duration(i+1) * time.Hour)
		}
		entries = append(entries, e)
	}
	return entries
}

// put puts entries into a store, all of them.
func putEntries(t testing.TB, s store.Store, entries []store.Entry) {
	t.Helper()
	r, err := store.PutItems(t.Context(), s, func(yield func(store.Entry, error) bool) {
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}, nil)
	if err != nil || r.Copied != len(entries) {
		t.Fatalf("%+v, %v", r, err)
	}
}

// mustHold demands entries as they are, each within what the store makes of a time; atimes where it tells them.
func mustHold(t testing.TB, s store.Store, entries []store.Entry) {
	t.Helper()
	for _, e := range entries {
		item, err := store.Peek(t.Context(), s, e.Key)
		switch {
		case err != nil:
			t.Errorf("%.20q: %v", e.Key, err)
		case !bytes.Equal(item.Value, e.Value):
			t.Errorf("%.20q: %d bytes are not the %d that were", e.Key, len(item.Value), len(e.Value))
		case item.Expires.IsZero() != e.Expires.IsZero() || item.Expires.Sub(e.Expires).Abs() > time.Millisecond:
			t.Errorf("%.20q: deadline %v, was %v", e.Key, item.Expires, e.Expires)
		case !item.Atime.IsZero() && item.Atime.Sub(e.Atime).Abs() > time.Millisecond:
			t.Errorf("%.20q: atime %v, was %v", e.Key, item.Atime, e.Atime)
		}
	}
}

// TestCopyMatrix copies between each pair of backends.
func TestCopyMatrix(t *testing.T) {
	const params = "x-timeout=24h"
	all := places(t)
	for _, from := range slices.Sorted(maps.Keys(all)) {
		if from == "memcached" { // does not list
			continue
		}
		src := all[from](t, params)
		entries := oddEntries()
		putEntries(t, src, entries)
		mustHold(t, src, entries)
		for _, to := range slices.Sorted(maps.Keys(all)) {
			t.Run(from+" to "+to, func(t *testing.T) {
				dst, want := all[to](t, params), entries
				r, err := store.Copy(t.Context(), src, dst, &store.CopyOptions{Verify: true, Checkpoint: "matrix"})
				if err != nil || r.Copied != len(want) || r.Verify.Same != len(want) || r.Verify.SourceSum != r.Verify.TargetSum {
					t.Fatalf("%+v, %v", r, err)
				}
				mustHold(t, dst, want)
				if r, err = store.Copy(t.Context(), src, dst, &store.CopyOptions{Overwrite: store.OverwriteOlder}); err != nil || r.Kept != len(want) {
					t.Errorf("again: %+v, %v", r, err)
				}
				if r, err = store.Copy(t.Context(), src, dst, &store.CopyOptions{Overwrite: store.OverwriteAlways}); err != nil || r.Copied != len(want) {
					t.Errorf("always: %+v, %v", r, err)
				}
				mustHold(t, dst, want)
			})
		}
		mustHold(t, src, entries) // and nothing of it was used
	}
}

// TestCopyRemainingIdle: what was idle for most of its time here is absent there when the rest is over.
func TestCopyRemainingIdle(t *testing.T) {
	const timeout, rest = 6 * time.Second, 2 * time.Second
	all, targets := places(t), make(map[string]store.Store)
	for _, to := range slices.Sorted(maps.Keys(all)) {
		targets[to] = all[to](t, "x-timeout=6s&x-touch-after=-1s")
	}
	src := all["map"](t, "")
	begun := time.Now()
	putEntries(t, src, []store.Entry{
		{Key: "nearly", Item: store.Item{Value: []byte("v"), Atime: begun.Add(rest - timeout)}},
		{Key: "fresh", Item: store.Item{Value: []byte("v")}},
		{Key: "deadline", Item: store.Item{Value: []byte("v"), Expires: begun.Add(rest)}},
	})
	for to, dst := range targets {
		if r, err := store.Copy(t.Context(), src, dst, nil); err != nil || r.Copied != 3 {
			t.Fatalf("%s: %+v, %v", to, r, err)
		}
		has, err := dst.Contains(t.Context(), "nearly")
		if time.Since(begun) < rest && (!has || err != nil) {
			t.Errorf("%s: it was gone at once: %t, %v", to, has, err)
		}
	}
	for to, dst := range targets {
		for gone := range 2 {
			key := []string{"nearly", "deadline"}[gone]
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			for has := true; has && ctx.Err() == nil; {
				has, _ = dst.Contains(ctx, key)
				<-time.After(10 * time.Millisecond)
			}
			if ctx.Err() != nil {
				t.Errorf("%s: %s is still there", to, key)
			}
			cancel()
		}
		if has, err := dst.Contains(t.Context(), "fresh"); time.Since(begun) < timeout && (!has || err != nil) {
			t.Errorf("%s: what was used just now is gone: %v", to, err)
		}
	}
}
