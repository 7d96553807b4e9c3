package redisstore_test

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/redisstore"
	"github.com/larder-go/larder/store"
)

// Two requests of one visitor write different fields at the same time; neither undoes what the other did.
func ExampleFields() {
	client := redis.NewClient(&redis.Options{Addr: "localhost:6379"})
	defer client.Close()
	fields, err := redisstore.NewFields(client, &redisstore.FieldsOptions{Expiry: store.Expiry{Timeout: 30 * time.Minute}})
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	if _, err := fields.Create(ctx, "visitor", map[string][]byte{"user": []byte("ann")}); err != nil {
		panic(err)
	}
	if err := fields.Set(ctx, "visitor", "cart", []byte("3 apples")); err != nil {
		panic(err)
	}
	if err := fields.Remove(ctx, "visitor"); err != nil { // logged out
		panic(err)
	}
	if err := fields.Set(ctx, "visitor", "cart", []byte("4 apples")); errors.Is(err, store.ErrConflict) {
		return // a request that was late: nothing of the session comes back
	}
}

// Who has read an entry before writing names the life of it, and so never writes to another that has its key by then.
func ExampleFields_Save() {
	client := redis.NewClient(&redis.Options{Addr: "localhost:6379"})
	defer client.Close()
	fields, err := redisstore.NewFields(client, &redisstore.FieldsOptions{Expiry: store.Expiry{Timeout: 30 * time.Minute}})
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	all, life, err := fields.Load(ctx, "visitor")
	if err != nil {
		panic(err)
	}
	visits := append(all["visits"], '|')
	err = fields.Save(ctx, "visitor", life, map[string][]byte{"visits": visits}, "flash")
	if errors.Is(err, store.ErrConflict) {
		return // it has expired or was removed since
	}
}
