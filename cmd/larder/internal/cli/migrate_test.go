package cli

import (
	"bytes"
	"context"
	"crypto/rand"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/larder-go/larder/internal/testserver"
)

// TestMigrateScripts runs the scripts of larder migrate. $PG is a Postgres store in a schema that is not there yet, $SERVER the server's
// URL without parameters, $SCHEMA the parameter that names the schema.
func TestMigrateScripts(t *testing.T) {
	server := testserver.Postgres(t).URL
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/migrate",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			schema := "cli " + rand.Text()[:8]
			e.Defer(func() {
				if err := query(server, "DROP SCHEMA IF EXISTS "+pgx.Identifier{schema}.Sanitize()+" CASCADE"); err != nil {
					t.Log(err)
				}
			})
			e.Setenv("SERVER", server)
			e.Setenv("SCHEMA", "x-schema="+url.QueryEscape(schema))
			e.Setenv("PG", server+"?x-schema="+url.QueryEscape(schema))
			e.Setenv("SCHEMANAME", schema)
			e.Setenv("GORACE", "atexit_sleep_ms=0")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "sql": func(ts *testscript.TestScript, neg bool, args []string) {
			// sql STATEMENTS runs them in $SCHEMANAME; sql -f FILE those of a file.
			text := strings.Join(args, " ")
			if args[0] == "-f" {
				text = ts.ReadFile(args[1])
			}
			err := query(server, "SET search_path TO "+pgx.Identifier{ts.Getenv("SCHEMANAME")}.Sanitize()+";"+text)
			if neg != (err != nil) {
				ts.Fatalf("sql: %v", err)
			}
		}},
	})
}

func query(server, sql string) error {
	ctx := context.Background()
	c, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	_, err = c.PgConn().Exec(ctx, sql).ReadAll()
	return err
}

// TestMigrateManual: the fields of what larder migrate prints are written down, and its help fits a terminal.
func TestMigrateManual(t *testing.T) {
	_, sections := manual(t)
	for _, result := range []any{migrateResult{}, migratePrintResult{}} {
		for _, name := range fields(reflect.TypeOf(result)) {
			if !strings.Contains(sections["larder migrate"], "`"+name+"`") {
				t.Errorf("the manual does not name the field %q", name)
			}
		}
	}
	for _, args := range [][]string{{"migrate"}, {"migrate", "up"}, {"migrate", "down"}, {"migrate", "status"}, {"migrate", "print"}} {
		var out, errs bytes.Buffer
		code := Run(t.Context(), append(args, "--help"), strings.NewReader(""), &out, &errs, func(string) string { return "" })
		if code != exitDone || errs.Len() > 0 || !strings.Contains(out.String(), "\nExit codes:\n") || !strings.Contains(out.String(), "\nExamples:\n") {
			t.Errorf("%q: %d, %s%s", args, code, &out, &errs)
		}
		for line := range strings.Lines(out.String()) {
			if len([]rune(line)) > 85 {
				t.Errorf("%q: a line of %d columns: %s", args, len([]rune(line)), line)
			}
		}
	}
}

func TestMigrateInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, command := range []string{"up", "down", "status"} {
		var out, errs bytes.Buffer
		env := func(name string) string { return map[string]string{envStore: testserver.Postgres(t).URL}[name] }
		code := Run(ctx, []string{"migrate", command}, strings.NewReader(""), &out, &errs, env)
		if code != exitInterrupted || out.Len() > 0 || !strings.HasPrefix(errs.String(), "larder: interrupted\n") {
			t.Errorf("%s: %d, %s%s", command, code, &out, &errs)
		}
	}
}
