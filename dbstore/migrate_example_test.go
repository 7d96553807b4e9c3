package dbstore_test

import (
	"context"
	"fmt"
	"log"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/larder-go/larder/dbstore"
)

// A program that makes its table itself, at its start: any number of them may do so at once.
func ExampleMigrate() {
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, "postgres://app@localhost/app")
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	if err := dbstore.Migrate(ctx, pool); err != nil {
		log.Fatal(err)
	}
	s, err := dbstore.New(pool, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
}

// A table of another name, in a schema that is made where it is missing.
func ExampleMigrator() {
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, "postgres://owner@localhost/app")
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	m, err := dbstore.NewMigrator(pool, &dbstore.MigratorOptions{Schema: "web", Table: "sessions"})
	if err != nil {
		log.Fatal(err)
	}
	applied, err := m.Up(ctx)
	for _, step := range applied {
		fmt.Println("applied", step.Name)
	}
	if err != nil {
		log.Fatal(err)
	}
}
