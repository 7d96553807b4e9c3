package dbstore

import (
	"cmp"
	"context"
	"fmt"
	"net/url"

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
	m, err := migratorOn(nil, o)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, store.ErrInvalidURL)
	}
	config.MaxConns, config.MinConns, config.MinIdleConns = 1, 0, 0
	pool, err := openPool(config)
	if err != nil {
		return nil, store.Wrap("dbstore", "open", err)
	}
	m.pool, m.wait, m.close = pool, wait, pool.close
	return m, nil
}

// Script returns the SQL that Up would run on a server without the table, or that Down would at most, as [migrations.Script] does. It asks
// the server nothing.
func (m *Migrator) Script(down bool) (string, error) {
	return migrations.Script(m.o.Schema, m.o.Table, down)
}
