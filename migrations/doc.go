// Package migrations holds the SQL that makes the table of a Postgres store, in numbered files of goose's format.
//
// There are three ways to run it. Up, a deployment may change between them, for every statement allows that it was run before. Down, each
// is to take back what it has noted itself, for no way reads the notes of another: see docs/migrations.md.
//
//   - dbstore.Migrate from a program, or larder migrate up from a shell: nothing else is needed.
//   - goose, for who has it already: give [FS] to its Provider, or what [For] returns, for a table of another name.
//   - psql: larder migrate print prints the statements.
//
// The files of a release never change; what changes the table comes in a new one. A program works on a table that a later release has
// migrated: what an older release reads is removed only by a release that comes after one that no longer reads it.
package migrations
