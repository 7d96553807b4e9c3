package redisstore

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/store"
)

// openFields returns Fields under a prefix of their own. At the end of the test every key below it must have an expiry.
func openFields(t testing.TB, c redis.UniversalClient, o FieldsOptions) *Fields {
	t.Helper()
	if o.Timeout == 0 {
		o.Timeout = time.Hour
	}
	o.Prefix = fmt.Sprintf("t%d:", nextPrefix.Add(1))
	f, err := NewFields(c, &o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for key, left := range f.lifetimes(t) {
			if left < 0 || left > time.Duration(max(f.lifetime, f.tombstone))*time.Millisecond {
				t.Errorf("the hash %q expires in %v", key, left)
			}
		}
	})
	return f
}

// lifetimes returns what PTTL says of all keys below the prefix of f.
func (f *Fields) lifetimes(t testing.TB) map[string]time.Duration {
	t.Helper()
	ctx, lifetimes := context.Background(), make(map[string]time.Duration)
	scan := func(ctx context.Context, c redis.UniversalClient) error {
		keys := c.Scan(ctx, 0, f.prefix+"*", 1000).Iterator()
		for keys.Next(ctx) {
			left, err := c.PTTL(ctx, keys.Val()).Result()
			if err != nil {
				return err
			}
			if left != nothing {
				lifetimes[keys.Val()] = left
			}
		}
		return keys.Err()
	}
	var err error
	if cluster, ok := f.link.client.(*redis.ClusterClient); ok {
		each := make(chan struct{}, 1) // the masters one by one
		err = cluster.ForEachMaster(ctx, func(ctx context.Context, c *redis.Client) error {
			each <- struct{}{}
			defer func() { <-each }()
			return scan(ctx, c)
		})
	} else {
		err = scan(ctx, f.link.client)
	}
	if err != nil {
		t.Error(err)
	}
	return lifetimes
}

func (f *Fields) mustSet(t testing.TB, key, field, value string) {
	t.Helper()
	if err := f.Set(t.Context(), key, field, []byte(value)); err != nil {
		t.Fatal(err)
	}
}

// wants compares the entry under key with fields and values in turn; none at all stands for an absent entry.
func (f *Fields) wants(t testing.TB, key string, want map[string]string) {
	t.Helper()
	all, err := f.All(t.Context(), key)
	found, cerr := f.Contains(t.Context(), key)
	if cerr != nil || found != (want != nil) {
		t.Errorf("Contains: %v, %v", found, cerr)
	}
	if want == nil {
		if err != store.ErrNotFound || all != nil {
			t.Errorf("All of an absent entry: %d fields, %v", len(all), err)
		}
		return
	}
	if err != nil || len(all) != len(want) {
		t.Errorf("%d fields, %v, want %d", len(all), err, len(want))
	}
	for field, value := range want {
		if got, err := f.Get(t.Context(), key, field); string(got) != value || err != nil || string(all[field]) != value || all[field] == nil || got == nil {
			t.Errorf("Get: %q, %v; All: %q; want %q", got, err, all[field], value)
		}
	}
}
