//go:build unix

package cli

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/larder-go/larder"
	"github.com/larder-go/larder/dbstore"
	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// killed is a store whose cleanups are killed, as the program that uses it sees it.
type killed struct {
	url   string
	alone bool             // only one process can have it open
	quiet func(*testing.T) // waits until a killed cleanup does nothing any more
}

// TestCleanupKilled kills larder cleanup at any moment, from before it has opened the store to after its report, and runs it again: what should go goes once,
// what should not stays. With LARDER_SOAK=1 so 200 times on each store.
func TestCleanupKilled(t *testing.T) {
	kills := 8
	if os.Getenv("LARDER_SOAK") != "" {
		kills = 200
	}
	for name, make := range map[string]func(*testing.T) killed{
		"file": func(t *testing.T) killed { return killed{url: "file:" + t.TempDir(), quiet: func(*testing.T) {}} },
		"bolt": func(t *testing.T) killed {
			return killed{url: "bolt:" + filepath.Join(t.TempDir(), "data.db"), alone: true, quiet: func(*testing.T) {}}
		},
		"postgres": killedPostgres,
	} {
		t.Run(name, func(t *testing.T) {
			c := &killCampaign{killed: make(t), random: mathrand.New(mathrand.NewPCG(1, 2)), live: map[string]bool{}, mustStay: map[string]bool{}}
			c.use(t, func(s store.Store) {
				for i := range 20 {
					c.set(t, s, fmt.Sprintf("live%d", i), 0)
					c.live[fmt.Sprintf("live%d", i)] = true
				}
			})
			whole := time.Minute
			for range 3 { // on a machine that is busy one may take long
				c.fill(t)
				whole = min(whole, c.finish(t))
			}
			for c.kills < kills && !t.Failed() {
				c.fill(t)
				for range 1 + c.random.IntN(3) {
					c.kill(t, time.Duration(c.random.Int64N(int64(whole*5/4))))
				}
				c.finish(t)
			}
			t.Logf("%d kills, %d of them in the middle of a sweep; %d entries removed by those that were killed and %d by those that were not, %d touched meanwhile; a whole run takes %v",
				c.kills, c.midway, c.byKilled, c.byWhole, c.touched, whole.Round(time.Millisecond))
			if c.midway*8 < c.kills && kills > 50 {
				t.Error("too few kills met a sweep: that proves nothing")
			}
		})
	}
}

func killedPostgres(t *testing.T) killed {
	name := "job" + strings.ToLower(rand.Text())
	raw := testserver.Postgres(t).URL + "?x-schema=" + name + "&application_name=" + name
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	m, err := dbstore.OpenMigrator(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := m.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), testserver.Postgres(t).URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.WithoutCancel(t.Context())) })
	return killed{url: raw, quiet: func(t *testing.T) { // a statement outlives the client that sent it
		for n := 1; n > 0; {
			if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1", name+"_job").Scan(&n); err != nil {
				t.Fatal(err)
			}
		}
	}}
}

type killCampaign struct {
	killed
	random   *mathrand.Rand
	live     map[string]bool // used of late
	mustStay map[string]bool // idle, and then touched
	touching sync.WaitGroup
	expired  any // the holder of the last lease that ran out

	series, kills, midway, byKilled, byWhole, touched int
}

// use opens the store as another program, for as long as do takes.
func (c *killCampaign) use(t *testing.T, do func(store.Store)) {
	s, err := larder.Open(t.Context(), c.url)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	do(s)
}

func (c *killCampaign) set(t *testing.T, s store.Store, key string, idle time.Duration) {
	item := &store.Item{Value: []byte(key), Atime: time.Now().Add(-idle)}
	if _, err := store.Swap(t.Context(), s, key, store.AnyVersion, item); err != nil {
		t.Fatal(err)
	}
}

const killDead, killMaybe = 60, 10

// fill adds entries that should go, and some that should go unless somebody uses them in time.
func (c *killCampaign) fill(t *testing.T) {
	c.series++
	c.use(t, func(s store.Store) {
		for key := range c.mustStay {
			if err := s.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
		clear(c.mustStay)
		for i := range killDead {
			c.set(t, s, fmt.Sprintf("dead%d.%d", c.series, i), 2*time.Hour)
		}
		for i := range killMaybe {
			c.set(t, s, fmt.Sprintf("maybe%d.%d", c.series, i), 2*time.Hour)
		}
	})
}

// keys are those in the store, with what a user has touched checked: none of it may be missing.
func (c *killCampaign) keys(t *testing.T) map[string]bool {
	keys := make(map[string]bool)
	c.use(t, func(s store.Store) {
		for info, err := range store.List(t.Context(), s, "") {
			if err != nil {
				t.Fatal(err)
			}
			keys[info.Key] = true
		}
	})
	for _, stays := range []map[string]bool{c.live, c.mustStay} {
		for key := range stays {
			if !keys[key] {
				t.Errorf("%s was used, and is gone", key)
			}
		}
	}
	return keys
}

// touch uses some of the entries while a cleanup runs.
func (c *killCampaign) touch(t *testing.T, idle []string) (wait func()) {
	if c.alone {
		return func() {}
	}
	found := make(map[string]bool)
	c.touching.Go(func() {
		c.use(t, func(s store.Store) {
			for _, key := range idle {
				if err := store.Touch(t.Context(), s, key); err == nil {
					found[key] = true
				} else if !errors.Is(err, store.ErrNotFound) {
					t.Errorf("touch: %v", err)
				}
			}
		})
	})
	return func() {
		c.touching.Wait()
		maps.Copy(c.mustStay, found)
		c.touched += len(found)
	}
}

// command is the command, with its output.
func (c *killCampaign) command(t *testing.T) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer) {
	at := c.url
	if u, err := url.Parse(c.url); err == nil && u.Query().Has("application_name") {
		at += "_job"
	}
	path, err := exec.LookPath("larder")
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command(path, "cleanup", "--lease", "--idle", "1h", "--batch", "5", "--pause", "8ms", "--json", "--store", at)
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	return cmd, stdout, stderr
}

