//go:build unix

package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/larder-go/larder"
	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// started is a larder cleanup that runs.
type started struct {
	*exec.Cmd
	stdout, stderr strings.Builder
}

func startCleanup(t *testing.T, args ...string) *started {
	t.Helper()
	path, err := exec.LookPath("larder")
	if err != nil {
		t.Fatal(err)
	}
	c := &started{Cmd: exec.Command(path, append([]string{"cleanup", "--json"}, args...)...)}
	c.Cmd.Stdout, c.Cmd.Stderr = &c.stdout, &c.stderr
	c.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if c.ProcessState == nil {
			c.Process.Kill()
			c.Wait()
		}
	})
	return c
}

// end waits for it and returns its report.
func (c *started) end(t *testing.T, code int) (r cleanupResult) {
	t.Helper()
	c.Wait()
	if c.ProcessState.ExitCode() != code {
		t.Errorf("%v, want exit code %d: %s%s", c.ProcessState, code, &c.stdout, &c.stderr)
	}
	if err := json.Unmarshal([]byte(c.stdout.String()), &r); err != nil {
		t.Errorf("%v: %s%s", err, &c.stdout, &c.stderr)
	}
	return r
}

// soon waits for what a test cannot be told of.
func soon(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// A machine that slept, or a container that was frozen, wakes up in the middle of its cleanup and finds that another had the lease meanwhile.
func TestFrozenCleanupLosesItsLease(t *testing.T) {
	at := "file:" + t.TempDir()
	s, err := larder.Open(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const dead = 200
	for i := range dead {
		item := &store.Item{Atime: time.Now().Add(-2 * time.Hour)}
		if _, err := store.Swap(t.Context(), s, fmt.Sprintf("dead%d", i), "", item); err != nil {
			t.Fatal(err)
		}
	}
	left := func() (n int) {
		for _, err := range store.List(t.Context(), s, "") {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		return n
	}
	args := []string{"--store", at, "--idle", "1h", "--lease=12s", "--batch", "1"}
	frozen := startCleanup(t, append(args, "--pause", "100ms")...)
	soon(t, "the first to work", func() bool { return left() < dead })
	if err := frozen.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	before := left() // give or take the one in flight

	// The minute that the others wait is not for a test.
	item, err := store.Peek(t.Context(), s, store.ReservedKey("cleanup"))
	if err != nil {
		t.Fatal(err)
	}
	var lease map[string]any
	if err := json.Unmarshal(item.Value, &lease); err != nil {
		t.Fatal(err)
	}
	lease["until"] = time.Now().Add(-2 * time.Minute)
	value, _ := json.Marshal(lease)
	if _, err := store.Swap(t.Context(), s, store.ReservedKey("cleanup"), item.Version, &store.Item{Value: value}); err != nil {
		t.Fatal(err)
	}

	other := startCleanup(t, append(args, "--limit", "50")...).end(t, exitDone)
	if other.Removed != 50 || other.Reason != "limit" {
		t.Errorf("the other: %+v", other)
	}
	if err := frozen.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	lost := frozen.end(t, exitLocked)
	if lost.Reason != "lease lost" || lost.Done || lost.Removed < dead-before || !strings.Contains(frozen.stderr.String(), "the lease was lost") {
		t.Errorf("the frozen one: %+v, %s", lost, &frozen.stderr)
	}
	if n := left(); n != dead-other.Removed-lost.Removed || n == 0 {
		t.Errorf("%d and %d of %d were removed, and %d are left", other.Removed, lost.Removed, dead, n)
	}
}

// SIGTERM in the middle of a batch: that one is done to its end and counted, and no other is begun.
func TestTerminatedCleanupEndsItsBatch(t *testing.T) {
	k := killedPostgres(t)
	s, err := larder.Open(t.Context(), k.url)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const dead, batch = 100, 20
	for i := range dead {
		item := &store.Item{Atime: time.Now().Add(-2 * time.Hour)}
		if _, err := store.Swap(t.Context(), s, fmt.Sprintf("dead%d", i), "", item); err != nil {
			t.Fatal(err)
		}
	}
	conn, err := pgx.Connect(t.Context(), testserver.Postgres(t).URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	_, schema, _ := strings.Cut(k.url, "x-schema=")
	schema, _, _ = strings.Cut(schema, "&")
	for _, sql := range []string{
		"CREATE FUNCTION " + schema + ".slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.05); RETURN OLD; END'",
		"CREATE TRIGGER slow BEFORE DELETE ON " + schema + ".larder_entries FOR EACH ROW EXECUTE FUNCTION " + schema + ".slow()",
	} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	c := startCleanup(t, "--store", k.url+"_job", "--idle", "1h", "--batch", fmt.Sprint(batch))
	soon(t, "a batch in flight", func() (busy bool) {
		const sql = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = $1 AND wait_event = 'PgSleep')"
		if err := conn.QueryRow(t.Context(), sql, schema+"_job").Scan(&busy); err != nil {
			t.Fatal(err)
		}
		return busy
	})
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	r := c.end(t, exitInterrupted)
	k.quiet(t)
	left := 0
	for _, err := range store.List(t.Context(), s, "") {
		if err != nil {
			t.Fatal(err)
		}
		left++
	}
	if r.Removed != batch || left != dead-batch || r.Reason != "canceled" {
		t.Errorf("%+v, and %d are left", r, left)
	}
}
