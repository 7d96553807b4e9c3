package dbstore

import (
	"context"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/larder-go/larder/store"
)

// OpenMigrator opens a Migrator by the URL of a store, for the command and its like: x-table and x-schema name the table. Other parameters
// of a store are not looked at. The caller closes it.
func OpenMigrator(ctx context.Context, u *url.URL) (*Migrator, error) {
	o, err := migratorOptions(u)
	if err != nil {
		return nil, store.Wrap("dbstore", "open", err)
	}
	stripped := *u
	query := u.Query()
	for name := range query {
		if strings.HasPrefix(name, "x-") {
			query.Del(name)
		}
	}
	stripped.RawQuery = query.Encode()
	cfg, err := pgxpool.ParseConfig(stripped.String())
	if err != nil {
		return nil, store.Wrap("dbstore", "open", store.ErrInvalidURL)
	}
	cfg.MaxConns, cfg.MinConns = 1, 0
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, migrateError("open", err)
	}
	m, err := NewMigrator(pool, o)
	if err != nil {
		pool.Close()
		return nil, err
	}
	m.close = pool.Close
	return m, nil
}

// MigratorOptionsOf reads x-table and x-schema.
func migratorOptions(u *url.URL) (*MigratorOptions, error) {
	p := store.NewParams(u)
	o := &MigratorOptions{Schema: p.String("x-schema"), Table: p.String("x-table")}
	return o, nil
}
