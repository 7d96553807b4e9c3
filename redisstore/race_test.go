package redisstore

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// Between the look of a Get and the record of its use the entry becomes something else. The use is recorded on the live entry that was
// seen, or on the next, and on nothing else.
func TestUseOfWhatHasChanged(t *testing.T) {
	server := testserver.Redis(t)
	plain := newClient(t, server.Addr)
	old := time.Now().Add(-30 * time.Minute)
	for name, c := range map[string]struct {
		meanwhile func(s *Store, name string) error
		want      string // "": absent
		err       error
	}{
		"deleted": {meanwhile: func(s *Store, _ string) error { return s.Delete(t.Context(), "key") }},
		"set":     {meanwhile: func(s *Store, _ string) error { return s.Set(t.Context(), "key", []byte("new")) }, want: "new"},
		"swapped to one as old": {meanwhile: func(s *Store, _ string) error {
			_, err := s.Swap(t.Context(), "key", store.AnyVersion, &store.Item{Value: []byte("new"), Atime: old})
			return err
		}, want: "new"},
		"expired": {meanwhile: func(_ *Store, name string) error { return plain.PExpire(t.Context(), name, time.Millisecond).Err() }},
		"a hash": {meanwhile: func(_ *Store, name string) error {
			return errors.Join(plain.Del(t.Context(), name).Err(), plain.HSet(t.Context(), name, "f", "v").Err())
		}, err: store.ErrCorrupt},
		"rubbish": {meanwhile: func(_ *Store, name string) error { return plain.Set(t.Context(), name, "rubbish", 0).Err() }, err: store.ErrCorrupt},
	} {
		t.Run(name, func(t *testing.T) {
			client := newClient(t, server.Addr)
			s := open(t, client, store.Expiry{Timeout: time.Hour})
			other := open(t, plain, s.expiry, func(o *Options) { o.Prefix = s.prefix })
			if _, err := s.Swap(t.Context(), "key", "", &store.Item{Value: []byte("value"), Atime: old}); err != nil {
				t.Fatal(err)
			}
			key := s.prefix + "key"
			beforeNext(client, "evalsha", func() {
				if err := c.meanwhile(other, key); err != nil {
					t.Error(err)
				}
				if name == "expired" {
					time.Sleep(5 * time.Millisecond)
				}
			})
			before := plain.Type(t.Context(), key).Val()
			got, err := s.Get(t.Context(), "key")
			switch {
			case c.err != nil && !errors.Is(err, c.err), c.err == nil && c.want == "" && err != store.ErrNotFound:
				t.Errorf("Get = %q, %v; want %v", got, err, c.err)
			case c.want != "" && (err != nil || string(got) != c.want):
				t.Errorf("Get = %q, %v; want %q", got, err, c.want)
			}
			if c.want == "" && c.err == nil && plain.Exists(t.Context(), key).Val() != 0 {
				t.Error("the use has brought it back")
			}
			if c.want != "" {
				if item, err := store.Peek(t.Context(), other, "key"); err != nil || time.Since(item.Atime) > time.Minute {
					t.Errorf("afterwards the entry is %+v, %v; the use must be recorded", item, err)
				}
			}
			if name == "rubbish" && plain.Get(t.Context(), key).Val() != "rubbish" {
				t.Errorf("it has changed what is not ours, a %s before", before)
			}
		})
	}
}

// Uses, deletes and expiry race: an entry that was deleted or has expired stays so, and none is left without its native expiry.
func TestUseNeverRevives(t *testing.T) {
	onBoth(t, func(t *testing.T, client redis.UniversalClient) {
		s := open(t, client, store.Expiry{Timeout: 200 * time.Millisecond, TouchAfter: -1})
		for round := range 50 {
			key := fmt.Sprintf("key %d", round)
			mustSet(t, s, key, "value")
			var wg sync.WaitGroup
			var deleted atomic.Bool
			for i := range 6 {
				wg.Go(func() {
					for range 5 {
						late := deleted.Load()
						var err error
						if i%2 == 0 {
							_, err = s.Get(t.Context(), key)
						} else {
							err = s.Touch(t.Context(), key)
						}
						if err != nil && err != store.ErrNotFound || late && err == nil {
							t.Errorf("a use, after the Delete: %v, = %v", late, err)
						}
					}
				})
			}
			wg.Go(func() {
				if err := s.Delete(t.Context(), key); err != nil {
					t.Error(err)
				}
				deleted.Store(true)
			})
			wg.Wait()
			if n := client.Exists(t.Context(), s.prefix+key).Val(); n != 0 {
				t.Fatal("it is there again")
			}
		}
	})
}

// What goes out to the network is one GET for a Get, one SET for a Set, one script for anything else.
func TestRoundTrips(t *testing.T) {
	client := newClient(t, testserver.Redis(t).Addr)
	s := open(t, client, store.Expiry{Timeout: time.Hour})
	ctx := t.Context()
	mustSet(t, s, "key", "value")
	if err := s.Touch(ctx, "key"); err != nil { // the server knows the scripts from now on
		t.Fatal(err)
	}
	if _, err := s.Swap(ctx, "key", store.AnyVersion, &store.Item{}); err != nil {
		t.Fatal(err)
	}
	v, err := store.Peek(ctx, s, "key")
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]*atomic.Int64{}
	for _, name := range []string{"get", "set", "del", "evalsha", "eval", "time"} {
		counts[name] = counting(t, client, name)
	}
	for op, c := range map[string]struct {
		command string
		do      func() error
	}{
		"Get":      {"get", func() error { _, err := s.Get(ctx, "key"); return err }},
		"Load":     {"get", func() error { _, err := s.Load(ctx, "key"); return err }},
		"Peek":     {"get", func() error { _, err := s.Peek(ctx, "key"); return err }},
		"Contains": {"get", func() error { _, err := s.Contains(ctx, "key"); return err }},
		"Set":      {"set", func() error { return s.Set(ctx, "another", nil) }},
		"Delete":   {"del", func() error { return s.Delete(ctx, "another") }},
		"Touch":    {"evalsha", func() error { return s.Touch(ctx, "key") }},
		"Swap":     {"evalsha", func() (err error) { v.Version, err = s.Swap(ctx, "key", v.Version, &store.Item{}); return err }},
	} {
		for range 3 {
			before := map[string]int64{}
			for name, n := range counts {
				before[name] = n.Load()
			}
			if err := c.do(); err != nil {
				t.Errorf("%s: %v", op, err)
			}
			for name, n := range counts {
				if sent := n.Load() - before[name]; sent > 1 || (sent == 1) != (name == c.command) {
					t.Errorf("%s sends %s %d times", op, name, sent)
				}
			}
		}
	}
}

// A server that has forgotten the scripts, as after SCRIPT FLUSH, is told them again.
func TestScriptsForgotten(t *testing.T) {
	server := testserver.NewRedis(t)
	client := newClient(t, server.Addr)
	s := open(t, client, store.Expiry{})
	forget := func() {
		t.Helper()
		if err := client.ScriptFlush(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 300 {
		forgetful := i%100 == 0
		if forgetful {
			forget()
		}
		if _, err := s.Swap(t.Context(), fmt.Sprintf("key %d", i), "", &store.Item{Atime: time.Now().Add(-time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	forget()
	if n, err := s.Cleanup(t.Context(), 30*time.Minute); n != 300 || err != nil {
		t.Errorf("Cleanup = %d, %v; want 300", n, err)
	}
	forget()
	mustSet(t, s, "key", "value")
	forget()
	if err := s.Touch(t.Context(), "key"); err != nil {
		t.Error(err)
	}
}

var _ redis.Hook = hook{}
