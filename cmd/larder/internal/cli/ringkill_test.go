//go:build unix

package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/larder-go/larder"
	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
)

// TestRingRebalanceKilled kills a rebalance at random moments: run again, it moves what is left, and in the end each entry stands once, on its node, as it was.
func TestRingRebalanceKilled(t *testing.T) {
	postgres, redis := testserver.Postgres(t), testserver.Redis(t)
	binary := buildLarder(t)
	n, kills := 1200, 5
	if os.Getenv("LARDER_SOAK") != "" {
		n, kills = 20_000, 60
	}
	for k, nodes := range [][]string{{"file", "file", "file", "file"}, {"bolt", "bolt", "bolt", "bolt"}, {"postgres", "redis", "file", "redis"}} {
		t.Run(strings.Join(nodes, " "), func(t *testing.T) {
			seed := rand.Uint64()
			random := rand.New(rand.NewPCG(seed, uint64(k)))
			dir, begun := t.TempDir(), time.Now()
			query, urls := "", make(map[string]string)
			for i, kind := range nodes {
				name := string(rune('a' + i))
				switch kind {
				case "postgres":
					urls[name] = ownSchema(t, binary, postgres.URL)
				case "redis":
					urls[name] = redis.URL + "?x-prefix=" + filepath.Base(dir) + fmt.Sprint(seed) + name + ":"
				default:
					urls[name] = kind + ":" + filepath.Join(dir, name)
				}
				query += "&node=" + url.QueryEscape(name+"="+urls[name])
			}
			// d joins, a leaves, and b becomes heavier.
			first := "shard:?" + query[1:] + "&weight=d:0&next=d:1&next=a:0&next=b:2&recheck=20ms&prepare=true"
			second := strings.TrimSuffix(first, "&prepare=true")
			fillURL(t, first, n, begun)

			args := []string{"ring", "rebalance", "--json", "--rate", fmt.Sprint(n / 2), "--store", second}
			middle, moving := 0, countLeft(t, first)
			for kill := range kills {
				c := exec.Command(binary, args...)
				var out, errs bytes.Buffer
				c.Stdout, c.Stderr = &out, &errs
				if err := c.Start(); err != nil {
					t.Fatal(err)
				}
				wait := time.Duration(random.Int64N(int64(400 * time.Millisecond)))
				timer := time.AfterFunc(wait, func() { c.Process.Signal([]os.Signal{os.Kill, syscall.SIGTERM}[kill/4%2]) })
				c.Wait()
				timer.Stop()
				if code := c.ProcessState.ExitCode(); code != -1 && code != exitInterrupted && code != exitDone {
					t.Fatalf("seed %d, kill %d: exit code %d: %s", seed, kill, code, &errs)
				}
				var report ringRebalanceResult
				if err := json.Unmarshal(out.Bytes(), &report); (err == nil) != (c.ProcessState.ExitCode() != -1) {
					t.Fatalf("seed %d, kill %d: %v: %s", seed, kill, err, &out)
				}
				left := countLeft(t, first)
				if left > 0 && left < moving {
					middle++
				}
			}
			out, err := exec.Command(binary, "ring", "rebalance", "--json", "--store", second).Output()
			var result ringRebalanceResult
			if jsonErr := json.Unmarshal(out, &result); err != nil || jsonErr != nil || !result.Drained || result.Checked != n {
				t.Fatalf("seed %d: %v, %v: %s", seed, err, jsonErr, out)
			}
			t.Logf("seed %d: %d entries, %d to move, %d kills, %d of them with some moved and some left; the last run moved %d", seed, n, moving, kills, middle, result.Moved)
			checkRing(t, second, n, begun)
		})
	}
}

// readSet is the set of a URL.
func readSet(t *testing.T, rawURL string) *shard.Set {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	set, err := shard.ParseURL(u, larder.Mux())
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// openSet opens the nodes.
func openSet(t *testing.T, set *shard.Set) map[string]store.Store {
	t.Helper()
	nodes := make(map[string]store.Store)
	for name, rawURL := range set.URLs {
		s, err := larder.Open(t.Context(), rawURL)
		if err != nil {
			t.Fatal(err)
		}
		nodes[name] = s
	}
	return nodes
}

func closeSet(nodes map[string]store.Store) {
	for _, s := range nodes {
		s.(store.Closer).Close()
	}
}

// countLeft is how many entries are to move.
func countLeft(t *testing.T, rawURL string) int {
	t.Helper()
	set := readSet(t, rawURL)
	nodes := openSet(t, set)
	defer closeSet(nodes)
	plan, err := shard.CountMoves(t.Context(), nodes, set.Now, set.Next, nil)
	if err != nil {
		t.Fatal(err)
	}
	left, _ := plan.Moving()
	return left
}

// checkRing demands that each of n entries stands once, where the next set has it, as it was.
func checkRing(t *testing.T, rawURL string, n int, begun time.Time) {
	t.Helper()
	set := readSet(t, rawURL)
	nodes := openSet(t, set)
	defer closeSet(nodes)
	seen := make([]int, n)
	for name, s := range nodes {
		for e, err := range store.Items(t.Context(), s, "", "") {
			if err != nil {
				t.Fatal(err)
			}
			i := checkEntry(t, e, begun)
			seen[i]++
			if want := set.Next.Nodes()[set.Next.Place(e.Key)].Name; want != name {
				t.Errorf("entry %d stands on %s, its node is %s", i, name, want)
			}
		}
	}
	for i, times := range seen {
		if times != 1 {
			t.Errorf("entry %d stands %d times", i, times)
		}
	}
}
