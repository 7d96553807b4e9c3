package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/larder-go/larder/dbstore"
	"github.com/larder-go/larder/store"
)

type migrateStep struct {
	Number  int64      `json:"number"`
	Name    string     `json:"name"`    // of the file
	Applied *time.Time `json:"applied"` // null: not applied
	Newer   bool       `json:"newer"`   // a later release has applied it; this one does not know it
}

type migrateResult struct {
	Schema string        `json:"schema"` // where the table is, or will be
	Table  string        `json:"table"`
	Exists bool          `json:"exists"`
	Latest bool          `json:"latest"` // all steps are applied
	Steps  []migrateStep `json:"steps"`
	Done   []migrateStep `json:"done"` // what this run has applied or taken back
}

func migrateResultOf(s *dbstore.MigrationStatus, done []dbstore.Step) migrateResult {
	return migrateResult{s.Schema, s.Table, s.Exists, len(s.Pending()) == 0, migrateSteps(s.Steps), migrateSteps(done)}
}

func migrateSteps(steps []dbstore.Step) []migrateStep {
	shown := make([]migrateStep, len(steps))
	for i, step := range steps {
		shown[i] = migrateStep{step.Number, step.Name, stamp(step.Applied), step.Newer}
	}
	return shown
}

// migrated shows what was done, also what was before an error.
func (a *app) migrated(ctx context.Context, m *dbstore.Migrator, verb string, steps []dbstore.Step, failed error) error {
	if failed != nil && len(steps) == 0 {
		return failed
	}
	var text strings.Builder
	for _, step := range steps {
		fmt.Fprintf(&text, "%s %s\n", verb, quoteUnlessPlain(step.Name))
	}
	s, err := m.Status(ctx)
	if err == nil {
		err = a.summary(migrateResultOf(s, steps), text.String()+standing(s))
		a.noteOnJournal(s)
	} else {
		a.note("%s", strings.TrimSuffix(text.String(), "\n"))
	}
	if failed != nil {
		return failed
	}
	return err
}

// standing says in a line how far the table is.
func standing(s *dbstore.MigrationStatus) string {
	table := quoteUnlessPlain(s.Table) + " in schema " + quoteUnlessPlain(s.Schema)
	switch pending := len(s.Pending()); {
	case pending == 0:
		return table + " is up to date"
	case !s.Exists:
		return table + " is not there"
	default:
		return fmt.Sprintf("%s: %s not applied", table, count(pending, "step", "steps"))
	}
}

func statusText(s *dbstore.MigrationStatus) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "STEP\tNAME\tAPPLIED\n")
	for _, step := range s.Steps {
		applied := "no"
		if !step.Applied.IsZero() {
			applied = step.Applied.UTC().Format(time.DateTime + "Z")
		}
		if step.Newer {
			applied += " by a later release"
		}
		fmt.Fprintf(w, "%d\t%s\t%s\n", step.Number, quoteUnlessPlain(step.Name), applied)
	}
	w.Flush()
	return b.String() + standing(s)
}

// noteOnJournal says what the list of steps does not.
func (a *app) noteOnJournal(s *dbstore.MigrationStatus) {
	last := s.Steps[len(s.Steps)-1]
	switch {
	case last.Newer:
		a.note("a later release of larder has migrated this table; this one works on it all the same")
	case s.Exists && s.Steps[0].Applied.IsZero():
		a.note("the table was made by goose or psql; larder migrate up takes it over")
	}
}

// explainMigration finds the exit code and the advice for what only migrations fail with.
func explainMigration(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, dbstore.ErrHasEntries):
		return &failure{exitError, err, "larder ls lists them; --force drops the table with all of them"}
	case errors.Is(err, dbstore.ErrNewer), errors.Is(err, dbstore.ErrChanged):
		return &failure{exitError, err, "larder version shows which release this is"}
	case errors.Is(err, dbstore.ErrOtherTable):
		return &failure{exitError, err, "name another table, as in --store 'postgres://user@host/db?x-table=NAME'"}
	case errors.Is(err, store.ErrInvalidURL):
		return &failure{exitUsage, err, advicePostgres}
	}
	f := explain(err)
	if f.hint == adviceOfLastResort {
		f.hint = "larder migrate print prints the SQL, for whoever may run it"
	}
	return f
}
