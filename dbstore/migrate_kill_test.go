package dbstore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
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

// kills is how many a run takes: LARDER_SOAK=1 takes ten times as many.
func kills(t *testing.T) int {
	switch {
	case os.Getenv("LARDER_SOAK") != "":
		return 1000
	case testing.Short():
		return 20
	}
	return 50 // and as many by each of the two tests
}

// TestMigrateKilled ends migrators by SIGKILL, wherever it is: the journal tells what is there, and the next one goes on.
func TestMigrateKilled(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	m := newMigrator(t, "")
	want := reference(t, m)
	random := rand.New(rand.NewPCG(1, 2))
	raw := testserver.Postgres(t).URL + "?x-schema=" + url.QueryEscape(m.o.Schema)
	halfway, kill := 0, 0
	for ; kill < kills(t) || halfway == 0 && kill < 10*kills(t); kill++ { // a slow machine may need more to meet the middle
		child := exec.Command(self, "-test.run=^TestMigrateChild$")
		child.Env = append(os.Environ(), envMigrateChild+"="+raw)
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
		child.Process.Kill()
		child.Wait()
		if recovered(t, m, want) {
			halfway++
		}
		if t.Failed() {
			t.Fatalf("after kill %d", kill)
		}
	}
	t.Logf("%d of %d kills left some steps applied and others not", halfway, kill)
	if halfway == 0 {
		t.Error("no kill came in the middle: that proves nothing")
	}
}

// TestMigrateTerminated ends the sessions of a migrator from the server's side.
func TestMigrateTerminated(t *testing.T) {
	name := "migrator of " + t.Name()
	m := newMigrator(t, "", func(c *pgxpool.Config) { c.ConnConfig.RuntimeParams["application_name"] = name })
	want := reference(t, m)
	random := rand.New(rand.NewPCG(3, 4))
	admin := newPool(t, testserver.Postgres(t).URL)
	checker := migratorIn(t, admin, m.o.Schema, m.o.Table)
	broke, kill := 0, 0
	for ; kill < kills(t) || broke == 0 && kill < 10*kills(t); kill++ {
		failed := make(chan error, 1)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			for {
				_, err := m.Up(ctx)
				if err == nil {
					_, err = m.Down(ctx, DownOptions{Force: true})
				}
				if err != nil {
					failed <- err
					return
				}
			}
		}()
		<-time.After(time.Duration(random.Int64N(int64(10 * time.Millisecond))))
		must(t, admin, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '"+name+"'")
		select {
		case err := <-failed:
			broke++
			if strings.Count(err.Error(), "dbstore: ") != 1 || !strings.Contains(err.Error(), "store unavailable") {
				t.Errorf("kill %d: %v", kill, err)
			}
		case <-time.After(20 * time.Millisecond): // it was between two sessions, or pgx began another by itself
			cancel()
			if err := <-failed; !errors.Is(err, context.Canceled) {
				broke++
			}
		}
		cancel()
		recovered(t, checker, want)
		if t.Failed() {
			t.Fatalf("after kill %d", kill)
		}
	}
	t.Logf("%d of %d kills broke a migration off", broke, kill)
	if broke == 0 {
		t.Error("no kill met a migration: that proves nothing")
	}
}

// reference is the shape that an undisturbed migration makes.
func reference(t *testing.T, m *Migrator) []string {
	t.Helper()
	mustUp(t, m, len(steps(t)))
	want := shape(t, m.pool, m.o.Schema)
	mustDown(t, m, DownOptions{}, len(steps(t)))
	return want
}

// recovered demands that journal and table agree, and that Up makes what it always makes. It reports whether there was something
// for it to do, and something done.
func recovered(t *testing.T, m *Migrator, want []string) (halfway bool) {
	t.Helper()
	applied := consistent(t, m)
	up, err := m.Up(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if applied+len(up) != len(steps(t)) {
		t.Errorf("%d steps were applied, and up applied %d", applied, len(up))
	}
	if got := shape(t, m.pool, m.o.Schema); !slices.Equal(got, want) {
		t.Errorf("after up (-want +got):\n%s", cmp.Diff(want, got))
	}
	return applied > 0 && len(up) > 0
}

// consistent compares the journal with what its steps have made, and returns how many are applied.
func consistent(t *testing.T, m *Migrator) (applied int) {
	t.Helper()
	// Under the lock: what a process did that was killed a moment ago, its server may still be committing.
	err := m.locked(t.Context(), func(tx pgx.Tx, v *view) error {
		const query = `SELECT (SELECT count(*) FROM pg_class WHERE relnamespace = n.oid AND relname = $2),
			(SELECT count(*) / 2 FROM pg_class WHERE relnamespace = n.oid AND relname IN ('larder_entries_atime_idx', 'larder_entries_expires_idx')),
			(SELECT count(*) FROM pg_class WHERE relnamespace = n.oid AND relname = $2 AND reloptions IS NOT NULL)
			FROM pg_namespace n WHERE n.nspname = $1`
		var made [3]int
		if !v.hasSchema {
			return nil
		}
		if err := tx.QueryRow(t.Context(), query, unnamed, m.o.Schema, m.o.Table).Scan(&made[0], &made[1], &made[2]); err != nil {
			return err
		}
		for i, k := range v.known {
			noted := 0
			if !v.applied[k.Number].IsZero() {
				noted = 1
			}
			applied += noted
			if made[i] != noted {
				t.Errorf("%s: noted %d times, made %d times", k.Name, noted, made[i])
			}
		}
		if v.hasJournal != v.hasTable {
			t.Errorf("there is a table: %t, and a journal: %t", v.hasTable, v.hasJournal)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return applied
}
