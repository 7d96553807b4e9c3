package redisstore

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/store"
)

// Redis is told to remove the entry earlier, as if its last use had been that long ago.
func (f *Fields) age(t testing.TB, key string, by time.Duration) {
	t.Helper()
	left := time.Duration(f.lifetime)*time.Millisecond - by
	if ok, err := f.link.client.PExpire(t.Context(), f.prefix+key, left).Result(); !ok || err != nil {
		t.Fatal(ok, err)
	}
}

func (f *Fields) left(t testing.TB, key string) time.Duration {
	t.Helper()
	left, err := f.link.client.PTTL(t.Context(), f.prefix+key).Result()
	if err != nil {
		t.Fatal(err)
	}
	return left
}

func TestFieldsUse(t *testing.T) {
	const slack, full = 3 * time.Minute, time.Hour + 3*time.Minute // TouchAfter is the default, a twentieth, and not over a minute
	onBoth(t, func(t *testing.T, c redis.UniversalClient) {
		f := openFields(t, c, FieldsOptions{Expiry: store.Expiry{Timeout: time.Hour, TouchAfter: slack}})
		born, err := f.Create(t.Context(), "k", map[string][]byte{"f": nil})
		if err != nil {
			t.Fatal(err)
		}
		for _, use := range []struct {
			name          string
			writes, never bool
			call          func(ctx context.Context) error
		}{
			{name: "Get", call: func(ctx context.Context) error { _, err := f.Get(ctx, "k", "f"); return err }},
			{name: "Get of no field", call: func(ctx context.Context) error { f.Get(ctx, "k", "none"); return nil }},
			{name: "All", call: func(ctx context.Context) error { _, err := f.All(ctx, "k"); return err }},
			{name: "Load", call: func(ctx context.Context) error { _, _, err := f.Load(ctx, "k"); return err }},
			{name: "Touch", call: func(ctx context.Context) error { return f.Touch(ctx, "k") }},
			{name: "Set", writes: true, call: func(ctx context.Context) error { return f.Set(ctx, "k", "f", nil) }},
			{name: "Delete", writes: true, call: func(ctx context.Context) error { return f.Delete(ctx, "k", "other") }},
			{name: "Save", writes: true, call: func(ctx context.Context) error { return f.Save(ctx, "k", born, nil) }},
			{name: "Contains", never: true, call: func(ctx context.Context) error { _, err := f.Contains(ctx, "k"); return err }},
		} {
			for _, age := range []time.Duration{slack - 10*time.Second, slack + 10*time.Second, full - 10*time.Second} {
				f.age(t, "k", age)
				if err := use.call(t.Context()); err != nil {
					t.Errorf("%s: %v", use.name, err)
				}
				recorded := full-f.left(t, "k") < 5*time.Second
				if want := !use.never && (use.writes || age > slack); recorded != want {
					t.Errorf("%s of an entry used %v ago: recorded %v, want %v", use.name, age, recorded, want)
				}
			}
			if use.never {
				continue
			}
			if err := c.Persist(t.Context(), f.prefix+"k").Err(); err != nil {
				t.Fatal(err)
			}
			if err := use.call(t.Context()); err != nil || full-f.left(t, "k") > 5*time.Second {
				t.Errorf("%s of an entry that was made permanent: %v, expires in %v", use.name, err, f.left(t, "k"))
			}
		}
	})
}

// Redis itself removes the entry: not before Timeout, and then nothing but Set and Create makes one.
func TestFieldsExpire(t *testing.T) {
	const timeout = 150 * time.Millisecond
	onBoth(t, func(t *testing.T, c redis.UniversalClient) {
		f, ctx := openFields(t, c, FieldsOptions{Expiry: store.Expiry{Timeout: timeout, TouchAfter: -1}}), t.Context()
		born, err := f.Create(ctx, "k", map[string][]byte{"a": nil, "b": nil})
		if err != nil {
			t.Fatal(err)
		}
		for range 20 { // it lives longer than Timeout, by use
			before := time.Now()
			<-time.After(timeout / 10)
			if _, err := f.Get(ctx, "k", "a"); err != nil && time.Since(before) < timeout {
				t.Fatalf("used %v ago: %v", time.Since(before), err)
			} else if err != nil {
				t.Skipf("the machine slept for %v", time.Since(before))
			}
		}
		used := time.Now()
		if err := f.Touch(ctx, "k"); err != nil {
			t.Fatal(err)
		}
		for found := true; found; {
			if found, err = f.Contains(ctx, "k"); err != nil {
				t.Fatal(err)
			}
			if after := time.Since(used); !found && after < timeout || found && after > timeout+10*time.Second {
				t.Fatalf("there: %v, %v after the last use", found, after)
			}
		}
		if err := f.Save(ctx, "k", born, nil); !errors.Is(err, store.ErrConflict) {
			t.Errorf("Save: %v", err)
		}
		if err := f.Delete(ctx, "k", "a"); err != nil {
			t.Error(err)
		}
		f.wants(t, "k", nil)
		f.mustSet(t, "k", "c", "new")
		if left := f.left(t, "k"); left <= 0 || left > timeout {
			t.Errorf("expires in %v", left)
		}
	})
}

func TestFieldsTombstone(t *testing.T) {
	const tombstone = 100 * time.Millisecond
	onBoth(t, func(t *testing.T, c redis.UniversalClient) {
		f, ctx := openFields(t, c, FieldsOptions{Tombstone: tombstone}), t.Context()
		f.mustSet(t, "k", "a", "1")
		before := time.Now()
		if err := f.Remove(ctx, "k"); err != nil {
			t.Fatal(err)
		}
		for {
			err := f.Set(ctx, "k", "b", []byte("2"))
			after := time.Since(before)
			if err == nil && after >= tombstone {
				break
			}
			if !errors.Is(err, store.ErrConflict) || after > tombstone+10*time.Second {
				t.Fatalf("Set %v after Remove: %v", after, err)
			}
		}
		f.wants(t, "k", map[string]string{"b": "2"})

		f = openFields(t, c, FieldsOptions{Tombstone: -1})
		f.mustSet(t, "k", "a", "1")
		if err := f.Remove(ctx, "k"); err != nil {
			t.Fatal(err)
		}
		if n, err := c.Exists(ctx, f.prefix+"k").Result(); n != 0 || err != nil {
			t.Errorf("without tombstones: %d keys, %v", n, err)
		}
	})
}

// The longest times that there are do not turn into short ones, nor the shortest into none.
func TestFieldsTimeouts(t *testing.T) {
	const forever = 1<<63 - 1
	onBoth(t, func(t *testing.T, c redis.UniversalClient) {
		for _, timeout := range []time.Duration{time.Millisecond, 24 * time.Hour, forever} {
			f := openFields(t, c, FieldsOptions{Expiry: store.Expiry{Timeout: timeout, TouchAfter: max(timeout/2, time.Minute)}, Tombstone: timeout})
			f.mustSet(t, "k", "a", "1")
			f.wants(t, "k", map[string]string{"a": "1"})
			if left := f.left(t, "k"); left < min(timeout, forever/2) {
				t.Errorf("Timeout %v: expires in %v", timeout, left)
			}
			if err := f.Remove(t.Context(), "k"); err != nil {
				t.Error(err)
			}
		}
	})
}
