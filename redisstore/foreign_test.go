package redisstore

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/store"
)

// Whatever stands under the key of an entry and is none is corrupt, of whichever Redis type; Set, Delete and AnyVersion replace it.
func TestCorruptOfAnyType(t *testing.T) {
	onBoth(t, func(t *testing.T, client redis.UniversalClient) {
		ctx := t.Context()
		s := open(t, client, store.Expiry{Timeout: time.Hour})
		mustSet(t, s, "model", "value")
		whole, err := client.Get(ctx, s.prefix+"model").Result()
		if err != nil {
			t.Fatal(err)
		}
		version := store.Version(hex.EncodeToString([]byte(whole[44:60])))
		damage := map[string]func(name string) error{
			"hash":         func(name string) error { return client.HSet(ctx, name, "f", "v").Err() },
			"list":         func(name string) error { return client.RPush(ctx, name, "v").Err() },
			"set":          func(name string) error { return client.SAdd(ctx, name, "v").Err() },
			"empty":        func(name string) error { return client.Set(ctx, name, "", 0).Err() },
			"number":       func(name string) error { return client.Incr(ctx, name).Err() },
			"another's":    func(name string) error { return client.Set(ctx, name, whole, 0).Err() }, // a record of another key
			"cut in head":  func(name string) error { return client.Set(ctx, name, whole[:10], 0).Err() },
			"cut":          func(name string) error { return client.Set(ctx, name, whole[:40], 0).Err() },
			"longer":       func(name string) error { return client.Set(ctx, name, whole+"x", 0).Err() },
			"other format": func(name string) error { return client.Set(ctx, name, whole[:20]+"\x02"+whole[21:], 0).Err() },
		}
		for name, do := range damage {
			key := "key " + name
			corrupt := func() {
				t.Helper()
				if err := client.Del(ctx, s.prefix+key).Err(); err != nil {
					t.Fatal(err)
				}
				if err := do(s.prefix + key); err != nil {
					t.Fatal(err)
				}
			}
			want := func(op string, err error) {
				t.Helper()
				if !errors.Is(err, store.ErrCorrupt) || errors.Is(err, store.ErrUnavailable) {
					t.Errorf("%s: %s: %v; want ErrCorrupt", name, op, err)
				}
				noSecrets(t, err, key)
			}
			corrupt()
			_, err := s.Get(ctx, key)
			want("Get", err)
			_, err = s.Contains(ctx, key)
			want("Contains", err)
			_, err = store.Peek(ctx, s, key)
			want("Peek", err)
			_, err = store.Load(ctx, s, key)
			want("Load", err)
			_, err = s.Swap(ctx, key, "", &store.Item{})
			want("Swap from absent", err)
			_, err = s.Swap(ctx, key, store.NewVersion(), nil)
			want("Swap from a version", err)
			_, err = s.Swap(ctx, key, version, &store.Item{})
			want("Swap from the version that stood there", err)
			want("Touch", s.Touch(ctx, key))
			mustSet(t, s, key, "new")
			wantValue(t, s, key, "new")
			corrupt()
			if _, err := s.Swap(ctx, key, store.AnyVersion, &store.Item{Value: []byte("any")}); err != nil {
				t.Errorf("%s: Swap from AnyVersion: %v", name, err)
			}
			wantValue(t, s, key, "any")
			corrupt()
			if _, err := s.Swap(ctx, key, store.AnyVersion, nil); err != nil {
				t.Errorf("%s: removal from AnyVersion: %v", name, err)
			}
			corrupt()
			if err := s.Delete(ctx, key); err != nil {
				t.Errorf("%s: Delete: %v", name, err)
			}
			if ok, err := s.Contains(ctx, key); ok || err != nil {
				t.Errorf("%s: after Delete: %v, %v", name, ok, err)
			}
		}
	})
}

// A record that was moved to another key of the same length, or has a flipped bit in its value, is no entry to a Swap that would create one or
// demands another version: ErrConflict would say that somebody was faster.
func TestSwapMeetsDamage(t *testing.T) {
	onBoth(t, func(t *testing.T, client redis.UniversalClient) {
		ctx := t.Context()
		s := open(t, client, store.Expiry{Timeout: time.Hour})
		version, err := s.Swap(ctx, "one", "", &store.Item{Value: []byte("value")})
		if err != nil {
			t.Fatal(err)
		}
		whole, err := client.Get(ctx, s.prefix+"one").Result()
		if err != nil {
			t.Fatal(err)
		}
		at := len(whole) - 6
		for key, stored := range map[string]string{"two": whole, "one": whole[:at] + "X" + whole[at+1:]} {
			if err := client.Set(ctx, s.prefix+key, stored, time.Hour).Err(); err != nil {
				t.Fatal(err)
			}
			for what, old := range map[string]store.Version{"absent": "", "another version": store.NewVersion()} {
				if _, err := s.Swap(ctx, key, old, &store.Item{}); !errors.Is(err, store.ErrCorrupt) || errors.Is(err, store.ErrConflict) {
					t.Errorf("%s: Swap from %s: %v", key, what, err)
				}
			}
		}
		if _, err := s.Swap(ctx, "two", version, &store.Item{}); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("Swap of a record of another key: %v", err)
		}
		if err := s.Touch(ctx, "two"); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("Touch of a record of another key: %v", err)
		}
		mustSet(t, s, "three", "value")
		if _, err := s.Swap(ctx, "three", "", &store.Item{}); !errors.Is(err, store.ErrConflict) {
			t.Errorf("Swap from absent of a sound entry: %v", err)
		}
	})
}

