package migrations_test

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/larder-go/larder/migrations"
)

// TestReleasedFilesNeverChange: what is applied somewhere must not be another thing elsewhere. A new file gets a new line; a line changes
// only as long as no release has it.
func TestReleasedFilesNeverChange(t *testing.T) {
	want := map[string]string{
		"00001_entries.sql":    "bd980ba640f963d7460735057e693a1d14e0b9a74250190a300ad7203d031dfc",
		"00002_indexes.sql":    "aa9ee84fffea723df062e1e8333b139aa4026529429274ffaa6e9534ae9fdd53",
		"00003_autovacuum.sql": "61791bf1b6be91e34228d8a4ba922db0dc2ccb4877c29a4c4f468b21aaf31227",
	}
	got := make(map[string]string)
	for _, m := range all(t, "", "") {
		got[m.Name] = m.Checksum
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("checksums (-want +got):\n%s", diff)
	}
}

func all(t *testing.T, schema, table string) []migrations.Migration {
	t.Helper()
	all, err := migrations.All(schema, table)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAll(t *testing.T) {
	for i, m := range all(t, "", "") {
		if m.Number != int64(i)+1 {
			t.Errorf("%s has number %d, want %d: numbers follow each other", m.Name, m.Number, i+1)
		}
		for way, sql := range map[string]string{"up": m.Up, "down": m.Down} {
			if !strings.HasSuffix(sql, ";") || strings.Contains(sql, "+goose") {
				t.Errorf("%s %s: %s", m.Name, way, sql)
			}
		}
	}
}

// TestStatementsAllowThatTheyWereRun: a deployment may change between goose, psql and ours.
func TestStatementsAllowThatTheyWereRun(t *testing.T) {
	for _, m := range all(t, "", "") {
		for _, sql := range []string{m.Up, m.Down} {
			for _, word := range []string{"TABLE", "INDEX", "SCHEMA", "COLUMN"} {
				for _, verb := range []string{"CREATE ", "DROP ", "ADD "} {
					if strings.Count(sql, verb+word) != strings.Count(sql, verb+word+" IF ") {
						t.Errorf("%s: %s%s lacks IF EXISTS or IF NOT EXISTS:\n%s", m.Name, verb, word, sql)
					}
				}
			}
		}
		if strings.Count(m.Down, "ALTER TABLE") != strings.Count(m.Down, "ALTER TABLE IF EXISTS") {
			t.Errorf("%s: the table may be gone when goose goes down:\n%s", m.Name, m.Down)
		}
	}
}

// TestForOtherNames: every default name is replaced, by quoted ones; an index is made without a schema and dropped with it.
func TestForOtherNames(t *testing.T) {
	fsys, err := migrations.For(`My "Schema"`, `Sitzungen; -- ü`)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	names, err := fs.Glob(fsys, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(data)
	}
	if strings.Contains(text.String(), migrations.DefaultTable) {
		t.Errorf("a default name is left:\n%s", &text)
	}
	for _, want := range []string{
		`CREATE TABLE IF NOT EXISTS "My ""Schema"""."Sitzungen; -- ü" (`,
		`CREATE INDEX IF NOT EXISTS "Sitzungen; -- ü_atime_idx" ON "My ""Schema"""."Sitzungen; -- ü" (atime);`,
		`DROP INDEX IF EXISTS "My ""Schema"""."Sitzungen; -- ü_expires_idx";`,
		`COMMENT ON COLUMN "My ""Schema"""."Sitzungen; -- ü".key IS`,
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("there is no %s in\n%s", want, &text)
		}
	}
	// The checksum is the file's, not the table's.
	if diff := cmp.Diff(all(t, "", "")[0].Checksum, all(t, "s", "t")[0].Checksum); diff != "" {
		t.Error(diff)
	}
}

func TestForIsAFileSystem(t *testing.T) {
	fsys, err := migrations.For("", "t")
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, m := range all(t, "", "") {
		files = append(files, m.Name)
	}
	if err := fstest.TestFS(fsys, files...); err != nil {
		t.Error(err)
	}
	if err := fstest.TestFS(migrations.FS, files...); err != nil {
		t.Error(err)
	}
}

func TestNames(t *testing.T) {
	for _, name := range []string{strings.Repeat("x", 64), strings.Repeat("ü", 32), "a\nb", "a\x00b", "a\u2028b", "a\u0085b", "\xff"} {
		if _, err := migrations.For("", name); err == nil {
			t.Errorf("a table may be called %q", name)
		}
		if _, err := migrations.Script(name, "t", false); err == nil {
			t.Errorf("a schema may be called %q", name)
		}
	}
	seen := make(map[string]bool)
	for _, table := range []string{"t", "a b", strings.Repeat("x", 63), strings.Repeat("x", 62) + "y", strings.Repeat("ü", 31), strings.Repeat("x", 51), strings.Repeat("x", 52),
		"x" + strings.Repeat("ü", 31)} {
		journal := migrations.Journal(table)
		if len(journal) > 63 || seen[journal] || strings.ContainsRune(journal, '\ufffd') {
			t.Errorf("the journal of %q is %q", table, journal)
		}
		seen[journal] = true
		sql, err := migrations.Script("", table, false)
		if err != nil {
			t.Error(err)
		}
		for _, match := range regexp.MustCompile(`"([^"]*)"`).FindAllStringSubmatch(sql, -1) {
			if len(match[1]) > 63 {
				t.Errorf("the table %q has an index %q of %d bytes", table, match[1], len(match[1]))
			}
		}
	}
	if got := migrations.Journal(""); got != "larder_entries_migrations" {
		t.Errorf("the default journal is %q", got)
	}
}

func TestScript(t *testing.T) {
	up, err := migrations.Script("s", "t", false)
	if err != nil {
		t.Fatal(err)
	}
	down, err := migrations.Script("s", "t", true)
	if err != nil {
		t.Fatal(err)
	}
	inOrder(t, up, "BEGIN;", `CREATE SCHEMA IF NOT EXISTS "s";`, `CREATE TABLE IF NOT EXISTS "s"."t" (`, `"t_atime_idx"`, "COMMIT;")
	inOrder(t, down, "BEGIN;", `DROP INDEX IF EXISTS "s"."t_atime_idx"`, `DROP TABLE IF EXISTS "s"."t";`, `DROP TABLE IF EXISTS "s"."t_migrations";`, "COMMIT;")
}

func inOrder(t *testing.T, text string, parts ...string) {
	t.Helper()
	rest := text
	for _, part := range parts {
		_, after, ok := strings.Cut(rest, part)
		if !ok {
			t.Errorf("no %q in its place in\n%s", part, text)
		}
		rest = after
	}
}
