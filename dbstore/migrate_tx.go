package dbstore

import (
	"context"
	"encoding/binary"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// transaction is one of a migrator. It goes by pgconn, like the operations of a store: see pool.
type transaction struct{ pg *pgconn.PgConn }

// transact runs do in a transaction. What it did is committed if it returns nil.
func (m *Migrator) transact(ctx context.Context, begin string, do func(tx *transaction) error) error {
	l, err := m.pool.lend(ctx)
	if err != nil {
		return err
	}
	tx := &transaction{l.conn()}
	defer l.giveBack(false) // closes a connection that is still in the transaction
	if _, err := tx.pg.Exec(ctx, begin).ReadAll(); err != nil {
		return err
	}
	if err := do(tx); err != nil {
		tx.pg.Exec(ctx, "ROLLBACK").Close()
		return err
	}
	results, err := tx.pg.Exec(ctx, "COMMIT").ReadAll()
	if err == nil && results[0].CommandTag.String() != "COMMIT" {
		err = errors.New("the server has rolled the transaction back")
	}
	return err
}

// ask sends a statement without a name: one that a server connection knows, another behind PgBouncer does not. Parameters are text, and columns come
// in binary.
func (tx *transaction) ask(ctx context.Context, statement string, params ...string) (*pgconn.Result, error) {
	values := make([][]byte, len(params))
	for i, param := range params {
		values[i] = []byte(param)
	}
	result := tx.pg.ExecParams(ctx, statement, values, nil, nil, []int16{1}).Read()
	return result, result.Err
}

// row asks for the one row that a statement returns.
func (tx *transaction) row(ctx context.Context, statement string, params ...string) ([][]byte, error) {
	result, err := tx.ask(ctx, statement, params...)
	if err != nil {
		return nil, err
	}
	if len(result.Rows) != 1 {
		return nil, errors.New("the server has not returned one row")
	}
	return result.Rows[0], nil
}

func isTrue(column []byte) bool { return len(column) == 1 && column[0] == 1 }

// number reads a bigint.
func number(column []byte) int64 { return int64(binary.BigEndian.Uint64(column)) }
