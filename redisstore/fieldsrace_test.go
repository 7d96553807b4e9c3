package redisstore

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/store"
)

// Those who write different fields of one entry at the same time lose nothing of each other.
func TestFieldsWriters(t *testing.T) {
	const writers, rounds = 200, 5
	onBoth(t, func(t *testing.T, c redis.UniversalClient) {
		f, want := openFields(t, c, FieldsOptions{}), make(map[string]string)
		f.mustSet(t, "k", "old", "x")
		var work sync.WaitGroup
		for w := range writers {
			field := fmt.Sprint("field ", w)
			want[field] = fmt.Sprint(w, "/", rounds-1)
			work.Go(func() {
				for r := range rounds {
					if err := f.Set(t.Context(), "k", field, fmt.Append(nil, w, "/", r)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		work.Go(func() {
			if err := f.Delete(t.Context(), "k", "old"); err != nil {
				t.Error(err)
			}
		})
		work.Wait()
		f.wants(t, "k", want)
	})
}

// Remove is final for what is in flight: whatever Set, Delete, Touch or read meets it, no part of the entry is there afterwards.
func TestFieldsRemoveRaces(t *testing.T) {
	const races, workers = 1000, 10
	onBoth(t, func(t *testing.T, c redis.UniversalClient) {
		f, ctx := openFields(t, c, FieldsOptions{Expiry: store.Expiry{Timeout: 3600e9, TouchAfter: -1}}), t.Context()
		race := func(key string) {
			born, err := f.Create(ctx, key, map[string][]byte{"a": []byte("1"), "b": []byte("2")})
			if err != nil {
				t.Error(err)
			}
			var work sync.WaitGroup
			for _, call := range []func() error{
				func() error { return f.Set(ctx, key, "a", []byte("late")) },
				func() error { return f.Set(ctx, key, "c", []byte("late")) },
				func() error { return f.Save(ctx, key, born, map[string][]byte{"d": nil}, "a") },
				func() error { return f.Delete(ctx, key, "b") },
				func() error { return f.Touch(ctx, key) },
				func() error { _, err := f.All(ctx, key); return err },
				func() error { return f.Remove(ctx, key) },
			} {
				work.Go(func() {
					if err := call(); err != nil && err != store.ErrNotFound && !errors.Is(err, store.ErrConflict) {
						t.Error(err)
					}
				})
			}
			work.Wait()
			hash, err := c.HGetAll(ctx, f.prefix+key).Result()
			if err != nil || len(hash) != 1 || hash[markerName][:2] != markerGone {
				t.Errorf("after Remove there is %q, %v", hash, err)
			}
			f.wants(t, key, nil)
		}
		var work sync.WaitGroup
		for w := range workers {
			work.Go(func() {
				for i := range races / workers {
					race(fmt.Sprint(w, "/", i))
				}
			})
		}
		work.Wait()
		if n := len(f.lifetimes(t)); n != races {
			t.Errorf("%d keys are left of %d", n, races)
		}
	})
}

// Of those who create one entry, one does.
func TestFieldsCreateRaces(t *testing.T) {
	const creators = 20
	onBoth(t, func(t *testing.T, c redis.UniversalClient) {
		f := openFields(t, c, FieldsOptions{})
		for round := range 20 {
			key := fmt.Sprint(round)
			if err := f.Remove(t.Context(), key); err != nil {
				t.Fatal(err)
			}
			won := make(chan store.Version, creators)
			var work sync.WaitGroup
			for w := range creators {
				work.Go(func() {
					born, err := f.Create(t.Context(), key, map[string][]byte{fmt.Sprint(w): nil})
					if err == nil {
						won <- born
					} else if !errors.Is(err, store.ErrConflict) {
						t.Error(err)
					}
				})
			}
			work.Wait()
			close(won)
			all, born, err := f.Load(t.Context(), key)
			if err != nil || len(won) != 1 || len(all) != 1 || born != <-won {
				t.Fatalf("%d have created; %d fields, %v", len(won), len(all), err)
			}
		}
	})
}
