package dbstore

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/larder-go/larder/store"
)

// migrateError gives err its one prefix, and says what to do where somebody else must act first.
func migrateError(op string, err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code {
		case "42501": // insufficient_privilege
			err = fmt.Errorf("%w; the role needs CREATE on the schema (on the database, where the schema is missing) and must own the tables, or their owner runs what larder migrate print prints", err)
		case "25006": // read_only_sql_transaction
			err = fmt.Errorf("%w: %w; the server is a standby or the session is read-only: migrate on the primary", store.ErrUnavailable, err)
		}
	}
	return store.Wrap("dbstore", op, err)
}