// Other applications use the same database: nothing of theirs is listed, swept or touched.
func TestForeignKeys(t *testing.T) {
	onBoth(t, func(t *testing.T, client redis.UniversalClient) {
		ctx := t.Context()
		s := open(t, client, store.Expiry{}, func(o *Options) { o.Prefix = fmt.Sprintf("p*[%d]?:", nextPrefix.Add(1)) })
		longer := open(t, client, store.Expiry{}, func(o *Options) { o.Prefix = s.prefix + "longer:" })
		p := s.prefix
		foreign := map[string]string{
			"x" + p + "key": "value", p[:len(p)-1]: "value", "pa" + p[2:] + "key": "value", p: "value",
			p + "\xff\xfe": "value", p + "a\x00b": "value", "plain" + p: "value",
			p + "rubbish": "value that no store has written",
		}
		for name, value := range foreign {
			if err := client.Set(ctx, name, value, 0).Err(); err != nil {
				t.Fatal(err)
			}
		}
		if err := client.HSet(ctx, p+"hash", "field", "value").Err(); err != nil {
			t.Fatal(err)
		}
		old := &store.Item{Value: []byte("value"), Atime: time.Now().Add(-1000 * time.Hour)}
		for _, s := range []*Store{s, longer} {
			if _, err := s.Swap(ctx, "mine", "", old); err != nil {
				t.Fatal(err)
			}
		}
		corrupt := 0
		for info, err := range s.List(ctx, "") {
			switch {
			case errors.Is(err, store.ErrCorrupt): // what looks like an entry and is none
				corrupt++
			case err != nil || info.Key != "mine":
				t.Errorf("List yields %q, %v", info.Key, err)
			}
		}
		if corrupt != 2 {
			t.Errorf("List yields %d corrupt entries; want the hash and the rubbish", corrupt)
		}
		if n, err := s.Cleanup(ctx, time.Hour); n != 1 || err != nil {
			t.Errorf("Cleanup = %d, %v; want 1", n, err)
		}
		for name, value := range foreign {
			if got, err := client.Get(ctx, name).Result(); got != value || err != nil {
				t.Errorf("somebody else's %q is %q, %v", name, got, err)
			}
		}
		if got, err := client.HGet(ctx, p+"hash", "field").Result(); got != "value" || err != nil {
			t.Errorf("somebody else's hash holds %q, %v", got, err)
		}
		if ok, err := longer.Contains(ctx, "mine"); !ok || err != nil {
			t.Errorf("the entry of another store: %v, %v", ok, err)
		}
	})
}

// Keys are bytes to Redis: what means something to a pattern, a Cluster or the protocol means nothing.
func TestHostileKeys(t *testing.T) {
	onBoth(t, func(t *testing.T, client redis.UniversalClient) {
		ctx := t.Context()
		s := open(t, client, store.Expiry{Timeout: time.Hour})
		keys := []string{
			"{", "}", "{}", "{a}", "{a}b", "b{a}", "{{a}}", "a}b{", "*", "?", "[", "]", "[a-z]", "[^a]", `\`, `\*`, `a\`, "-", "^",
			"\r\n", "a\r\nDEL b\r\n", "$3\r\nabc", "*1\r\n$4\r\nQUIT\r\n", " ", "\t", "\x01\x02\x7f", "é", "é", "\U0010ffff",
		}
		r := rand.New(rand.NewPCG(3, 14))
		for range 200 {
			key := make([]rune, 1+r.IntN(30))
			for i := range key {
				key[i] = rune(1 + r.IntN(0x7f))
			}
			keys = append(keys, string(key))
		}
		for _, key := range keys {
			mustSet(t, s, key, "value of "+key)
		}
		listed := map[string]bool{}
		for info, err := range s.List(ctx, "") {
			if err != nil || listed[info.Key] {
				t.Errorf("List yields %q, %v, before: %v", info.Key, err, listed[info.Key])
			}
			listed[info.Key] = true
		}
		for _, key := range keys {
			wantValue(t, s, key, "value of "+key)
			if !listed[key] {
				t.Errorf("List leaves out %q", key)
			}
			found := false
			for info, err := range s.List(ctx, key) {
				found = found || err == nil && info.Key == key
			}
			if !found {
				t.Errorf("List(%q) leaves out the key itself", key)
			}
		}
	})
}
