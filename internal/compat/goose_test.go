package compat

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"

	"github.com/larder-go/larder/dbstore"
	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/migrations"
)

func TestMain(m *testing.M) { os.Exit(testserver.With(m).Run()) }

// fixture is a table in a schema of its own, for both.
type fixture struct {
	schema, table string
	pool          *pgxpool.Pool
	ours          *dbstore.Migrator
	goose         *goose.Provider
}

// newFixture has goose run the default files, which find the schema by the search_path, or those for a table of another name.
func newFixture(t *testing.T, schema, table string) *fixture {
	t.Helper()
	f := &fixture{schema: schema, table: table}
	cfg, err := pgxpool.ParseConfig(testserver.Postgres(t).URL)
	if err != nil {
		t.Fatal(err)
	}
	cfg.ConnConfig.RuntimeParams["search_path"] = pgx.Identifier{schema}.Sanitize()
	if f.pool, err = pgxpool.NewWithConfig(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.pool.Close)
	if _, err := f.pool.Exec(t.Context(), "CREATE SCHEMA "+pgx.Identifier{schema}.Sanitize()); err != nil {
		t.Fatal(err)
	}
	var fsys fs.FS = migrations.FS
	o := &dbstore.MigratorOptions{}
	var options []goose.ProviderOption
	if table != "" {
		o = &dbstore.MigratorOptions{Schema: schema, Table: table}
		if fsys, err = migrations.For(schema, table); err != nil {
			t.Fatal(err)
		}
		options = append(options, goose.WithTableName(pgx.Identifier{schema, "versions of another"}.Sanitize()))
	}
	if f.ours, err = dbstore.NewMigrator(f.pool, o); err != nil {
		t.Fatal(err)
	}
	if f.goose, err = goose.NewProvider(database.DialectPostgres, f.db(t), fsys, options...); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) db(t *testing.T) *sql.DB {
	db := stdlib.OpenDBFromPool(f.pool)
	t.Cleanup(func() { db.Close() })
	return db
}

func (f *fixture) gooseUp(t *testing.T) int {
	t.Helper()
	results, err := f.goose.Up(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return len(results)
}

func (f *fixture) gooseDown(t *testing.T) {
	t.Helper()
	if _, err := f.goose.DownTo(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) oursUp(t *testing.T) int {
	t.Helper()
	steps, err := f.ours.Up(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s, err := f.ours.Status(t.Context()); err != nil || len(s.Pending()) > 0 || !s.Exists || s.Schema != f.schema {
		t.Fatalf("after up: %+v, %v", s, err)
	}
	return len(steps)
}

func (f *fixture) oursDown(t *testing.T) {
	t.Helper()
	if _, err := f.ours.Down(t.Context(), dbstore.DownOptions{}); err != nil {
		t.Fatal(err)
	}
}

// shape is what the catalog says of the table, its columns, indexes, settings and comments.
func (f *fixture) shape(t *testing.T) string {
	t.Helper()
	table := f.table
	if table == "" {
		table = migrations.DefaultTable
	}
	const query = `SELECT line FROM (
		SELECT 'table ' || coalesce(array_to_string(c.reloptions, ','), '') || ' ' || coalesce(obj_description(c.oid), '') AS line
			FROM pg_class c WHERE c.oid = $1::regclass
		UNION ALL SELECT 'column ' || attname || ' ' || format_type(atttypid, atttypmod) || ' ' || attnotnull || ' ' || coalesce(col_description(attrelid, attnum), '')
			FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped
		UNION ALL SELECT 'index ' || pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = $1::regclass) lines ORDER BY line`
	rows, err := f.pool.Query(context.Background(), query, pgx.Identifier{f.schema, table}.Sanitize())
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

// TestGoose: a deployment may begin with goose or with ours and change to the other, and the table is the same.
func TestGoose(t *testing.T) {
	for name, table := range map[string]string{"default": "", "other": `Sitzungen "heute"; -- ü`} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, "goose "+name, table)
			files, err := fs.Glob(migrations.FS, "*.sql")
			if err != nil {
				t.Fatal(err)
			}
			if n := f.gooseUp(t); n != len(files) {
				t.Errorf("goose applied %d of %d files", n, len(files))
			}
			byGoose := f.shape(t)
			if n := f.oursUp(t); n != len(files) {
				t.Errorf("after goose, ours took over %d of %d steps", n, len(files))
			}
			if n := f.oursUp(t); n != 0 {
				t.Errorf("a second time ours applied %d steps", n)
			}
			if got := f.shape(t); got != byGoose {
				t.Errorf("ours changed what goose had made:\n%s\nwas\n%s", got, byGoose)
			}
			f.gooseDown(t)
			if s, err := f.ours.Status(t.Context()); err != nil || s.Exists || len(s.Pending()) != len(files) {
				t.Errorf("after goose went down: %+v, %v", s, err)
			}
			if n := f.oursUp(t); n != len(files) {
				t.Errorf("after goose went down, ours applied %d of %d", n, len(files))
			}
			if got := f.shape(t); got != byGoose {
				t.Errorf("ours made another table than goose:\n%s\nand\n%s", got, byGoose)
			}
			if n := f.gooseUp(t); n != len(files) {
				t.Errorf("after ours, goose applied %d of %d files", n, len(files))
			}
			if got := f.shape(t); got != byGoose {
				t.Errorf("goose changed what ours had made:\n%s\nwas\n%s", got, byGoose)
			}
			f.oursDown(t)
			if n := f.gooseUp(t); n != 0 { // as the documentation says: it knows its own version table only
				t.Errorf("after ours went down, goose applied %d", n)
			}
			f.gooseDown(t) // of what is gone already
			if f.gooseUp(t) != len(files) || f.shape(t) != byGoose {
				t.Error("up, down, up by both does not come to the same")
			}
		})
	}
}

// TestGooseDropsIndexes: ours notices indexes that goose took back, and makes them again.
func TestGooseDropsIndexes(t *testing.T) {
	f := newFixture(t, "goose indexes", "")
	f.gooseUp(t)
	f.oursUp(t)
	whole := f.shape(t)
	if _, err := f.goose.DownTo(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if s, err := f.ours.Status(t.Context()); err != nil || len(s.Pending()) != 1 || s.Pending()[0].Number != 2 {
		t.Errorf("without indexes: %+v, %v", s, err)
	}
	if n := f.oursUp(t); n != 1 {
		t.Errorf("ours applied %d steps", n)
	}
	if n := f.gooseUp(t); n != 2 { // the setting, which ours does not miss, comes back by this
		t.Errorf("goose applied %d files", n)
	}
	if got := f.shape(t); got != whole {
		t.Errorf("it is\n%s\nand was\n%s", got, whole)
	}
}

// TestGooseSteps: ours may take over a table that goose has not finished.
func TestGooseSteps(t *testing.T) {
	f := newFixture(t, "goose steps", "")
	for {
		result, err := f.goose.UpByOne(t.Context())
		if errors.Is(err, goose.ErrNoNextVersion) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		steps, err := f.ours.Up(t.Context())
		if err != nil {
			t.Fatalf("after %s: %v", result.Source.Path, err)
		}
		if first := result.Source.Version == 1; first != (len(steps) > 0) {
			t.Errorf("after %s ours applied %d steps", result.Source.Path, len(steps))
		}
	}
}
