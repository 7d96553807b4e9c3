package dbstore

import (
	"cmp"
	"context"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/larder-go/larder/migrations"
	"github.com/larder-go/larder/store"
)

// OpenMigrator makes a Migrator for the table that a store's URL names by x-table and x-schema. It takes every URL that [OpenURL] takes, and
// asks the server nothing yet. The caller closes it.
func OpenMigrator(ctx context.Context, u *url.URL) (*Migrator, error) {
	ours, config, err := splitURL(u)
	if err != nil {
		return nil, store.Wrap("dbstore", "open", err)
	}
	p := store.NewParams(ours)
	o := &MigratorOptions{Schema: p.String("x-schema"), Table: p.String("x-table")}
	// What a store reads besides is read too, and not used: else it would be unknown.
	p.Expiry()
	p.Int("x-max-value")
	wait := cmp.Or(p.Duration("x-op-timeout"), defaultOpTimeout)
	if err := p.Done(); err != nil {
		return nil, store.Wrap("dbstore", "open", err)
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = max(wait, defaultOpTimeout)
	}
	if _, err := NewMigrator(nil, o); err != nil {
		return nil, fmt.Errorf("%w: %w", err, store.ErrInvalidURL)
	}
	var sockets sockets
	config.ConnConfig.DialFunc = sockets.watch(config.ConnConfig.DialFunc)
	config.MaxConns, config.MinConns, config.MinIdleConns = 1, 0, 0
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, migrateError(ctx, "open", err)
	}
	m, err := NewMigrator(pool, o)
	if err != nil {
		pool.Close()
		return nil, err
	}
	m.wait = wait
	m.close = func() { sockets.closePool(pool) }
	return m, nil
}

// Script returns the SQL that Up would run on a server without the table, or that Down would at most, as [migrations.Script] does. It asks
// the server nothing.
func (m *Migrator) Script(down bool) (string, error) {
	return migrations.Script(m.o.Schema, m.o.Table, down)
}
