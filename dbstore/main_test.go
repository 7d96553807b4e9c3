package dbstore

import (
	"cmp"
	"context"
	"crypto/rand"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/migrations"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testserver.With(m)) }

func poolConfig(t testing.TB, rawURL string, change []func(*pgxpool.Config)) *pgxpool.Config {
	t.Helper()
	config, err := pgxpool.ParseConfig(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns = 8
	for _, f := range change {
		f(config)
	}
	return config
}

// newPool opens a pool that ends with t. Its server may be unreachable by then.
func newPool(t testing.TB, rawURL string, change ...func(*pgxpool.Config)) *pgxpool.Pool {
	t.Helper()
	config := poolConfig(t, rawURL, change)
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// lab makes tables on one server, by copying one that was migrated: that is much faster.
type lab struct {
	url      string
	admin    *pgxpool.Pool
	template string
}

func newLab(t testing.TB, rawURL string) *lab {
	t.Helper()
	l := &lab{url: rawURL, admin: newPool(t, rawURL), template: "Template " + rand.Text()[:8]}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	m, err := NewMigrator(l.admin, &MigratorOptions{Schema: l.template})
	if err == nil {
		_, err = m.Up(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.run(t, "DROP SCHEMA "+quote(l.template)+" CASCADE") })
	return l
}

// run runs statements. A server that a test has stopped for good is no reason to fail.
func (l *lab) run(t testing.TB, sql string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if _, err := l.admin.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Log(err)
	}
}

// schema makes a schema with a table of this name in it, which goes with t, and returns its name.
func (l *lab) schema(t testing.TB, table string) string {
	t.Helper()
	schema := "T " + rand.Text()[:8]
	l.run(t, "CREATE SCHEMA "+quote(schema)+"; CREATE TABLE "+quote(schema, cmp.Or(table, migrations.DefaultTable))+
		" (LIKE "+quote(l.template, migrations.DefaultTable)+" INCLUDING ALL)")
	t.Cleanup(func() { l.run(t, "DROP SCHEMA "+quote(schema)+" CASCADE") })
	return schema
}

// store opens a store in a schema of its own, by way of rawURL.
func (l *lab) store(t testing.TB, rawURL string, o Options, change ...func(*pgxpool.Config)) *Store {
	t.Helper()
	o.Schema = l.schema(t, o.Table)
	return openStore(t, rawURL, o, change...)
}

func openStore(t testing.TB, rawURL string, o Options, change ...func(*pgxpool.Config)) *Store {
	t.Helper()
	s, err := New(newPool(t, rawURL, change...), &o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// openOwn opens a store with a pool of its own, as OpenURL does, which ends with t.
func openOwn(t testing.TB, rawURL string, o Options, change ...func(*pgxpool.Config)) *Store {
	t.Helper()
	config := poolConfig(t, rawURL, change)
	pool, err := openPool(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.close)
	s, err := newStore(pool, config, &o)
	if err != nil {
		t.Fatal(err)
	}
	s.own = pool
	return s
}

// opener is openStore or openOwn.
type opener func(t testing.TB, rawURL string, o Options, change ...func(*pgxpool.Config)) *Store

// pooled is the pool that a test has given to a store or a migrator.
func pooled(l lender) *pgxpool.Pool { return l.(given).Pool }

func quote(name ...string) string { return pgx.Identifier(name).Sanitize() }

// newSchema makes a schema with a migrated table in it, which goes with t, and returns its name.
func newSchema(t testing.TB, rawURL, table string) string {
	t.Helper()
	return newLab(t, rawURL).schema(t, table)
}

// newTestStore opens a store in a schema of its own, on the shared server.
func newTestStore(t testing.TB, o *Options) *Store {
	t.Helper()
	return newStoreAt(t, testserver.Postgres(t).URL, o)
}

func newStoreAt(t testing.TB, rawURL string, o *Options, change ...func(*pgxpool.Config)) *Store {
	t.Helper()
	if o == nil {
		o = &Options{}
	}
	return newLab(t, rawURL).store(t, rawURL, *o, change...)
}

// through is a URL with another host.
func through(t testing.TB, rawURL, addr string) string {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = addr
	return u.String()
}
