package redisstore

import (
	"errors"
	"hash/crc32"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/internal/record"
	"github.com/larder-go/larder/store"
)

// What Fields did not write is ErrCorrupt for everybody, is left as it is, and is replaced by Remove alone.
func TestFieldsForeign(t *testing.T) {
	for name, write := range map[string]func(c redis.UniversalClient, id string) redis.Cmder{
		"string": func(c redis.UniversalClient, id string) redis.Cmder { return c.Set(t.Context(), id, "x", 0) },
		"list":   func(c redis.UniversalClient, id string) redis.Cmder { return c.RPush(t.Context(), id, "x") },
		"hash":   func(c redis.UniversalClient, id string) redis.Cmder { return c.HSet(t.Context(), id, "f", "value") },
		"hash without the field": func(c redis.UniversalClient, id string) redis.Cmder {
			return c.HSet(t.Context(), id, "g", "value")
		},
		"short marker": func(c redis.UniversalClient, id string) redis.Cmder { return c.HSet(t.Context(), id, markerName, "F1") },
		"unknown marker": func(c redis.UniversalClient, id string) redis.Cmder {
			return c.HSet(t.Context(), id, markerName, marker("k", "F2", record.NewVersion()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, c redis.UniversalClient) {
				f, ctx := openFields(t, c, FieldsOptions{}), t.Context()
				id := f.prefix + "k"
				if err := write(c, id).Err(); err != nil {
					t.Fatal(err)
				}
				before := c.Dump(ctx, id).Val()
				for _, call := range everyCall(f) {
					switch err := call.do(ctx); {
					case call.name == "remove":
						if err != nil {
							t.Error(err)
						}
					case !errors.Is(err, store.ErrCorrupt):
						t.Errorf("%s: %v", call.name, err)
					case c.Dump(ctx, id).Val() != before || before == "":
						t.Fatalf("%s has changed it", call.name)
					}
				}
				f.wants(t, "k", nil)
			})
		})
	}
}

// A field whose bytes are not what was written, or were written for another field or entry, is ErrCorrupt; Set and Delete put it right.
func TestFieldsDamaged(t *testing.T) {
	onBoth(t, func(t *testing.T, c redis.UniversalClient) {
		f, ctx := openFields(t, c, FieldsOptions{}), t.Context()
		for name, stored := range map[string][]byte{"no check": []byte("abc"), "other value": append(sealed("k", "f", "value"), 'x'),
			"other field": sealed("k", "g", "value"), "other entry": sealed("l", "f", "value"), "names run together": sealed("kf", "", "value")} {
			f.mustSet(t, "k", "other", "1")
			if err := c.HSet(ctx, f.prefix+"k", "f", stored).Err(); err != nil {
				t.Fatal(err)
			}
			if _, err := f.Get(ctx, "k", "f"); !errors.Is(err, store.ErrCorrupt) {
				t.Errorf("%s: Get: %v", name, err)
			}
			if _, err := f.All(ctx, "k"); !errors.Is(err, store.ErrCorrupt) {
				t.Errorf("%s: All: %v", name, err)
			}
			if name == "no check" {
				f.mustSet(t, "k", "f", "new")
				f.wants(t, "k", map[string]string{"f": "new", "other": "1"})
			}
			if err := f.Delete(ctx, "k", "f"); err != nil {
				t.Error(err)
			}
		}
		f.wants(t, "k", map[string]string{"other": "1"})

		// The hash of another entry, found under this key.
		hash, err := c.HGetAll(ctx, f.prefix+"k").Result()
		if err != nil {
			t.Fatal(err)
		}
		f.mustSet(t, "l", "f", "1")
		if err := c.HSet(ctx, f.prefix+"l", hash).Err(); err != nil {
			t.Fatal(err)
		}
		for _, call := range []func() error{
			func() error { _, err := f.All(ctx, "l"); return err },
			func() error { _, err := f.Contains(ctx, "l"); return err },
			func() error { _, err := f.Get(ctx, "l", "other"); return err },
		} {
			if err := call(); !errors.Is(err, store.ErrCorrupt) {
				t.Error(err)
			}
		}
	})
}

func TestFieldsCheck(t *testing.T) {
	for _, names := range [][2]string{{"k", "f"}, {"", ""}, {"a long key with ä", "a field"}} {
		whole := names[0] + "\x00" + names[1] + "\x00" + "value"
		if got, want := check(names[0], names[1], []byte("value")), crc32.Checksum([]byte(whole), castagnoli); got != want {
			t.Errorf("%q: %08x, want %08x", whole, got, want)
		}
	}
}
