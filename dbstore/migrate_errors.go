package dbstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"

	"github.com/larder-go/larder/store"
)

var (
	// ErrHasEntries says that the table was not dropped, since it holds entries.
	ErrHasEntries = errors.New("the table holds entries, and dropping it must be forced")

	// ErrNewer says that a later release has migrated the table, and this one does not know how to take that back.
	ErrNewer = errors.New("a later release of Larder has migrated the table; take its steps back with that release")

	// ErrChanged says that the file of a step is not the one that was applied.
	ErrChanged = errors.New("a migration was changed after it was applied")

	// ErrOtherTable says that what has the table's name, or its journal's, was not made by Larder.
	ErrOtherTable = errors.New("what has this name is not Larder's table; choose another name or schema")

	errNoIndex  = errors.New("an index could not be made: what has its name is something else, or INVALID after CREATE INDEX CONCURRENTLY broke off; drop that and migrate again")
	errNames    = errors.New("name another by MigratorOptions.Schema and Table (x-schema, x-table)")
	errNoSchema = errors.New("no schema of the search_path exists; name one by MigratorOptions.Schema (x-schema)")
)

// migrateError gives err its one prefix, and says what to do where somebody else must act first.
func migrateError(ctx context.Context, op string, err error) error {
	if ended := ctx.Err(); ended != nil {
		return store.Wrap("dbstore", op, ended)
	}
	for _, ours := range []error{ErrHasEntries, ErrNewer, ErrChanged, ErrOtherTable, errNoIndex, errNoSchema} {
		if errors.Is(err, ours) {
			return store.Wrap("dbstore", op, err)
		}
	}
	var connect *pgconn.ConnectError
	var pg *pgconn.PgError
	switch {
	case errors.Is(err, puddle.ErrClosedPool):
		err = errPoolClosed
	case errors.As(err, &connect):
		err = fmt.Errorf("%w: %w", store.ErrUnavailable, connectFailure(err))
	case errors.As(err, &pg):
		err = refusal(pg)
	case errors.Is(err, errNames): // nothing that would be otherwise the next time
	case errors.Is(err, context.DeadlineExceeded):
		err = fmt.Errorf("%w: %w", store.ErrUnavailable, errNoAnswer)
	default:
		err = fmt.Errorf("%w: %w; what was not committed is undone, migrate again", store.ErrUnavailable, err)
	}
	return store.Wrap("dbstore", op, err)
}

func connectFailure(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return say(pg)
	}
	return connectError(err)
}

// refusal shows the server's message: unlike those about entries, statements of migrations hold nothing but names.
func refusal(pg *pgconn.PgError) error {
	advice := ""
	unavailable := broken(pg)
	switch pg.Code {
	case insufficientPrivilege:
		advice = "; the role must own the table and needs CREATE on its schema (on the database, where that is missing), or the owner runs what larder migrate print prints; " +
			"to see that nothing is to do, SELECT on the journal is enough"
	case readOnlyTransaction:
		advice, unavailable = "; this is a standby, or its transactions are read-only: migrate on the primary", true
	case "55P03": // lock_not_available
		advice = "; another migrator or a long transaction uses it, and the step is not done; see pg_stat_activity and try again, " +
			"or have it wait longer than " + lockWait + " by lock_timeout in the URL"
	}
	err := error(&serverError{"the server says: " + pg.Message + " (SQLSTATE " + pg.Code + ")" + advice, pg})
	if unavailable {
		err = fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	return err
}
