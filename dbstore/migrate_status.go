package dbstore

import (
	"context"
	"time"
)

// Step is a migration and whether it is applied.
type Step struct {
	Number  int64
	Name    string    // of its file
	Applied time.Time // zero: not applied, or an index that it made is gone
	Newer   bool      // applied by a later release: this one does not know it
}

// MigrationStatus is how far a table is migrated.
type MigrationStatus struct {
	Schema string // where the table is, or will be
	Table  string
	Exists bool   // there is such a table: perhaps made by goose or psql, where no step is applied
	Steps  []Step // by number
}

// Pending returns the steps that Up would apply.
func (s *MigrationStatus) Pending() (steps []Step) {
	for _, step := range s.Steps {
		if step.Applied.IsZero() {
			steps = append(steps, step)
		}
	}
	return steps
}

// Status asks how far the table is migrated. It changes nothing, waits for no other migrator, and needs the right to read the journal.
func (m *Migrator) Status(ctx context.Context) (*MigrationStatus, error) {
	s, err := m.status(ctx)
	if err != nil {
		return nil, migrateError(ctx, "status", err)
	}
	return s, nil
}

func (m *Migrator) status(ctx context.Context) (*MigrationStatus, error) {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, m.wait)
		defer cancel()
	}
	for tries := 1; ; tries++ {
		var v *view
		err := m.transact(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", func(tx *transaction) (err error) {
			v, err = m.look(ctx, tx)
			return err
		})
		if err == nil {
			return v.status(), nil
		}
		// A journal that is dropped while we look was there a moment ago, and is not now.
		if sqlState(err) != undefinedTable || tries == 3 {
			return nil, err
		}
	}
}

func (v *view) status() *MigrationStatus {
	s := &MigrationStatus{Schema: v.schema, Table: v.table, Exists: v.hasTable}
	for _, k := range v.known {
		step := Step{Number: k.Number, Name: k.Name}
		if !v.pending(k.Number) {
			step.Applied = v.applied[k.Number]
		}
		s.Steps = append(s.Steps, step)
	}
	s.Steps = append(s.Steps, v.newer...)
	return s
}
