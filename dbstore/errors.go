package dbstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"

	"github.com/larder-go/larder/store"
)

// ErrNoTable says that the table, or its schema, is not there. It wraps [store.ErrUnavailable].
var ErrNoTable = fmt.Errorf("%w: the table does not exist; create it by: larder migrate up", store.ErrUnavailable)

// errNoAnswer ends a call whose context has no deadline.
var errNoAnswer = errors.New("the server did not answer in time; see OpTimeout (x-op-timeout)")

// errPoolClosed is what becomes of who waits for a connection.
var errPoolClosed = fmt.Errorf("%w: the pool is closed", os.ErrClosed)

// stage is how far a statement got.
type stage int

const (
	connecting stage = iota // no connection was to be had
	preparing               // the statement was not sent
	executing               // it was sent, at least in part
)

// SQLSTATEs that are looked at, by their names in the manual.
const (
	undefinedTable        = "42P01"
	invalidSchemaName     = "3F000"
	undefinedColumn       = "42703"
	insufficientPrivilege = "42501"
	undefinedStatement    = "26000"
	duplicateStatement    = "42P05"
	featureNotSupported   = "0A000" // a plan whose columns have changed
	serializationFailure  = "40001"
	deadlockDetected      = "40P01"
	readOnlyTransaction   = "25006"
	dataCorrupted         = "XX001"
	indexCorrupted        = "XX002"
	unknownSetting        = "42704"
)

// serverError is what a server said, in words that are fit to be shown: its own may quote what it was sent.
type serverError struct {
	text string
	err  *pgconn.PgError
}

func (e *serverError) Error() string { return e.text }
func (e *serverError) Unwrap() error { return e.err }

func say(pg *pgconn.PgError) error {
	text := "the server refuses"
	switch pg.Code {
	case insufficientPrivilege, undefinedColumn, unknownSetting:
		text = "the server says: " + pg.Message
	default:
		switch class := pg.Code[:min(2, len(pg.Code))]; class {
		case "08", "25", "28", "3D", "3F", "53", "57", "58": // connection, transaction state, authorization, catalog, resources, shutdown, system
			text = "the server says: " + pg.Message
		}
	}
	text += " (SQLSTATE " + pg.Code + ")"
	if hint := hints(pg.Code); hint != "" {
		text += "; " + hint
	}
	return &serverError{text, pg}
}

func hints(code string) string {
	switch code {
	case "28P01", "28000":
		return "check the user and the password of the URL, and the server's pg_hba.conf"
	case "3D000":
		return "create the database, or correct its name in the URL"
	case "53300":
		return "lower pool_max_conns, or raise the server's max_connections"
	case insufficientPrivilege:
		return "the role needs SELECT, INSERT, UPDATE and DELETE on the table, and USAGE of its schema"
	case undefinedColumn:
		return "the table is not Larder's, or of another release; see larder migrate status"
	case unknownSetting:
		return "the URL has a parameter that neither pgx nor the server knows"
	case readOnlyTransaction:
		return "this is a standby, or its transactions are read-only; name the primary, or all hosts and target_session_attrs=read-write"
	}
	return ""
}

// cause says in the words of package store what pgx and the server say; both can be asked for.
func (s *Store) cause(err error) error {
	var pg *pgconn.PgError
	var connect *pgconn.ConnectError
	switch {
	case errors.Is(err, puddle.ErrClosedPool):
		return errPoolClosed
	case errors.As(err, &pg):
		switch pg.Code {
		case undefinedTable, invalidSchemaName:
			return fmt.Errorf("%w (it is %s)", ErrNoTable, s.table)
		case dataCorrupted, indexCorrupted:
			return fmt.Errorf("%w: %w", store.ErrCorrupt, say(pg))
		}
		return fmt.Errorf("%w: %w", store.ErrUnavailable, say(pg))
	case errors.As(err, &connect):
		return fmt.Errorf("%w: %w", store.ErrUnavailable, connectError(err))
	}
	return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
}

// connectText is an error in one line.
type connectText struct {
	text string
	err  error
}

func (e *connectText) Error() string { return e.text }
func (e *connectText) Unwrap() error { return e.err }

// connectError shows one line where pgx shows one for each host and address.
func connectError(err error) error {
	var lines []string
	for _, line := range strings.Split(err.Error(), "\n") {
		lines = append(lines, strings.TrimSpace(line))
	}
	return &connectText{strings.Join(lines, " "), err}
}

// broken reports whether the connection, rather than the statement, has failed.
func broken(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code {
		case "57P01", "57P02", "57P03", "57P05": // shut down, crashed, not yet up, idle for too long
			return true
		}
		return strings.HasPrefix(pg.Code, "08")
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return false
	}
	return !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

func sqlState(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}
