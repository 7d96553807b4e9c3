package cli

import (
	"context"
	"errors"
	"net/url"

	"github.com/larder-go/larder/dbstore"
	"github.com/larder-go/larder/store"
	"github.com/spf13/cobra"
)

func (a *app) migrateCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "migrate",
		Short: "Make and change the table of a Postgres store",
		Long: "Make and change the table of a Postgres store. The steps are numbered files, each\n" +
			"applied in one transaction and noted in a table beside the store's, called as that\n" +
			"is with _migrations behind it. Any number of migrators may run at once, and one\n" +
			"that was killed is run again. The URL's x-table and x-schema name another table.",
		Example: "  larder migrate up --store postgres://user@host/db\n" +
			"  larder migrate status\n" +
			"  larder migrate print | psql -X -v ON_ERROR_STOP=1 postgres://user@host/db",
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			const list = "there are: larder migrate up, down, status, print"
			if len(args) == 0 {
				return usage(list, "what to do is missing")
			}
			return usage(list, "larder migrate has no command %q", store.Redact(args[0]))
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	c.AddCommand(a.migrateUpCommand(), a.migrateDownCommand(), a.migrateStatusCommand(), a.migratePrintCommand())
	return c
}

func (a *app) migrateUpCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "up",
		Short: "Apply the steps that are not applied yet",
		Long: "Apply the steps that are not applied yet, and make the schema that x-schema names,\n" +
			"where it is missing. The role needs CREATE on the schema and must own the table;\n" +
			"where all is applied, it needs nothing but to read. A table that goose or psql has\n" +
			"made is taken over.",
		Example: "  larder migrate up --store postgres://user@host/db\n" +
			"  larder migrate up --store 'postgres://user@host/db?x-schema=app&x-table=sessions'",
		Args: takesNone("it goes up to the latest step"),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.withMigrator(c, func(ctx context.Context, m *dbstore.Migrator) error {
				steps, err := m.Up(ctx)
				return a.migrated(ctx, m, "applied", steps, err)
			})
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	return a.exits.add(c, exitError)
}

func (a *app) migrateDownCommand() *cobra.Command {
	var to int64
	var force bool
	c := &cobra.Command{
		Use:   "down",
		Short: "Take back the last step, or all above a number",
		Long: "Take back the last step, or with --to all steps above that number; --to 0 drops the\n" +
			"table. One that holds entries is dropped with --force only.",
		Example: "  larder migrate down\n" +
			"  larder migrate down --to 0 --force",
		Args: takesNone("--to N says how far"),
		RunE: func(c *cobra.Command, _ []string) error {
			if to < 0 {
				return usage("larder migrate status shows the numbers", "--to %d: it must not be less than zero", to)
			}
			return a.withMigrator(c, func(ctx context.Context, m *dbstore.Migrator) error {
				if !c.Flags().Changed("to") {
					s, err := m.Status(ctx)
					if err != nil {
						return err
					}
					to = beforeLast(s.Steps)
				}
				steps, err := m.Down(ctx, dbstore.DownOptions{To: to, Force: force})
				return a.migrated(ctx, m, "took back", steps, err)
			})
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	c.Flags().Int64Var(&to, "to", 0, "take back all steps above number `N`")
	c.Flags().BoolVar(&force, "force", false, "drop the table although it holds entries")
	return a.exits.add(c, exitError)
}

// beforeLast is the number of the step before the last applied one, 0 if there is none. The one before may be pending again.
func beforeLast(steps []dbstore.Step) (to int64) {
	before := int64(0)
	for _, step := range steps {
		if !step.Applied.IsZero() {
			to = before
		}
		before = step.Number
	}
	return to
}

func (a *app) migrateStatusCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "status",
		Short: "Show which steps are applied",
		Long:  "Show which steps are applied, and when they were. Nothing is changed.",
		Example: "  larder migrate status\n" +
			"  larder migrate status --json | jq .latest",
		Args: takesNone("leave them out"),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.withMigrator(c, func(ctx context.Context, m *dbstore.Migrator) error {
				s, err := m.Status(ctx)
				if err != nil {
					return err
				}
				if err := a.result(migrateResultOf(s, nil), statusText(s)); err != nil {
					return err
				}
				a.noteOnJournal(s)
				return nil
			})
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	return a.exits.add(c, exitError)
}

// withMigrator runs do on the table that the store's URL names.
func (a *app) withMigrator(c *cobra.Command, do func(ctx context.Context, m *dbstore.Migrator) error) error {
	u, err := a.postgresURL(c.Context(), c.Flags().Changed(storeFlag))
	if err != nil {
		return err
	}
	m, err := dbstore.OpenMigrator(c.Context(), u)
	if err != nil {
		return explainMigration(err)
	}
	defer m.Close()
	defer a.progress(func() string { return "migrating" }).stop()
	return explainMigration(do(c.Context(), m))
}

const advicePostgres = "name a Postgres store: --store postgres://user@host/db"

// postgresURL reads the store's URL as Mux does.
func (a *app) postgresURL(ctx context.Context, flagGiven bool) (u *url.URL, err error) {
	rawURL, from, err := a.storeURL(flagGiven)
	if err != nil {
		return nil, err
	}
	a.secret = rawURL
	read := make(store.Mux, len(a.mux))
	for scheme := range a.mux {
		read[scheme] = func(context.Context, *url.URL) (store.Closer, error) { return nil, errors.ErrUnsupported }
	}
	for _, scheme := range []string{"postgres", "postgresql", "postgres+unix"} {
		read[scheme] = func(_ context.Context, found *url.URL) (store.Closer, error) {
			u = found
			return nil, nil
		}
	}
	switch _, err := read.Open(ctx, rawURL); {
	case errors.Is(err, errors.ErrUnsupported):
		return nil, usage(advicePostgres, "only Postgres stores have a table to migrate, and the URL (%s) is %s", from, store.Redact(rawURL))
	case err != nil:
		return nil, &failure{exitUsage, err, advicePostgres}
	default:
		return u, nil
	}
}