// kill begins a cleanup and ends it by SIGKILL after a while, unless it has ended before.
func (c *killCampaign) kill(t *testing.T, after time.Duration) {
	before := c.keys(t)
	cmd, stdout, stderr := c.command(t)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	maybe := slices.DeleteFunc(slices.Sorted(maps.Keys(before)), func(key string) bool { return !strings.HasPrefix(key, "maybe") || c.mustStay[key] })
	c.random.Shuffle(len(maybe), func(i, j int) { maybe[i], maybe[j] = maybe[j], maybe[i] })
	wait := c.touch(t, maybe[:min(3, len(maybe))])
	timer := time.AfterFunc(after, func() { cmd.Process.Kill() })
	cmd.Wait()
	timer.Stop()
	wait()
	c.kills++
	c.quiet(t)
	left := c.keys(t)
	gone := c.gone(t, before, left)
	if cmd.ProcessState.Exited() {
		c.judge(t, cmd, stdout, stderr, gone)
	} else {
		c.byKilled += gone
	}
	idle := 0
	for key := range left {
		if !c.live[key] && !c.mustStay[key] {
			idle++
		}
	}
	if gone > 0 && idle > 0 {
		c.midway++
	}
	c.expire(t, cmd.Process.Pid)
}

// gone counts what has gone. Nothing has come back.
func (c *killCampaign) gone(t *testing.T, before, after map[string]bool) int {
	for key := range after {
		if !before[key] {
			t.Errorf("%s has come back", key)
		}
	}
	return len(before) - len(after)
}

// judge holds the report of a cleanup that came to its end against what is gone.
func (c *killCampaign) judge(t *testing.T, cmd *exec.Cmd, stdout, stderr *bytes.Buffer, gone int) {
	var r cleanupResult
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil || cmd.ProcessState.ExitCode() != exitDone || !r.Done || r.Removed != gone {
		t.Errorf("exit code %d, %d are gone: %s%s", cmd.ProcessState.ExitCode(), gone, stdout, stderr)
	}
	c.byWhole += gone
}

// expire finds that the lease of a killed cleanup keeps others out, and lets its time pass.
func (c *killCampaign) expire(t *testing.T, pid int) {
	c.use(t, func(s store.Store) {
		item, err := store.Peek(t.Context(), s, store.ReservedKey("cleanup"))
		if errors.Is(err, store.ErrNotFound) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		var lease map[string]any
		if err := json.Unmarshal(item.Value, &lease); err != nil {
			t.Fatal(err)
		}
		if lease["holder"] == nil || lease["holder"] == c.expired {
			return
		}
		c.expired = lease["holder"]
		if lease["pid"] != float64(pid) {
			t.Errorf("the lease is of process %v, not of %d", lease["pid"], pid)
		}
		lease["until"] = time.Now().Add(-time.Hour)
		value, err := json.Marshal(lease)
		if err != nil {
			t.Fatal(err)
		}
		if !c.alone && c.random.IntN(4) == 0 {
			cmd, _, stderr := c.command(t)
			if cmd.Run(); cmd.ProcessState.ExitCode() != exitLocked {
				t.Errorf("exit code %d although the lease of a dead process has not run out: %s", cmd.ProcessState.ExitCode(), stderr)
			}
		}
		if _, err := store.Swap(t.Context(), s, store.ReservedKey("cleanup"), item.Version, &store.Item{Value: value}); err != nil {
			t.Fatal(err)
		}
	})
}

// finish runs a cleanup to its end: then nothing is left that should go.
func (c *killCampaign) finish(t *testing.T) (took time.Duration) {
	before := c.keys(t)
	cmd, stdout, stderr := c.command(t)
	start := time.Now()
	cmd.Run()
	took = time.Since(start)
	after := c.keys(t)
	c.judge(t, cmd, stdout, stderr, c.gone(t, before, after))
	if len(after) != len(c.live)+len(c.mustStay) {
		t.Errorf("%d entries are left, want %d and %d", len(after), len(c.live), len(c.mustStay))
	}
	return took
}
