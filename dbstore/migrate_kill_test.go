package dbstore

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/larder-go/larder/internal/testserver"
)

// kills is how many must meet a migration in the middle: with LARDER_SOAK=1 a hundred. A test gives up after twenty times as many.
func kills(t *testing.T) int {
	switch {
	case os.Getenv("LARDER_SOAK") != "":
		return 100
	case testing.Short():
		return 5
	}
	return 15
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
	for ; broke < kills(t) && kill < 20*kills(t); kill++ {
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
	if broke < kills(t) {
		t.Errorf("%d kills met a migration, want %d", broke, kills(t))
	}
}

// reference is the shape that an undisturbed migration makes.
func reference(t *testing.T, m *Migrator) []string {
	t.Helper()
	mustUp(t, m, len(steps(t)))
	want := shape(t, pooled(m.pool), m.o.Schema)
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
	if got := shape(t, pooled(m.pool), m.o.Schema); !slices.Equal(got, want) {
		t.Errorf("after up (-want +got):\n%s", cmp.Diff(want, got))
	}
	return applied > 0 && len(up) > 0
}

// consistent compares the journal with what its steps have made, and returns how many are applied.
func consistent(t *testing.T, m *Migrator) (applied int) {
	t.Helper()
	// Under the lock: what a process did that was killed a moment ago, its server may still be committing.
	err := m.locked(t.Context(), func(tx *transaction, v *view) error {
		const query = `SELECT (SELECT count(*) FROM pg_class WHERE relnamespace = n.oid AND relname = $2),
			(SELECT count(*) / 2 FROM pg_class WHERE relnamespace = n.oid AND relname IN ('larder_entries_atime_idx', 'larder_entries_expires_idx')),
			(SELECT count(*) FROM pg_class WHERE relnamespace = n.oid AND relname = $2 AND reloptions IS NOT NULL)
			FROM pg_namespace n WHERE n.nspname = $1`
		if !v.hasSchema {
			return nil
		}
		made, err := tx.row(t.Context(), query, m.o.Schema, m.o.Table)
		if err != nil {
			return err
		}
		for i, k := range v.known {
			noted := 0
			if !v.applied[k.Number].IsZero() {
				noted = 1
			}
			applied += noted
			if made := int(number(made[i])); made != noted {
				t.Errorf("%s: noted %d times, made %d times", k.Name, noted, made)
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
