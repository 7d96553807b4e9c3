package dbstore

import (
	"errors"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/migrations"
	"github.com/larder-go/larder/store"
)

// refused demands an error of that kind, with these words and one prefix.
func refused(t *testing.T, err, kind error, words ...string) {
	t.Helper()
	if err == nil || kind != nil && !errors.Is(err, kind) {
		t.Errorf("%v, want %v", err, kind)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("no %q in %v", word, err)
		}
	}
	if strings.Count(err.Error(), "dbstore: ") != 1 || strings.Contains(err.Error(), "\n") {
		t.Errorf("it is not one line with one prefix: %v", err)
	}
}

func (m *Migrator) journalName() string {
	return pgx.Identifier{m.o.Schema, migrations.Journal(m.o.Table)}.Sanitize()
}

func TestMigrateChangedFile(t *testing.T) {
	m := newMigrator(t, "")
	mustUp(t, m, len(steps(t)))
	must(t, pooled(m.pool), "UPDATE "+m.journalName()+" SET checksum = 'of another file' WHERE number = 2")
	for name, do := range map[string]func() error{
		"up":     func() error { _, err := m.Up(t.Context()); return err },
		"down":   func() error { _, err := m.Down(t.Context(), DownOptions{}); return err },
		"status": func() error { _, err := m.Status(t.Context()); return err },
	} {
		refused(t, do(), ErrChanged, name, "00002_indexes.sql", "delete row 2", "_migrations")
	}
	must(t, pooled(m.pool), "DELETE FROM "+m.journalName()+" WHERE number = 2") // the advice
	mustUp(t, m, 1)
}

// TestMigrateNewer: a program goes on working on a table that a later release has migrated, but cannot take that back.
func TestMigrateNewer(t *testing.T) {
	m := newMigrator(t, "")
	mustUp(t, m, len(steps(t)))
	must(t, pooled(m.pool), "INSERT INTO "+m.journalName()+" (number, name, checksum) VALUES (1000, '01000_later.sql', 'x')",
		"ALTER TABLE "+m.name()+" ALTER COLUMN version TYPE text USING ''") // whatever it did
	mustUp(t, m, 0)
	s, err := m.Status(t.Context())
	if last := s.Steps[len(s.Steps)-1]; err != nil || !last.Newer || last.Number != 1000 || last.Applied.IsZero() {
		t.Errorf("%+v, %v", s, err)
	}
	_, err = m.Down(t.Context(), DownOptions{Force: true})
	refused(t, err, ErrNewer, "01000_later.sql")
}

func TestMigrateOtherTable(t *testing.T) {
	for name, statement := range map[string]string{
		"table":      "CREATE TABLE %s (id int PRIMARY KEY, name text)",
		"alike":      "CREATE TABLE %s (key text PRIMARY KEY, value bytea, atime timestamptz, expires timestamptz, version bytea)",
		"view":       "CREATE VIEW %s AS SELECT ''::bytea AS key, ''::bytea AS value, now() AS atime, now() AS expires, ''::bytea AS version",
		"sequence":   "CREATE SEQUENCE %s",
		"no journal": "",
	} {
		t.Run(name, func(t *testing.T) {
			m := newMigrator(t, "")
			must(t, pooled(m.pool), "CREATE SCHEMA "+pgx.Identifier{m.o.Schema}.Sanitize())
			if statement == "" {
				must(t, pooled(m.pool), "CREATE TABLE "+m.journalName()+" (id int)")
			} else {
				must(t, pooled(m.pool), strings.Replace(statement, "%s", m.name(), 1))
			}
			before := shape(t, pooled(m.pool), m.o.Schema)
			_, err := m.Up(t.Context())
			refused(t, err, ErrOtherTable)
			_, err = m.Down(t.Context(), DownOptions{Force: true})
			refused(t, err, ErrOtherTable)
			if after := shape(t, pooled(m.pool), m.o.Schema); strings.Join(before, "\n") != strings.Join(after, "\n") {
				t.Errorf("it was %q and is %q", before, after)
			}
		})
	}
	// A table called as another's journal.
	m := newMigrator(t, "a")
	mustUp(t, m, len(steps(t)))
	_, err := migratorIn(t, pooled(m.pool), m.o.Schema, "a_migrations").Up(t.Context())
	refused(t, err, ErrOtherTable)
}

// TestMigrateIndexName: what has the name of an index, and is none, does not pass for it.
func TestMigrateIndexName(t *testing.T) {
	m := newMigrator(t, "")
	mustUp(t, m, len(steps(t)))
	mustDown(t, m, DownOptions{To: 1}, len(steps(t))-1)
	schema := pgx.Identifier{m.o.Schema}.Sanitize()
	for _, statements := range [][]string{
		{"CREATE TABLE " + schema + ".larder_entries_atime_idx ()", "DROP TABLE " + schema + ".larder_entries_atime_idx"},
		{"CREATE INDEX larder_entries_expires_idx ON " + m.name() + " (value)", "DROP INDEX " + schema + ".larder_entries_expires_idx"},
		{"CREATE INDEX larder_entries_atime_idx ON " + m.name() + " (atime); UPDATE pg_index SET indisvalid = false WHERE indexrelid = '" +
			schema + ".larder_entries_atime_idx'::regclass", "DROP INDEX " + schema + ".larder_entries_atime_idx"},
	} {
		for sql := range strings.SplitSeq(statements[0], ";") {
			must(t, pooled(m.pool), sql)
		}
		_, err := m.Up(t.Context())
		refused(t, err, errNoIndex, "drop that and migrate again")
		must(t, pooled(m.pool), statements[1])
	}
	mustUp(t, m, len(steps(t))-1)
}

