package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder"
	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// larderOn runs a command line on a store by its URL.
func larderOn(t *testing.T, rawURL, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	env := func(name string) string { return map[string]string{envStore: rawURL}[name] }
	code = Run(t.Context(), args, strings.NewReader(stdin), &out, &errs, env)
	return code, out.String(), errs.String()
}

// migratedURL is a table of its own.
func migratedURL(t *testing.T) string {
	t.Helper()
	rawURL := testserver.Postgres(t).URL + fmt.Sprintf("?x-schema=export_%d", time.Now().UnixNano())
	if code, _, stderr := larderOn(t, rawURL, "", "migrate", "up"); code != exitDone {
		t.Fatal(stderr)
	}
	return rawURL
}

// TestExportRoundTrip exports from each backend that lists and imports into each: every value and every key comes back.
func TestExportRoundTrip(t *testing.T) {
	t.Parallel()
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	begun := time.Now()
	var entries []store.Entry
	for _, e := range [][2]string{{"empty", ""}, {"bytes", string(all)}, {"large", strings.Repeat(string(all), 1_000_000/256)}, {strings.Repeat("k", store.MaxKeyLen), "v"},
		{"\u202e\x1b[2J", "\u202etext"}, {"\ufffd", "\ufffd"}, {"ключ", "значение\r\n\t"}, {"json", `{"a":"\u0000"}`}} {
		entry := store.Entry{Key: e[0], Item: store.Item{Value: []byte(e[1]), Atime: begun.Add(-time.Duration(len(entries)+1) * time.Minute)}}
		if len(entries)%2 == 0 {
			entry.Expires = begun.Add(time.Duration(len(entries)+1) * time.Hour)
		}
		entries = append(entries, entry)
	}
	kinds := map[string]func(t *testing.T) string{
		"file":      func(t *testing.T) string { return "file:" + t.TempDir() },
		"bolt":      func(t *testing.T) string { return "bolt:" + filepath.Join(t.TempDir(), "larder.db") },
		"postgres":  migratedURL,
		"redis":     func(t *testing.T) string { return testserver.NewRedis(t).URL },
		"memcached": func(t *testing.T) string { return testserver.NewMemcached(t).URL },
	}
	for from, source := range kinds {
		if from == "memcached" {
			continue
		}
		src := source(t)
		s, err := larder.Open(t.Context(), src)
		if err != nil {
			t.Fatal(err)
		}
		_, err = store.PutItems(t.Context(), s, func(yield func(store.Entry, error) bool) {
			for _, e := range entries {
				if !yield(e, nil) {
					return
				}
			}
		}, nil)
		s.Close()
		if err != nil {
			t.Fatal(err)
		}
		code, export, stderr := larderOn(t, src, "", "export")
		if code != exitDone || strings.Count(export, "\n") != len(entries)+2 {
			t.Fatalf("%s: %d, %s", from, code, stderr)
		}
		for to, target := range kinds {
			t.Run(from+" to "+to, func(t *testing.T) {
				dst := target(t)
				if code, _, stderr := larderOn(t, dst, export, "import"); code != exitDone {
					t.Fatalf("%d, %s", code, stderr)
				}
				s, err := larder.Open(t.Context(), dst)
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				for _, e := range entries {
					item, err := store.Peek(t.Context(), s, e.Key)
					if err != nil || !bytes.Equal(item.Value, e.Value) || item.Expires.IsZero() != e.Expires.IsZero() ||
						item.Expires.Sub(e.Expires).Abs() > time.Millisecond || !item.Atime.IsZero() && item.Atime.Sub(e.Atime).Abs() > time.Millisecond {
						t.Errorf("%.20q: %+.100v, %v", e.Key, item, err)
					}
				}
			})
		}
	}
}

// TestExportResume cuts an export anywhere: it is finished as if it had not been cut.
func TestExportResume(t *testing.T) {
	src := "bolt:" + filepath.Join(t.TempDir(), "larder.db")
	for i := range 20 {
		if code, _, stderr := larderOn(t, src, fmt.Sprint("value", i), "set", "-q", fmt.Sprint("key", i)); code != exitDone {
			t.Fatal(stderr)
		}
	}
	path := filepath.Join(t.TempDir(), "all.jsonl")
	if code, _, stderr := larderOn(t, src, "", "export", path); code != exitDone {
		t.Fatal(stderr)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	header := bytes.IndexByte(whole, '\n') + 1
	for cut := header; cut <= len(whole); cut += 37 {
		for _, tail := range []string{"", "\x00\x00\x00\n", "{\"key\":\n{}\n"} {
			if err := os.WriteFile(path, append(whole[:cut:cut], tail...), 0o600); err != nil {
				t.Fatal(err)
			}
			code, _, stderr := larderOn(t, src, "", "export", "--resume", path)
			got, err := os.ReadFile(path)
			if code != exitDone || err != nil || !bytes.Equal(got, whole) {
				t.Fatalf("cut at %d, then %q: %d, %s; %d bytes, want %d", cut, tail, code, stderr, len(got), len(whole))
			}
		}
	}
	for _, test := range []struct {
		change func() []byte
		args   []string
		code   int
		says   string
	}{
		{func() []byte { return whole }, []string{"export", path}, exitUsage, "already"},
		{func() []byte { return whole }, []string{"export", "--resume", "--prefix", "k", path}, exitUsage, "another --prefix"},
		{func() []byte { return []byte("my diary\n") }, []string{"export", "--resume", path}, exitError, "no export"},
		{func() []byte { return bytes.Replace(whole, []byte("value7"), []byte("value8"), 1) }, []string{"export", "--resume", path}, exitError, "was changed"},
		{func() []byte { return nil }, []string{"export", "--resume", path}, exitDone, ""},
		{func() []byte { return whole }, []string{"export", "--json"}, exitUsage, "name a FILE"},
		{func() []byte { return whole }, []string{"export", "--resume"}, exitUsage, "name the FILE"},
		{func() []byte { return whole }, []string{"export", "a", "b"}, exitUsage, "no more than one"},
	} {
		content := test.change()
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		code, _, stderr := larderOn(t, src, "", test.args...)
		if code != test.code || !strings.Contains(stderr, test.says) {
			t.Errorf("%q: %d, %s", test.args, code, stderr)
		}
		if got, _ := os.ReadFile(path); content != nil && !bytes.Equal(got, content) {
			t.Errorf("%q: the file was changed", test.args)
		}
	}
}
