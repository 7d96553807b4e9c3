package dbstore

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/migrations"
	"github.com/larder-go/larder/store"
)

// newMigrator returns one for a table in a schema of its own, which is not there yet.
func newMigrator(t testing.TB, table string, change ...func(*pgxpool.Config)) *Migrator {
	t.Helper()
	url := testserver.Postgres(t).URL
	schema := "Migrated " + rand.Text()[:8]
	t.Cleanup(func() {
		must(t, newPool(t, url), "DROP SCHEMA IF EXISTS "+pgx.Identifier{schema}.Sanitize()+" CASCADE")
	})
	return migratorIn(t, newPool(t, url, change...), schema, table)
}

func migratorIn(t testing.TB, pool *pgxpool.Pool, schema, table string) *Migrator {
	t.Helper()
	m, err := NewMigrator(pool, &MigratorOptions{Schema: schema, Table: table})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func must(t testing.TB, pool *pgxpool.Pool, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		if _, err := pool.Exec(context.Background(), sql, pgx.QueryExecModeExec); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

func (m *Migrator) name() string { return pgx.Identifier{m.o.Schema, m.o.Table}.Sanitize() }

func mustUp(t testing.TB, m *Migrator, want int) {
	t.Helper()
	steps, err := m.Up(t.Context())
	if err != nil || len(steps) != want {
		t.Fatalf("up: %v, %v, want %d steps", steps, err, want)
	}
	s, err := m.Status(t.Context())
	if err != nil || len(s.Pending()) > 0 || !s.Exists || s.Table != m.o.Table {
		t.Fatalf("after up: %+v, %v", s, err)
	}
}

func mustDown(t testing.TB, m *Migrator, o DownOptions, want int) {
	t.Helper()
	steps, err := m.Down(t.Context(), o)
	if err != nil || len(steps) != want {
		t.Fatalf("down: %v, %v, want %d steps", steps, err, want)
	}
}

// shape is what the catalog says of all tables in a schema: columns, constraints, indexes, settings and comments.
func shape(t testing.TB, pool *pgxpool.Pool, schema string) []string {
	t.Helper()
	const query = `WITH tables AS (SELECT c.oid, c.relname, c.reloptions FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind = 'r')
		SELECT line FROM (
			SELECT 'table ' || relname || ' ' || coalesce(array_to_string(reloptions, ','), '') || ' ' || coalesce(obj_description(oid), '') AS line FROM tables
			UNION ALL SELECT 'column ' || relname || ' ' || attnum || ' ' || attname || ' ' || format_type(atttypid, atttypmod) || ' ' || attnotnull || ' ' || attstorage::text
				|| ' ' || coalesce(pg_get_expr(adbin, adrelid), '') || ' ' || coalesce(col_description(attrelid, attnum), '')
				FROM tables JOIN pg_attribute ON attrelid = oid AND attnum > 0 AND NOT attisdropped LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
			UNION ALL SELECT 'constraint ' || conname || ' ' || pg_get_constraintdef(pg_constraint.oid) FROM tables JOIN pg_constraint ON conrelid = tables.oid
			UNION ALL SELECT 'index ' || pg_get_indexdef(indexrelid) FROM tables JOIN pg_index ON indrelid = tables.oid) lines ORDER BY line`
	rows, err := pool.Query(context.Background(), query, pgx.QueryExecModeExec, schema)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func steps(t testing.TB) []migrations.Migration {
	t.Helper()
	all, err := migrations.All("", "")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// hardNames are those that somebody who quotes badly gets wrong; "" is the default.
func hardNames() []string {
	return []string{"", `with "quotes"`, "UPPER lower", "Süßes-次", strings.Repeat("x", 63), strings.Repeat("x", 62) + "y", "a; -- b", "--", "$1", "'; DROP TABLE t; --", "select", `back\slash`, "%s"}
}

// TestMigrateRoundTrip goes up, down by one at a time, and up again, with names of every kind side by side in one schema.
func TestMigrateRoundTrip(t *testing.T) {
	first := newMigrator(t, "")
	first.o.Schema += ` "ü`
	t.Cleanup(func() {
		must(t, newPool(t, testserver.Postgres(t).URL), "DROP SCHEMA IF EXISTS "+pgx.Identifier{first.o.Schema}.Sanitize()+" CASCADE")
	})
	all := steps(t)
	var whole []string
	for _, table := range hardNames() {
		m := migratorIn(t, pooled(first.pool), first.o.Schema, table)
		before := shape(t, pooled(m.pool), m.o.Schema)
		mustUp(t, m, len(all))
		up := shape(t, pooled(m.pool), m.o.Schema)
		if len(up) <= len(before) {
			t.Errorf("%q: up made nothing", table)
		}
		mustUp(t, m, 0)
		for i := range slices.Backward(all) {
			to := int64(0)
			if i > 0 {
				to = all[i-1].Number
			}
			mustDown(t, m, DownOptions{To: to}, 1)
		}
		if diff := cmp.Diff(before, shape(t, pooled(m.pool), m.o.Schema)); diff != "" {
			t.Errorf("%q: down leaves (-before +after):\n%s", table, diff)
		}
		mustDown(t, m, DownOptions{}, 0)
		mustUp(t, m, len(all))
		if whole = shape(t, pooled(m.pool), m.o.Schema); !slices.Equal(up, whole) {
			t.Errorf("%q: up, down, up (-first +second):\n%s", table, cmp.Diff(up, whole))
		}
	}
	for _, table := range hardNames() {
		m := migratorIn(t, pooled(first.pool), first.o.Schema, table)
		mustUp(t, m, 0)
		mustDown(t, m, DownOptions{}, len(all))
	}
	if left := shape(t, pooled(first.pool), first.o.Schema); len(left) > 0 {
		t.Errorf("left at the end: %q", left)
	}
}

// TestMigratePackageFunction: dbstore.Migrate makes the default table where the search_path says, and a store works on it.
func TestMigratePackageFunction(t *testing.T) {
	m := newMigrator(t, "")
	must(t, pooled(m.pool), "CREATE SCHEMA "+pgx.Identifier{m.o.Schema}.Sanitize())
	pool := newPool(t, testserver.Postgres(t).URL, searchPath(m.o.Schema))
	for range 2 {
		if err := Migrate(t.Context(), pool); err != nil {
			t.Fatal(err)
		}
	}
	mustUp(t, m, 0) // by its name, it is the same
	s, err := New(pool, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Set(t.Context(), "key", []byte("value")); err != nil {
		t.Fatal(err)
	}
	if removed, err := m.Down(t.Context(), DownOptions{}); !errors.Is(err, ErrHasEntries) || len(removed) > 0 {
		t.Errorf("down of a table with entries: %v, %v", removed, err)
	}
	if s, err := m.Status(t.Context()); err != nil || len(s.Pending()) > 0 || !s.Exists {
		t.Errorf("after it: %+v, %v", s, err) // a table in use keeps its indexes
	}
	mustDown(t, m, DownOptions{To: 1}, len(steps(t))-1) // that drops no entry
	if removed, err := m.Down(t.Context(), DownOptions{}); !errors.Is(err, ErrHasEntries) || len(removed) > 0 {
		t.Errorf("down to nothing: %v, %v", removed, err)
	}
	mustDown(t, m, DownOptions{Force: true}, 1)
}

func searchPath(schemas ...string) func(*pgxpool.Config) {
	for i, schema := range schemas {
		schemas[i] = pgx.Identifier{schema}.Sanitize()
	}
	return func(c *pgxpool.Config) { c.ConnConfig.RuntimeParams["search_path"] = strings.Join(schemas, ",") }
}

// TestMigrateBySearchPath: a table that the search_path finds is the one, wherever it stands in it; else the first schema gets it.
func TestMigrateBySearchPath(t *testing.T) {
	m := newMigrator(t, "")
	second := m.o.Schema
	mustUp(t, m, len(steps(t)))
	other := newMigrator(t, "other")
	mustUp(t, other, len(steps(t)))
	first := other.o.Schema
	both := migratorIn(t, newPool(t, testserver.Postgres(t).URL, searchPath(first, second)), "", "")
	if s, err := both.Status(t.Context()); err != nil || s.Schema != second || len(s.Pending()) > 0 {
		t.Errorf("%+v, %v", s, err)
	}
	mustDown(t, m, DownOptions{}, len(steps(t)))
	mustUp(t, both, len(steps(t)))
	if s, err := both.Status(t.Context()); err != nil || s.Schema != first {
		t.Errorf("%+v, %v", s, err)
	}
	nowhere := migratorIn(t, newPool(t, testserver.Postgres(t).URL, searchPath("no such schema")), "", "")
	if _, err := nowhere.Up(t.Context()); err == nil || errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "x-schema") {
		t.Errorf("without a schema: %v", err)
	}
}

// TestMigrateContext: a migrator that waits for another's lock leaves at once when its context ends, and the lock is free again.
func TestMigrateContext(t *testing.T) {
	m := newMigrator(t, "")
	holder, err := pooled(m.pool).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Rollback(context.Background())
	if err := lock(t.Context(), &transaction{holder.Conn().PgConn()}, "table "+m.o.Table); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	begun := time.Now()
	if _, err := m.Up(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnavailable) {
		t.Errorf("cancelled: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := m.Up(ctx); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("deadline: %v", err)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("both took %v", took)
	}
	if err := holder.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustUp(t, m, len(steps(t)))
}
