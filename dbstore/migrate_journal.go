package dbstore

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/larder-go/larder/migrations"
)

// view is what a transaction sees of a table and of its journal.
type view struct {
	schema, table string
	known         []migrations.Migration // by number
	hasSchema     bool
	hasTable      bool
	hasJournal    bool
	applied       map[int64]time.Time // by the journal
	lost          int64               // an applied step whose index somebody has dropped, 0: none
	newer         []Step
}

// pending reports whether Up has to apply a step, for the first time or again.
func (v *view) pending(number int64) bool { return v.applied[number].IsZero() || number == v.lost }

func (v *view) journal() string {
	return pgx.Identifier{v.schema, migrations.Journal(v.table)}.Sanitize()
}

// look finds the table and reads its journal. All statements after the first name the schema: a search_path may find one table today and
// another tomorrow.
func (m *Migrator) look(ctx context.Context, q *transaction) (*view, error) {
	v := &view{schema: m.o.Schema, table: m.o.Table, applied: make(map[int64]time.Time)}
	if v.schema == "" {
		found, err := place(ctx, q, v.table)
		if err != nil {
			return nil, err
		}
		v.schema = found
	}
	var err error
	if v.known, err = migrations.All(v.schema, v.table); err != nil { // a schema that the search_path has found
		return nil, fmt.Errorf("%w; %w", errors.Unwrap(err), errNames)
	}
	const relations = `SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1),
		EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2),
		EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $3)`
	found, err := q.row(ctx, relations, v.schema, v.table, migrations.Journal(v.table))
	if err != nil {
		return nil, err
	}
	v.hasSchema, v.hasTable, v.hasJournal = isTrue(found[0]), isTrue(found[1]), isTrue(found[2])
	if v.hasJournal {
		if err := v.read(ctx, q); err != nil {
			return nil, err
		}
	}
	if v.hasTable && len(v.newer) == 0 { // a later release may have changed it
		if err := v.ours(ctx, q); err != nil {
			return nil, err
		}
		return v, v.misses(ctx, q)
	}
	return v, nil
}

// misses notices that an index is gone which the journal says was made. One that is INVALID may be under way by CREATE INDEX CONCURRENTLY,
// and is left in peace.
func (v *view) misses(ctx context.Context, q *transaction) error {
	i := slices.IndexFunc(v.known, func(k migrations.Migration) bool { return strings.Contains(k.Up, "CREATE INDEX") })
	if v.applied[v.known[i].Number].IsZero() {
		return nil
	}
	columns, err := v.indexes(ctx, q, false)
	if err == nil && columns < 2 {
		v.lost = v.known[i].Number
	}
	return err
}

// place finds the schema of a table that the search_path finds, or the one where it would be made.
func place(ctx context.Context, q *transaction, table string) (string, error) {
	const statement = `SELECT coalesce((SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass($1)),
		current_schema(), '')`
	found, err := q.row(ctx, statement, pgx.Identifier{table}.Sanitize())
	if err != nil {
		return "", err
	}
	if len(found[0]) == 0 {
		return "", errNoSchema
	}
	return string(found[0]), nil
}

// ours refuses a table that is not Larder's, before a step is noted that was never made, and taken back by dropping it.
func (v *view) ours(ctx context.Context, q *transaction) error {
	const statement = `SELECT count(*) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind = 'r' AND NOT a.attisdropped AND (a.attname, a.atttypid) IN
		(('key', 'bytea'::regtype), ('value', 'bytea'::regtype), ('atime', 'timestamptz'::regtype), ('expires', 'timestamptz'::regtype), ('version', 'bytea'::regtype))`
	columns, err := q.row(ctx, statement, v.schema, v.table)
	if err == nil && number(columns[0]) != 5 {
		err = ErrOtherTable
	}
	return err
}

// indexed demands the indexes that a step has just made: IF NOT EXISTS is content with whatever has the name of one.
func (v *view) indexed(ctx context.Context, q *transaction) error {
	columns, err := v.indexes(ctx, q, true)
	if err == nil && columns < 2 {
		err = errNoIndex
	}
	return err
}

// indexes counts which of atime and expires an index begins with, whatever it is called.
func (v *view) indexes(ctx context.Context, q *transaction, valid bool) (columns int64, err error) {
	const statement = `SELECT count(DISTINCT a.attname) FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
		WHERE i.indrelid = to_regclass($1) AND (i.indisvalid OR NOT $2::boolean) AND a.attname IN ('atime', 'expires')`
	counted, err := q.row(ctx, statement, pgx.Identifier{v.schema, v.table}.Sanitize(), strconv.FormatBool(valid))
	if err != nil {
		return 0, err
	}
	return number(counted[0]), nil
}

