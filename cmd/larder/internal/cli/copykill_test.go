//go:build unix

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/larder-go/larder"
	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// buildLarder builds the command as its users have it.
func buildLarder(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "larder")
	build := exec.Command("go", "build", "-o", binary, "github.com/larder-go/larder/cmd/larder")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// moved is an entry that the kill tests move.
func moved(i int, begun time.Time) store.Entry {
	e := store.Entry{Key: fmt.Sprintf("%08x:%d", uint32(i)*0x9E3779B1, i), Item: store.Item{Value: bytes.Repeat([]byte(strconv.Itoa(i)), 60), Atime: begun.Add(-time.Duration(i%3600) * time.Second)}}
	if i%2 == 0 {
		e.Expires = begun.Add(time.Duration(24+i%100) * time.Hour)
	}
	return e
}

// fillURL puts n entries into the store of that URL.
func fillURL(t *testing.T, rawURL string, n int, begun time.Time) {
	t.Helper()
	s, err := larder.Open(t.Context(), rawURL)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r, err := store.PutItems(t.Context(), s, func(yield func(store.Entry, error) bool) {
		for i := range n {
			if !yield(moved(i, begun), nil) {
				return
			}
		}
	}, &store.CopyOptions{Workers: 64})
	if err != nil || r.Copied != n {
		t.Fatalf("%+v, %v", r, err)
	}
}

// checkURL demands all n entries as they were, and nothing else.
func checkURL(t *testing.T, rawURL string, n int, begun time.Time) {
	t.Helper()
	s, err := larder.Open(t.Context(), rawURL)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	count := 0
	for e, err := range store.Items(t.Context(), s, "", "") {
		if err != nil {
			t.Fatal(err)
		}
		count++
		checkEntry(t, e, begun)
	}
	if count != n {
		t.Errorf("%d entries, want %d", count, n)
	}
}

// checkEntry demands that the entry is as it was, and returns its number.
func checkEntry(t *testing.T, e store.Entry, begun time.Time) int {
	t.Helper()
	i := 0
	if _, err := fmt.Sscanf(e.Key[9:], "%d", &i); err != nil {
		t.Fatalf("%q: %v", e.Key, err)
	}
	want := moved(i, begun)
	if !bytes.Equal(e.Value, want.Value) || e.Atime.Sub(want.Atime).Abs() > time.Millisecond ||
		e.Expires.IsZero() != want.Expires.IsZero() || e.Expires.Sub(want.Expires).Abs() > time.Millisecond {
		t.Fatalf("entry %d: %d bytes, atime %v, deadline %v; want %d, %v, %v", i, len(e.Value), e.Atime, e.Expires, len(want.Value), want.Atime, want.Expires)
	}
	return i
}

// killedCopy runs the command again and again, killing it after up to longest, and the last time to its end. kills is how often it was killed.
func killedCopy(t *testing.T, binary string, times int, longest time.Duration, args ...string) (result copyResult, kills int) {
	t.Helper()
	for last := false; !last; {
		last = kills >= times
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		var out, errs bytes.Buffer
		c := exec.CommandContext(ctx, binary, args...)
		c.Stdout, c.Stderr = &out, &errs
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if !last {
			timer := time.AfterFunc(time.Duration(rand.Int64N(int64(longest))), func() { c.Process.Kill() })
			defer timer.Stop()
		}
		err := c.Wait()
		cancel()
		if err == nil {
			if err := json.Unmarshal(out.Bytes(), &result); err != nil {
				t.Fatalf("%v: %s", err, &out)
			}
			return result, kills
		}
		if c.ProcessState.ExitCode() != -1 || last {
			t.Fatalf("%v: %s", err, &errs)
		}
		kills++
		longest += longest / 2 // on a busy machine, the first ones may not have come to anything
	}
	return result, kills
}

// TestCopyKilled kills a copy at random moments: run again, it goes on, does next to nothing twice, and loses nothing.
func TestCopyKilled(t *testing.T) {
	postgres, redis := testserver.Postgres(t), testserver.Redis(t)
	binary := buildLarder(t)
	soak := os.Getenv("LARDER_SOAK") != ""
	for _, test := range []struct {
		from, to   string
		n, soaked  int
		longest    time.Duration // of a run that is killed
		goesAnyway bool          // it begins anew each time
	}{
		{"bolt", "postgres", 5000, 1_000_000, 150 * time.Millisecond, false},
		{"postgres", "bolt", 1500, 100_000, 150 * time.Millisecond, false},
		{"file", "bolt", 1000, 100_000, 150 * time.Millisecond, false},
		{"redis", "file", 300, 100_000, 150 * time.Millisecond, true},
	} {
		t.Run(test.from+" to "+test.to, func(t *testing.T) {
			n, times, longest := test.n, 4, test.longest
			if soak {
				n, times, longest = test.soaked, 10, 10*test.longest
			}
			dir, begun := t.TempDir(), time.Now()
			place := func(kind, side string) string {
				switch kind {
				case "postgres":
					return ownSchema(t, binary, postgres.URL)
				case "redis":
					return redis.URL + "?x-prefix=" + filepath.Base(dir) + t.Name()[:14] + "kill:"
				}
				return kind + ":" + filepath.Join(dir, side)
			}
			src, dst := place(test.from, "src"), place(test.to, "dst")
			fillURL(t, src, n, begun)
			r, kills := killedCopy(t, binary, times, longest, "copy", "--json", src, dst)
			// A kill costs a checkpoint and what was on its way: one in a hundred of 25,000 entries, and no more of fewer.
			if limit := kills * max(n/100, 250); r.Kept > limit && !test.goesAnyway {
				t.Errorf("of %d entries %d were done twice in %d kills", n, r.Kept, kills)
			}
			if r.Copied+r.Kept != n || !r.Done {
				t.Errorf("%+v, want %d", r, n)
			}
			t.Logf("%d entries, %d kills: %d done twice, %d by earlier runs", n, kills, r.Kept, r.Resumed)
			checkURL(t, dst, n, begun)
			checkURL(t, src, n, begun)
		})
	}
}

// ownSchema makes a schema with an empty table.
func ownSchema(t *testing.T, binary, rawURL string) string {
	t.Helper()
	rawURL += fmt.Sprintf("?x-schema=kill_%d", rand.Uint64())
	if out, err := exec.Command(binary, "migrate", "up", "--store", rawURL).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return rawURL
}

// TestExportKilled kills an export and then the import of what it wrote.
func TestExportKilled(t *testing.T) {
	postgres := testserver.Postgres(t)
	binary := buildLarder(t)
	n, times, longest := 5000, 3, 60*time.Millisecond
	if os.Getenv("LARDER_SOAK") != "" {
		n, times, longest = 1_000_000, 10, time.Second
	}
	dir, begun := t.TempDir(), time.Now()
	src, dst, file := "bolt:"+filepath.Join(dir, "src"), ownSchema(t, binary, postgres.URL), filepath.Join(dir, "all.jsonl")
	fillURL(t, src, n, begun)
	_, kills := killedCopy(t, binary, times, longest, "export", "--json", "--resume", "--store", src, file)
	r, importKills := killedCopy(t, binary, times, 5*longest, "import", "--json", "--store", dst, file)
	t.Logf("%d entries, %d and %d kills: %d imported twice, %d by earlier runs", n, kills, importKills, r.Kept, r.Resumed)
	if limit := importKills * max(n/100, 250); r.Kept > limit || r.Copied+r.Kept != n {
		t.Errorf("%+v", r)
	}
	checkURL(t, dst, n, begun)
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}
