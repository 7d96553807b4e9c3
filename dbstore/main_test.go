package dbstore

import (
	"context"
	"crypto/rand"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"github.com/larder-go/larder/internal/testserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testserver.With(m)) }

// newPool opens a pool that ends with t. Its server may be unreachable by then.
func newPool(t testing.TB, rawURL string, change ...func(*pgxpool.Config)) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns = 8
	for _, f := range change {
		f(config)
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// newSchema makes a schema with the table of Options.Table in it, which goes with t, and returns its name.
func newSchema(t testing.TB, rawURL string, table string) string {
	t.Helper()
	schema := "T " + rand.Text()[:8]
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	pool := newPool(t, rawURL)
	m, err := NewMigrator(pool, &MigratorOptions{Schema: schema, Table: table})
	if err == nil {
		_, err = m.Up(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := pool.Exec(context.Background(), "DROP SCHEMA "+pgx.Identifier{schema}.Sanitize()+" CASCADE"); err != nil {
			t.Log(err)
		}
	})
	return schema
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
	own := *o
	if own.Schema == "" {
		own.Schema = newSchema(t, rawURL, own.Table)
	}
	s, err := New(newPool(t, rawURL, change...), &own)
	if err != nil {
		t.Fatal(err)
	}
	return s
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
