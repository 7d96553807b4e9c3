//go:build unix

package dbstore

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/larder-go/larder/internal/testserver"
)

const envMigrateChild = "LARDER_TEST_MIGRATE_CHILD" // the URL of a table to migrate up and down until killed

// TestMigrateChild is the process that TestMigrateKilled kills, and in any other nothing.
func TestMigrateChild(t *testing.T) {
	raw := os.Getenv(envMigrateChild)
	if raw == "" {
		return
	}
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	m, err := OpenMigrator(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	fmt.Println("begun")
	for {
		if _, err := m.Up(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Down(t.Context(), DownOptions{Force: true}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestMigrateKilled ends migrators by SIGKILL, wherever it is, until enough were in the transaction of a step: the journal tells what is
// there, and the next one goes on.
func TestMigrateKilled(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	m := newMigrator(t, "")
	want := reference(t, m)
	random := rand.New(rand.NewPCG(1, 2))
	raw := testserver.Postgres(t).URL + "?x-schema=" + url.QueryEscape(m.o.Schema)
	inside, halfway, kill := 0, 0, 0
	for ; inside < kills(t) && kill < 20*kills(t); kill++ {
		name := fmt.Sprintf("%s_%d", strings.ReplaceAll(m.o.Schema, " ", "_"), kill) // the server keeps 63 bytes
		child := exec.Command(self, "-test.run=^TestMigrateChild$")
		child.Env = append(os.Environ(), envMigrateChild+"="+raw+"&application_name="+url.QueryEscape(name))
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		if !lines.Scan() || lines.Text() != "begun" {
			t.Errorf("kill %d: the child says %q", kill, lines.Text())
		}
		<-time.After(time.Duration(random.Int64N(int64(40 * time.Millisecond)))) // the very thing that is tested: any moment
		child.Process.Signal(syscall.SIGSTOP)                                    // it stands there until it is killed, so that one can see where
		within := insideStep(t, pooled(m.pool), name)
		child.Process.Kill()
		child.Wait()
		if within {
			inside++
		}
		if recovered(t, m, want) {
			halfway++
		}
		if t.Failed() {
			t.Fatalf("after kill %d", kill)
		}
	}
	t.Logf("%d of %d kills met a step in the middle, %d left some steps applied and others not", inside, kill, halfway)
	if inside < kills(t) {
		t.Errorf("%d kills met a step in the middle, want %d", inside, kills(t))
	}
}

// insideStep reports whether a migrator that stands has a step's transaction open: it has the lock, and its server waits for its word.
func insideStep(t *testing.T, pool *pgxpool.Pool, name string) bool {
	t.Helper()
	const query = `SELECT coalesce(a.state, ''), EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.locktype = 'advisory' AND l.granted)
		FROM pg_stat_activity a WHERE a.application_name = $1`
	for giveUp := time.Now().Add(10 * time.Second); ; {
		var state string
		var locked bool
		err := pool.QueryRow(t.Context(), query, name).Scan(&state, &locked)
		switch {
		case err == pgx.ErrNoRows: // not connected yet
			return false
		case err != nil:
			t.Fatal(err)
		case !strings.HasPrefix(state, "active"):
			return strings.HasPrefix(state, "idle in transaction") && locked
		case time.Now().After(giveUp):
			t.Fatal("the server is still at a statement of a migrator that stands")
		}
	}
}
