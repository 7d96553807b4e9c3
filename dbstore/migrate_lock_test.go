package dbstore

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/larder-go/larder/internal/testserver"
)

// TestMigrateLockWait: a step gives up rather than wait behind a long transaction, with everybody else waiting behind it. What the URL
// says of that is kept to.
func TestMigrateLockWait(t *testing.T) {
	m := newMigrator(t, "")
	mustUp(t, m, len(steps(t)))
	long, err := pooled(m.pool).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer long.Rollback(t.Context())
	if _, err := long.Exec(t.Context(), "LOCK TABLE "+m.name()+" IN ACCESS SHARE MODE"); err != nil { // as a reader does
		t.Fatal(err)
	}
	hurried := migratorIn(t, newPool(t, testserver.Postgres(t).URL, func(c *pgxpool.Config) { c.ConnConfig.RuntimeParams["lock_timeout"] = "50ms" }),
		m.o.Schema, m.o.Table)
	begun := time.Now()
	removed, err := hurried.Down(t.Context(), DownOptions{})
	refused(t, err, nil, "55P03", "lock_timeout in the URL")
	if took := time.Since(begun); took > 4*time.Second || len(removed) != 1 {
		t.Errorf("%d steps and %v with lock_timeout in the URL", len(removed), took)
	}
	if testing.Short() {
		return
	}
	_, err = m.Down(t.Context(), DownOptions{Force: true}) // has no bound but ours
	refused(t, err, nil, "55P03", "lock_timeout in the URL")
	if err := long.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustUp(t, m, 1)
	mustDown(t, m, DownOptions{}, len(steps(t)))
}
