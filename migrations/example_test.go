package migrations_test

import (
	"fmt"
	"io/fs"
	"log"
	"strings"

	"github.com/larder-go/larder/migrations"
)

// The files for a table of another name, as goose takes them.
func ExampleFor() {
	fsys, err := migrations.For("app", "sessions")
	if err != nil {
		log.Fatal(err)
	}
	file, err := fs.ReadFile(fsys, "00002_indexes.sql")
	if err != nil {
		log.Fatal(err)
	}
	for line := range strings.Lines(string(file)) {
		if strings.Contains(line, "INDEX") {
			fmt.Print(line)
		}
	}
	// Output:
	// CREATE INDEX IF NOT EXISTS "sessions_atime_idx" ON "app"."sessions" (atime);
	// CREATE INDEX IF NOT EXISTS "sessions_expires_idx" ON "app"."sessions" (expires) WHERE expires IS NOT NULL;
	// DROP INDEX IF EXISTS "app"."sessions_expires_idx";
	// DROP INDEX IF EXISTS "app"."sessions_atime_idx";
}

// What psql runs to take everything back.
func ExampleScript() {
	sql, err := migrations.Script("", "", true)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(sql)
	// Output:
	// BEGIN;
	//
	// -- 00003_autovacuum.sql
	// ALTER TABLE IF EXISTS "larder_entries" RESET (autovacuum_vacuum_scale_factor);
	//
	// -- 00002_indexes.sql
	// DROP INDEX IF EXISTS "larder_entries_expires_idx";
	// DROP INDEX IF EXISTS "larder_entries_atime_idx";
	//
	// -- 00001_entries.sql
	// DROP TABLE IF EXISTS "larder_entries";
	//
	// -- The journal of dbstore.Migrate and larder migrate.
	// DROP TABLE IF EXISTS "larder_entries_migrations";
	//
	// COMMIT;
}
