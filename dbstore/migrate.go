package dbstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/larder-go/larder/migrations"
	"github.com/larder-go/larder/store"
)

// Migrate brings the default table to its latest form, and does nothing where it has it: a program may call it at each start, from any
// number of processes at once. For a table of another name use a [Migrator].
func Migrate(ctx context.Context, pool *pgxpool.Pool) error {
	m, err := NewMigrator(pool, nil)
	if err != nil {
		return err
	}
	_, err = m.Up(ctx)
	return err
}

// MigratorOptions name the table. The zero value is the default table.
type MigratorOptions struct {
	Schema string // "": where the search_path finds the table, or else its first schema; one that is named is made where it is missing
	Table  string // "": migrations.DefaultTable
}

// Migrator applies the files of package migrations to one table, each in one transaction with its row in the journal: a table beside it,
// named after it, see [migrations.Journal]. A lock of the database keeps migrators apart, for the length of a transaction, and so
// works behind PgBouncer too. What breaks off is rolled back by the server; run it again.
//
// Status, and with it the beginning of Up and of Down, waits ten seconds at most for a server that does not answer, or as long as x-op-timeout
// says, where the context has no deadline. A step has no such bound, for an index of a large table may take an hour: give the context one.
//
// A program goes on working on a table that a later release has migrated, so Up is content with that; only Down refuses.
type Migrator struct {
	pool  lender
	o     MigratorOptions
	wait  time.Duration // for an answer to Status
	close func()
}

// NewMigrator checks the names and asks the server nothing.
func NewMigrator(pool *pgxpool.Pool, o *MigratorOptions) (*Migrator, error) {
	return migratorOn(given{pool}, o)
}

func migratorOn(pool lender, o *MigratorOptions) (*Migrator, error) {
	m := &Migrator{pool: pool, wait: defaultOpTimeout}
	if o != nil {
		m.o = *o
	}
	if m.o.Table == "" {
		m.o.Table = migrations.DefaultTable
	}
	if _, err := migrations.All(m.o.Schema, m.o.Table); err != nil {
		return nil, store.Wrap("dbstore", "migrate", errors.Unwrap(err))
	}
	return m, nil
}

// Up applies what is not applied yet, one step after the other, and returns the steps that it applied, also those before an error.
func (m *Migrator) Up(ctx context.Context) (applied []Step, err error) {
	now, err := m.status(ctx)
	if err != nil {
		return nil, migrateError(ctx, "up", err)
	}
	if len(now.Pending()) == 0 { // the common case at the start of a program: no lock, and no right to create is needed
		return nil, nil
	}
	for {
		step, err := m.upOne(ctx)
		if err != nil {
			return applied, migrateError(ctx, "up", err)
		}
		if step == nil {
			return applied, nil
		}
		applied = append(applied, *step)
	}
}

// DownOptions say how far Down goes.
type DownOptions struct {
	To    int64 // the number of the last step that stays; 0: none stays, and the table is dropped
	Force bool  // drop the table although it holds entries
}

// Down takes the steps above o.To back, the last first, and returns those that it took back, also the ones before an error. A table that
// holds entries is dropped only with Force, else the error is [ErrHasEntries], and the other steps stay as well.
func (m *Migrator) Down(ctx context.Context, o DownOptions) (removed []Step, err error) {
	if _, err := m.status(ctx); err != nil { // a silent server is noticed here: a step has no bound
		return nil, migrateError(ctx, "down", err)
	}
	for {
		step, err := m.downOne(ctx, o)
		if err != nil {
			return removed, migrateError(ctx, "down", err)
		}
		if step == nil {
			return removed, nil
		}
		removed = append(removed, *step)
	}
}

// upOne applies the first step that is not applied yet; nil: there is none.
func (m *Migrator) upOne(ctx context.Context) (step *Step, err error) {
	err = m.locked(ctx, func(tx *transaction, v *view) error {
		if err := v.prepare(ctx, tx); err != nil {
			return err
		}
		i := slices.IndexFunc(v.known, func(k migrations.Migration) bool { return v.pending(k.Number) })
		if i < 0 {
			return nil
		}
		next := v.known[i]
		if err := v.impatient(ctx, tx); err != nil {
			return err
		}
		if err := run(ctx, tx, next.Name, next.Up); err != nil {
			return err
		}
		if strings.Contains(next.Up, "CREATE INDEX") {
			if err := v.indexed(ctx, tx); err != nil {
				return err
			}
		}
		when, err := v.note(ctx, tx, next)
		step = &Step{Number: next.Number, Name: next.Name, Applied: when}
		return err
	})
	if err != nil {
		return nil, err
	}
	return step, nil
}

// downOne takes the last applied step back, if its number is above o.To; nil: it is not.
func (m *Migrator) downOne(ctx context.Context, o DownOptions) (step *Step, err error) {
	err = m.locked(ctx, func(tx *transaction, v *view) error {
		if len(v.newer) > 0 {
			return fmt.Errorf("%w: %s", ErrNewer, v.newer[0].Name)
		}
		for _, last := range slices.Backward(v.known) {
			if v.applied[last.Number].IsZero() {
				continue
			}
			if last.Number <= o.To {
				return nil
			}
			if err := v.impatient(ctx, tx); err != nil {
				return err
			}
			if first := v.known[0].Number; o.To < first && !o.Force {
				// Asked before each step, or the table would lose its indexes before it is found to be in use.
				if err := v.empty(ctx, tx, last.Number == first); err != nil {
					return err
				}
			}
			if err := run(ctx, tx, last.Name, last.Down); err != nil {
				return err
			}
			step = &Step{Number: last.Number, Name: last.Name}
			return v.strike(ctx, tx, last)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return step, nil
}

// locked runs do in a transaction that no other migrator of tables of this name runs beside.
func (m *Migrator) locked(ctx context.Context, do func(tx *transaction, v *view) error) error {
	// Read committed, or a statement after the wait for the lock would not see what the one who held it has done.
	return m.transact(ctx, "BEGIN ISOLATION LEVEL READ COMMITTED", func(tx *transaction) error {
		// The key does not tell the schema: whether one that is not named is the same as one that is, is known only later.
		if err := lock(ctx, tx, "table "+m.o.Table); err != nil {
			return err
		}
		v, err := m.look(ctx, tx)
		if err != nil {
			return err
		}
		return do(tx, v)
	})
}

// Close closes the connections, where [OpenMigrator] has opened them. It waits a second at most for what is under way.
func (m *Migrator) Close() error {
	if m.close != nil {
		m.close()
	}
	return nil
}