// TestMigrateLostIndex: an index that somebody dropped is noticed and made again; one of another name will do.
func TestMigrateLostIndex(t *testing.T) {
	m := newMigrator(t, "")
	mustUp(t, m, len(steps(t)))
	whole := shape(t, pooled(m.pool), m.o.Schema)
	schema := pgx.Identifier{m.o.Schema}.Sanitize()
	for _, index := range []string{"larder_entries_atime_idx", "larder_entries_expires_idx"} {
		must(t, pooled(m.pool), "DROP INDEX "+schema+"."+index)
		if s, err := m.Status(t.Context()); err != nil || len(s.Pending()) != 1 || s.Pending()[0].Number != 2 {
			t.Errorf("without %s: %+v, %v", index, s, err)
		}
		mustUp(t, m, 1)
		if got := shape(t, pooled(m.pool), m.o.Schema); strings.Join(got, "\n") != strings.Join(whole, "\n") {
			t.Errorf("it was %q and is %q", whole, got)
		}
	}
	must(t, pooled(m.pool), "DROP INDEX "+schema+".larder_entries_atime_idx", "CREATE INDEX mine ON "+m.name()+" (atime, key)")
	mustUp(t, m, 0)
	must(t, pooled(m.pool), "DROP INDEX "+schema+".mine")
	mustDown(t, m, DownOptions{}, len(steps(t))) // what is noted is taken back
}

// TestMigrateAfterOthers: what psql has made is taken over, and what somebody dropped is made again.
func TestMigrateAfterOthers(t *testing.T) {
	m := newMigrator(t, "")
	up, err := m.Script(false)
	if err != nil {
		t.Fatal(err)
	}
	down, err := m.Script(true)
	if err != nil {
		t.Fatal(err)
	}
	psql := func(sql string) {
		c, err := pooled(m.pool).Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Release()
		if _, err := c.Conn().PgConn().Exec(t.Context(), sql).ReadAll(); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	psql(up)
	psql(up)
	by := shape(t, pooled(m.pool), m.o.Schema)
	if s, err := m.Status(t.Context()); err != nil || !s.Exists || len(s.Pending()) != len(steps(t)) {
		t.Errorf("made by psql: %+v, %v", s, err)
	}
	mustDown(t, m, DownOptions{Force: true}, 0) // what is not noted is not taken back
	mustUp(t, m, len(steps(t)))
	must(t, pooled(m.pool), "DROP TABLE "+m.name())
	if s, err := m.Status(t.Context()); err != nil || s.Exists || len(s.Pending()) != len(steps(t)) {
		t.Errorf("dropped: %+v, %v", s, err)
	}
	mustUp(t, m, len(steps(t)))
	must(t, pooled(m.pool), "DROP TABLE "+m.journalName())
	if got := shape(t, pooled(m.pool), m.o.Schema); strings.Join(got, "\n") != strings.Join(by, "\n") {
		t.Errorf("psql made %q and we %q", by, got)
	}
	mustUp(t, m, len(steps(t)))
	psql(down)
	psql(down)
	if left := shape(t, pooled(m.pool), m.o.Schema); len(left) > 0 {
		t.Errorf("psql left %q", left)
	}
}

func TestMigrateNames(t *testing.T) {
	for _, o := range []MigratorOptions{{Table: strings.Repeat("x", 64)}, {Schema: strings.Repeat("ü", 32)}, {Table: "a\x00b"}, {Schema: "a\nb"}, {Table: "\xff"}} {
		_, err := NewMigrator(nil, &o)
		refused(t, err, nil, "name of the")
		u := url.URL{Scheme: "postgres", Host: "localhost", RawQuery: url.Values{"x-table": {o.Table}, "x-schema": {o.Schema}}.Encode()}
		_, err = OpenMigrator(t.Context(), &u)
		refused(t, err, store.ErrInvalidURL)
	}
}

func TestOpenMigrator(t *testing.T) {
	base := testserver.Postgres(t).URL
	open := func(raw string) (*Migrator, error) {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		return OpenMigrator(t.Context(), u)
	}
	made := newMigrator(t, "tab")
	mustUp(t, made, len(steps(t)))
	m, err := open(base + "?x-table=tab&x-timeout=30m&x-max-value=5&x-op-timeout=2s&x-touch-after=1s&application_name=larder&x-schema=" + url.QueryEscape(made.o.Schema))
	if err != nil {
		t.Fatal(err)
	}
	mustUp(t, m, 0)
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	_, err = m.Status(t.Context())
	refused(t, err, os.ErrClosed)
	_, err = open(base + "?x-tabel=t")
	refused(t, err, store.ErrInvalidURL, "x-tabel", "x-table")
	_, err = open(base + "?pool_max_conns=many")
	refused(t, err, store.ErrInvalidURL, "pool_max_conns")

	for raw, want := range map[string]string{
		"postgres://larder:geheim@127.0.0.1:1/postgres":                         "",
		"postgres://locked:geheim@" + testserver.Postgres(t).Addr + "/postgres": "", // there is no such role, or another password
	} {
		m, err := open(raw)
		if err != nil {
			t.Fatal(err)
		}
		_, err = m.Up(t.Context())
		refused(t, err, store.ErrUnavailable, want)
		if strings.Contains(err.Error(), "geheim") {
			t.Errorf("a password is shown: %v", err)
		}
		m.Close()
	}
}