// read reads the journal. A table that was dropped by somebody else, goose or psql, leaves rows that mean nothing any more.
func (v *view) read(ctx context.Context, q *transaction) error {
	journal, err := q.ask(ctx, "SELECT number, name, checksum, applied FROM "+v.journal()+" ORDER BY number")
	if sqlState(err) == undefinedColumn || err == nil && !isJournal(journal) {
		return fmt.Errorf("%w: %s, which should be the journal", ErrOtherTable, v.journal())
	}
	if err != nil || !v.hasTable {
		return err
	}
	for _, row := range journal.Rows {
		step, checksum := Step{Number: number(row[0]), Name: string(row[1]), Applied: parseTime(row[3])}, string(row[2])
		i := slices.IndexFunc(v.known, func(k migrations.Migration) bool { return k.Number == step.Number })
		switch {
		case i < 0:
			step.Newer = true
			v.newer = append(v.newer, step)
		case v.known[i].Checksum != checksum:
			return fmt.Errorf("%w: %s; install the release that applied it, or, where the table is as it should be, delete row %d of the table %s and migrate again",
				ErrChanged, v.known[i].Name, step.Number, v.journal())
		default:
			v.applied[step.Number] = step.Applied
		}
	}
	return nil
}

// isJournal looks at the types of what was read.
func isJournal(r *pgconn.Result) bool {
	return slices.EqualFunc(r.FieldDescriptions, []uint32{pgtype.Int8OID, pgtype.TextOID, pgtype.TextOID, pgtype.TimestamptzOID},
		func(f pgconn.FieldDescription, oid uint32) bool { return f.DataTypeOID == oid })
}

// prepare makes what the first step needs, under the lock.
func (v *view) prepare(ctx context.Context, tx *transaction) error {
	if !v.hasSchema { // else nothing is run: IF NOT EXISTS demands the right to create first
		if err := lock(ctx, tx, "schema "+v.schema); err != nil { // migrators of other tables in it make it too
			return err
		}
		if err := run(ctx, tx, "CREATE SCHEMA", "CREATE SCHEMA IF NOT EXISTS "+pgx.Identifier{v.schema}.Sanitize()); err != nil {
			return err
		}
	}
	switch {
	case !v.hasJournal:
		return run(ctx, tx, "the journal", "CREATE TABLE "+v.journal()+
			" (number bigint PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied timestamptz NOT NULL DEFAULT clock_timestamp())")
	case !v.hasTable:
		return run(ctx, tx, "the journal", "DELETE FROM "+v.journal())
	}
	return nil
}

func (v *view) note(ctx context.Context, tx *transaction, k migrations.Migration) (when time.Time, err error) {
	noted, err := tx.row(ctx, "INSERT INTO "+v.journal()+" (number, name, checksum) VALUES ($1, $2, $3) ON CONFLICT (number) DO UPDATE SET applied = excluded.applied RETURNING applied",
		strconv.FormatInt(k.Number, 10), k.Name, k.Checksum)
	if err != nil {
		return time.Time{}, err
	}
	return parseTime(noted[0]), nil
}

// strike removes the row of a step, and with the last one the journal.
func (v *view) strike(ctx context.Context, tx *transaction, k migrations.Migration) error {
	if k.Number == v.known[0].Number {
		return run(ctx, tx, "the journal", "DROP TABLE "+v.journal())
	}
	_, err := tx.ask(ctx, "DELETE FROM "+v.journal()+" WHERE number = $1", strconv.FormatInt(k.Number, 10))
	return err
}

// lockWait is how long a step waits for a table that others use: whoever comes after it waits behind it.
const lockWait = "5s"

// impatient bounds that wait to the end of the transaction, where neither the URL nor the role does. It comes after the wait for other
// migrators: nobody but migrators waits behind that.
func (v *view) impatient(ctx context.Context, tx *transaction) error {
	_, err := tx.ask(ctx, "SELECT set_config('lock_timeout', $1, true) WHERE current_setting('lock_timeout') = '0'", lockWait)
	return err
}

// empty refuses a table that holds entries, and before it is dropped also keeps others from adding one.
func (v *view) empty(ctx context.Context, tx *transaction, drop bool) error {
	name := pgx.Identifier{v.schema, v.table}.Sanitize()
	if drop {
		if err := run(ctx, tx, "LOCK TABLE", "LOCK TABLE "+name+" IN ACCESS EXCLUSIVE MODE"); err != nil {
			return err
		}
	}
	some, err := tx.row(ctx, "SELECT EXISTS (SELECT FROM "+name+")")
	if err == nil && isTrue(some[0]) {
		err = ErrHasEntries
	}
	return err
}

// run sends statements as they are, by the simple protocol, which takes several at once.
func run(ctx context.Context, tx *transaction, what, statements string) error {
	if _, err := tx.pg.Exec(ctx, statements).ReadAll(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// lock waits until no other migrator works on what has this name, and keeps it to the end of the transaction.
func lock(ctx context.Context, tx *transaction, name string) error {
	h := fnv.New64a()
	h.Write([]byte("larder migrate " + name))
	_, err := tx.ask(ctx, "SELECT pg_advisory_xact_lock($1)", strconv.FormatInt(int64(h.Sum64()), 10))
	return err
}
