package dbstore

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// newRole makes a role that goes with t, and returns its name, quoted, and a change of a pool that takes it.
func newRole(t *testing.T, owner *pgxpool.Pool) (ident string, as func(*pgxpool.Config)) {
	t.Helper()
	role := "role " + rand.Text()
	ident = pgx.Identifier{role}.Sanitize()
	must(t, owner, "CREATE ROLE "+ident)
	t.Cleanup(func() { must(t, newPool(t, testserver.Postgres(t).URL), "DROP OWNED BY "+ident, "DROP ROLE "+ident) })
	return ident, func(c *pgxpool.Config) { c.ConnConfig.RuntimeParams["role"] = role }
}

// TestMigrateWithoutRights: the error says which right is missing, and who has none but to read may migrate what is migrated already.
func TestMigrateWithoutRights(t *testing.T) {
	m := newMigrator(t, "")
	role, as := newRole(t, pooled(m.pool))
	schema := pgx.Identifier{m.o.Schema}.Sanitize()
	reader := migratorIn(t, newPool(t, testserver.Postgres(t).URL, as), m.o.Schema, "")
	_, err := reader.Up(t.Context())
	refused(t, err, nil, "permission denied for database", "42501", "CREATE", "larder migrate print")
	must(t, pooled(m.pool), "CREATE SCHEMA "+schema, "GRANT USAGE ON SCHEMA "+schema+" TO "+role)
	_, err = reader.Up(t.Context())
	refused(t, err, nil, "permission denied for schema", "42501", "CREATE")
	mustUp(t, m, len(steps(t)))
	_, err = reader.Up(t.Context())
	refused(t, err, nil, "permission denied for table", "SELECT on the journal is enough")
	must(t, pooled(m.pool), "GRANT SELECT ON "+m.journalName()+" TO "+role)
	mustUp(t, reader, 0)
	_, err = reader.Down(t.Context(), DownOptions{Force: true})
	refused(t, err, nil, "must be owner of")
}

// TestMigrateRights: the rights that docs/migrations.md names are enough.
func TestMigrateRights(t *testing.T) {
	m := newMigrator(t, "")
	schema := pgx.Identifier{m.o.Schema}.Sanitize()
	owner, asOwner := newRole(t, pooled(m.pool))
	must(t, pooled(m.pool), "CREATE SCHEMA "+schema, "GRANT USAGE, CREATE ON SCHEMA "+schema+" TO "+owner)
	mustUp(t, migratorIn(t, newPool(t, testserver.Postgres(t).URL, asOwner), m.o.Schema, ""), len(steps(t)))

	program, asProgram := newRole(t, pooled(m.pool))
	must(t, pooled(m.pool), "GRANT USAGE ON SCHEMA "+schema+" TO "+program, "GRANT SELECT, INSERT, UPDATE, DELETE ON "+m.name()+" TO "+program)
	s, err := New(newPool(t, testserver.Postgres(t).URL, asProgram), &Options{Schema: m.o.Schema, Expiry: store.Expiry{Timeout: time.Hour, TouchAfter: -1}})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	_, getErr := s.Get(ctx, "absent")
	_, cleanErr := s.Cleanup(ctx, time.Hour)
	if err := errors.Join(s.Set(ctx, "a", nil), s.Set(ctx, "b", nil), s.Touch(ctx, "a"), s.Delete(ctx, "a"), cleanErr); err != nil || !errors.Is(getErr, store.ErrNotFound) {
		t.Errorf("%v, %v", err, getErr)
	}

	lister, asLister := newRole(t, pooled(m.pool))
	must(t, pooled(m.pool), "GRANT USAGE ON SCHEMA "+schema+" TO "+lister, "GRANT SELECT ON "+m.name()+" TO "+lister)
	s, err = New(newPool(t, testserver.Postgres(t).URL, asLister), &Options{Schema: m.o.Schema, Expiry: store.Expiry{Timeout: time.Hour}})
	if err != nil {
		t.Fatal(err)
	}
	listed := 0
	for _, err := range s.List(ctx, "") {
		if err != nil {
			t.Error(err)
		}
		listed++
	}
	_, err = s.Sweep(ctx, store.SweepOptions{DryRun: true})
	if listed != 1 || err != nil {
		t.Errorf("listed %d entries; a dry run: %v", listed, err)
	}
}

// TestMigrateLockTimeout: a migrator that is told to wait no longer than so for a lock says that it has not got it.
func TestMigrateLockTimeout(t *testing.T) {
	m := newMigrator(t, "")
	mustUp(t, m, len(steps(t)))
	mustDown(t, m, DownOptions{To: 1}, len(steps(t))-1)
	busy, err := pooled(m.pool).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Rollback(context.Background())
	if _, err := busy.Exec(t.Context(), "INSERT INTO "+m.name()+" VALUES ('', '', now(), NULL, '')"); err != nil {
		t.Fatal(err)
	}
	hasty := migratorIn(t, newPool(t, testserver.Postgres(t).URL, func(c *pgxpool.Config) { c.ConnConfig.RuntimeParams["lock_timeout"] = "20ms" }), m.o.Schema, "")
	_, err = hasty.Up(t.Context())
	refused(t, err, nil, "lock timeout", "55P03", "try again")
	if err := busy.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustUp(t, hasty, len(steps(t))-1)
}

// TestMigrateReadOnly: sessions that are read-only, as all are on a standby, may ask for the status.
func TestMigrateReadOnly(t *testing.T) {
	m := newMigrator(t, "")
	pool := newPool(t, testserver.Postgres(t).URL, func(c *pgxpool.Config) { c.ConnConfig.RuntimeParams["default_transaction_read_only"] = "on" })
	reader := migratorIn(t, pool, m.o.Schema, "")
	_, err := reader.Up(t.Context())
	refused(t, err, store.ErrUnavailable, "25006", "migrate on the primary")
	mustUp(t, m, len(steps(t)))
	mustUp(t, reader, 0)
}
