package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larder-go/larder/store"
)

// ending is a store that ends a context at its n-th Swap.
type ending struct {
	keep
	n    atomic.Int64
	stop context.CancelFunc
}

func (e *ending) Swap(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
	if e.n.Add(-1) == 0 {
		e.stop()
	}
	return e.keep.Swap(ctx, key, old, item)
}

// TestCopyInterrupted: a copy that was interrupted says what it has done, and the next one goes on from there.
func TestCopyInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	src, dst := keep{store.NewMap(nil)}, &ending{keep: keep{store.NewMap(nil)}, stop: cancel}
	dst.n.Store(600)
	for i := range 1000 {
		if err := src.Set(ctx, fmt.Sprint("key", i), []byte("v")); err != nil {
			t.Fatal(err)
		}
	}
	mux := store.Mux{
		"src": func(context.Context, *url.URL) (store.Closer, error) { return src, nil },
		"dst": func(context.Context, *url.URL) (store.Closer, error) { return dst, nil },
	}
	results := make([]copyResult, 3)
	for i, want := range []int{exitInterrupted, exitDone, exitDone} {
		var out, errs bytes.Buffer
		code := newApp(strings.NewReader(""), &out, &errs, func(string) string { return "" }, mux).run(ctx, []string{"copy", "--json", "src:", "dst:"})
		if err := json.Unmarshal(out.Bytes(), &results[i]); err != nil || code != want {
			t.Fatalf("%d, %v: %s%s", code, err, &out, &errs)
		}
		ctx = t.Context()
	}
	first, second, third := results[0], results[1], results[2]
	if first.Copied < 400 || first.Done || second.Resumed < 300 || second.Copied+second.Kept != 1000 || second.Kept > 150 || !second.Done || third.Resumed != 0 || third.Kept != 1000 {
		t.Errorf("%+v\n%+v\n%+v", first, second, third)
	}
}

// TestCopySecrets: neither password is shown, whatever goes wrong.
func TestCopySecrets(t *testing.T) {
	const src, dst = "redis://u:sekret1@127.0.0.1:1", "postgres://u:sekret2@127.0.0.1:1/db"
	file := "file:" + t.TempDir()
	larderOn(t, file, "v", "set", "k")
	for _, args := range [][]string{{src, dst}, {file, dst}, {src, file}, {src, src}, {dst, dst}, {src}, {src, dst, src}, {"--rate", src, dst}} {
		for _, flags := range [][]string{nil, {"--json"}, {"-n"}, {"--verify"}} {
			code, stdout, stderr := larderOn(t, "", "", append(append([]string{"copy"}, flags...), args...)...)
			if code == exitDone || strings.Contains(stdout+stderr, "sekret") {
				t.Errorf("%q: %d, %s%s", args, code, stdout, stderr)
			}
		}
	}
}

func TestCopyLine(t *testing.T) {
	r := &store.CopyReport{Copied: 300_000, Kept: 10_000, Resumed: 110_000, Duration: 20 * time.Second}
	for _, test := range []struct {
		total   int
		counted bool
		want    string
	}{
		{0, false, "copying: 310,000, 10,000/s"},
		{400_000, false, "copying: 310,000 of over 400,000, 10,000/s"},
		{910_000, true, "copying: 310,000 of 910,000, 10,000/s, 1m left"},
		{300_000, true, "copying: 310,000 of 310,000, 10,000/s"},
	} {
		if got := copyLine(r, test.total, test.counted); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
	r.Verifying, r.Verify.Same = true, 1000
	if got := copyLine(r, 910_000, true); got != "verifying: 1,000 of 910,000" {
		t.Error(got)
	}
}

// TestCopyShowsProgress: on a terminal, with the total that another list counts.
func TestCopyShowsProgress(t *testing.T) {
	src, dst := keep{store.NewMap(nil)}, keep{store.NewMap(nil)}
	for i := range 100 {
		src.Set(t.Context(), fmt.Sprint("key", i), []byte("v"))
	}
	var out, errs bytes.Buffer
	a := newApp(strings.NewReader(""), &out, &errs, func(string) string { return "" }, store.Mux{
		"src": func(context.Context, *url.URL) (store.Closer, error) { return src, nil },
		"dst": func(context.Context, *url.URL) (store.Closer, error) { return dst, nil },
	})
	a.tty = func(any) bool { return true }
	if code := a.run(t.Context(), []string{"copy", "--rate", "50", "src:", "dst:"}); code != exitDone {
		t.Fatal(errs.String())
	}
	if !strings.Contains(errs.String(), " of 100, ") || !strings.Contains(errs.String(), " left") {
		t.Errorf("%q", &errs)
	}
}

func TestWhereabouts(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, same := range [][]string{
		{"data", "./data", "file:data", "file:./data?x-timeout=1h", "file://" + dir + "/data", dir + "/./data", "file:" + dir + "/x/../d%61ta"},
		{"bolt:a.db", "bolt:./a.db", "bolt://localhost" + dir + "/a.db"},
		{"postgres://u:p@Host/db?x-timeout=1h", "postgresql://host/db", "postgres://v@host/db?sslmode=disable"},
		{"redis://host", "rediss://u:p@host/"},
	} {
		for _, rawURL := range same {
			if err := refuseWithin(same[0], rawURL, ""); err == nil {
				t.Errorf("%s and %s pass for two stores", same[0], rawURL)
			}
		}
	}
	for _, two := range [][2]string{
		{"data", "data2"}, {"data", "bolt:data"}, {"map:", "map:"}, {"postgres://h/a", "postgres://h/b"}, {"redis://h/0", "redis://h/1"},
		{"postgres://h/a", "postgres://h/a?x-table=t"}, {"file:d?x-prefix=a:", "file:d?x-prefix=b:"}, {"file:d?x-prefix=a:b:", "file:d?x-prefix=a:"},
		{"memcached://a,b", "memcached://a"}, {"postgres+unix:///run?dbname=a", "postgres+unix:///run?dbname=b"},
	} {
		if err := refuseWithin(two[0], two[1], ""); err != nil {
			t.Errorf("%q: %v", two, err)
		}
	}
	if refuseWithin("file:d", "file:d?x-prefix=a:", "") == nil || refuseWithin("file:d", "file:d?x-prefix=a:", "a") == nil {
		t.Error("a copy into what is copied passes")
	}
	if err := refuseWithin("file:d", "file:d?x-prefix=a:", "b"); err != nil {
		t.Error(err)
	}
	if a, b := checkpointName("file:d", "", 0), checkpointName("file:"+filepath.Join(dir, "d"), "", 0); a != b || a == checkpointName("file:d", "p", 0) ||
		a == checkpointName("file:d", "", store.OverwriteOlder) || checkpointName("redis://u:a@h", "", 0) != checkpointName("redis://u:b@h", "", 0) {
		t.Error("checkpoints are mixed up")
	}
}

func TestEnoughConns(t *testing.T) {
	for rawURL, want := range map[string]string{
		"postgres://h/db":                     "postgres://h/db?pool_max_conns=9",
		"postgresql://h/db?x-timeout=1h":      "postgresql://h/db?x-timeout=1h&pool_max_conns=9",
		"postgres+unix:///run?dbname=d":       "postgres+unix:///run?dbname=d&pool_max_conns=9",
		"postgres://h/db?pool_max_conns=2":    "postgres://h/db?pool_max_conns=2",
		"file:postgres":                       "file:postgres",
		"handover:?old=postgres%3A&new=redis": "handover:?old=postgres%3A&new=redis",
	} {
		if got := enoughConns(rawURL, 0); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
