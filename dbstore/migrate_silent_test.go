package dbstore

import (
	"context"
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// TestMigrateSilentServer: of a server that does not answer any more, all calls and Close take leave in time.
func TestMigrateSilentServer(t *testing.T) {
	server := testserver.Postgres(t)
	made := newMigrator(t, "")
	mustUp(t, made, len(steps(t)))
	for name, do := range map[string]func(ctx context.Context, m *Migrator) error{
		"status": func(ctx context.Context, m *Migrator) error { _, err := m.Status(ctx); return err },
		"up":     func(ctx context.Context, m *Migrator) error { _, err := m.Up(ctx); return err },
		"down":   func(ctx context.Context, m *Migrator) error { _, err := m.Down(ctx, DownOptions{}); return err },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they wait
			proxy := testserver.NewProxy(t, server.Addr)
			u, err := url.Parse(through(t, server.URL, proxy.Addr) + "?x-op-timeout=2s&x-schema=" + url.QueryEscape(made.o.Schema))
			if err != nil {
				t.Fatal(err)
			}
			m, err := OpenMigrator(t.Context(), u)
			if err != nil {
				t.Fatal(err)
			}
			mustUp(t, m, 0)
			proxy.HalfOpen()
			begun := time.Now()
			err = do(t.Context(), m)
			refused(t, err, store.ErrUnavailable, "x-op-timeout")
			if !errors.Is(err, errNoAnswer) {
				t.Error(err)
			}
			if err := m.Close(); err != nil {
				t.Error(err)
			}
			if took := time.Since(begun); took > 8*time.Second {
				t.Errorf("the call and Close took %v", took)
			}
		})
	}
}

// TestMigrateForeignNames: what is wrong with a name that the server says, or with the journal, is not the server's being unavailable.
func TestMigrateForeignNames(t *testing.T) {
	m := newMigrator(t, "")
	m.o.Schema += "\n"
	t.Cleanup(func() {
		must(t, newPool(t, testserver.Postgres(t).URL), "DROP SCHEMA IF EXISTS "+pgx.Identifier{m.o.Schema}.Sanitize()+" CASCADE")
	})
	must(t, pooled(m.pool), "CREATE SCHEMA "+pgx.Identifier{m.o.Schema}.Sanitize())
	found := migratorIn(t, newPool(t, testserver.Postgres(t).URL, searchPath(m.o.Schema)), "", "")
	_, err := found.Up(t.Context())
	refused(t, err, nil, "the name of the schema has control characters", "x-schema")
	if errors.Is(err, store.ErrUnavailable) {
		t.Errorf("unavailable: %v", err)
	}

	other := newMigrator(t, "")
	mustUp(t, other, len(steps(t)))
	must(t, pooled(other.pool), "ALTER TABLE "+other.journalName()+" ALTER COLUMN number TYPE text")
	_, err = other.Status(t.Context())
	refused(t, err, ErrOtherTable, "which should be the journal")
	if errors.Is(err, store.ErrUnavailable) {
		t.Errorf("unavailable: %v", err)
	}
}
