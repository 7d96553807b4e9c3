package cli

import (
	"context"
	"strings"

	"github.com/larder-go/larder/dbstore"
	"github.com/larder-go/larder/migrations"
	"github.com/spf13/cobra"
)

type migratePrintResult struct {
	SQL string `json:"sql"`
}

func (a *app) migratePrintCommand() *cobra.Command {
	var down bool
	c := &cobra.Command{
		Use:   "print",
		Short: "Print the SQL of all steps, for psql",
		Long: "Print the SQL of all steps in one transaction, for psql. No server is asked. Without\n" +
			"--store and LARDER_STORE it is for the default table. What is there already stays\n" +
			"as it is; larder migrate up takes over a table that psql has made. ON_ERROR_STOP has\n" +
			"psql end with an error where a statement fails; nothing is done then in any case.",
		Example: "  larder migrate print | psql -X -v ON_ERROR_STOP=1 postgres://owner@host/db\n" +
			"  larder migrate print --store 'postgres:///?x-schema=app&x-table=sessions'",
		Args: takesNone("it prints all steps"),
		RunE: func(c *cobra.Command, _ []string) error {
			sql, err := a.migrationScript(c, down)
			if err != nil {
				return err
			}
			return a.result(migratePrintResult{sql}, strings.TrimSuffix(sql, "\n"))
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	c.Flags().BoolVar(&down, "down", false, "print what takes the steps back: it drops the table with all entries")
	return a.exits.add(c)
}

func (a *app) migrationScript(c *cobra.Command, down bool) (sql string, err error) {
	given := c.Flags().Changed(storeFlag)
	if !given && a.env(envStore) == "" && a.env(envStoreFile) == "" {
		return migrations.Script("", "", down)
	}
	err = a.withMigrator(c, func(_ context.Context, m *dbstore.Migrator) error {
		sql, err = m.Script(down)
		return err
	})
	return sql, err
}
