package redisstore

import (
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

func facts(t *testing.T, s *Store) map[string]store.Fact {
	t.Helper()
	all, err := store.Inspect(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]store.Fact{}
	for _, f := range all {
		if _, twice := byName[f.Name]; twice || f.Value == "" {
			t.Errorf("a fact that says nothing, or is told twice: %+v", f)
		}
		byName[f.Name] = f
	}
	return byName
}

func fact(t *testing.T, s *Store, name string) store.Fact {
	t.Helper()
	return facts(t, s)[name]
}

func TestInspect(t *testing.T) {
	server := testserver.NewRedis(t)
	admin := newClient(t, server.Addr)
	s := open(t, admin, store.Expiry{})
	check := func(name, value, warn string) {
		t.Helper()
		f := fact(t, s, name)
		if !strings.Contains(f.Value, value) || warn == "" && f.Warn != "" || !strings.Contains(f.Warn, warn) {
			t.Errorf("%+v; want %q and the warning %q", f, value, warn)
		}
	}
	set := func(name, value string) {
		t.Helper()
		if err := admin.ConfigSet(t.Context(), name, value).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if f := fact(t, s, "server"); !strings.HasPrefix(f.Value, "Redis ") && !strings.HasPrefix(f.Value, "Valkey ") || f.Warn != "" {
		t.Errorf("%+v", f)
	}
	check("role", "master with 0 replicas", "")
	check("eviction", "noeviction", "")
	check("evicted", "0 keys", "")
	check("memory", "no maxmemory", "")
	check("largest value", "64 MiB", "")
	check("clock", "of this machine", "")
	check("persistence", "none", "loses everything")

	set("save", "3600 1")
	check("persistence", "snapshots, save 3600 1", "since the last snapshot")
	set("appendonly", "yes")
	check("persistence", "appendonly, appendfsync everysec", "about a second")
	set("appendfsync", "no")
	check("persistence", "appendfsync no", "operating system")
	set("appendfsync", "always")
	check("persistence", "appendfsync always", "")

	set("maxmemory-policy", "allkeys-lru")
	check("eviction", "allkeys-lru", "as soon as a maxmemory is set")
	set("maxmemory", "3mb")
	check("eviction", "allkeys-lru", "removes live entries")
	for i := range 100 {
		mustSet(t, s, strings.Repeat("k", i+1), strings.Repeat("v", 100_000))
	}
	check("evicted", " keys", "want of memory")
	check("memory", "maxmemory 3072 KiB", "")

	set("maxmemory", "0")
	set("proto-max-bulk-len", "1mb")
	check("largest value", "64 MiB", "proto-max-bulk-len")
}

// Where CONFIG is forbidden, Inspect says what is not known for that.
func TestInspectWithoutConfig(t *testing.T) {
	server := testserver.NewRedis(t, "--appendonly", "yes")
	admin := newClient(t, server.Addr)
	if err := admin.Do(t.Context(), "acl", "setuser", "app", "on", ">pass", "~*", "+@all", "-config").Err(); err != nil {
		t.Fatal(err)
	}
	s := openRaw(t, "redis://app:pass@"+server.Addr)
	if f := fact(t, s, "persistence"); f.Value != "appendonly, appendfsync not told" || !strings.Contains(f.Warn, "CONFIG is forbidden") {
		t.Errorf("%+v", f)
	}
	if err := admin.ConfigSet(t.Context(), "appendonly", "no").Err(); err != nil {
		t.Fatal(err)
	}
	if f := fact(t, s, "persistence"); !strings.Contains(f.Value, "not told") || !strings.Contains(f.Warn, "CONFIG is forbidden") {
		t.Errorf("%+v", f)
	}
	if f := fact(t, s, "eviction"); f.Value != "noeviction" || f.Warn != "" {
		t.Errorf("%+v", f)
	}
}

func TestInspectCluster(t *testing.T) {
	s := open(t, newCluster(t, testserver.RedisCluster(t)), store.Expiry{})
	if f := fact(t, s, "role"); !strings.HasPrefix(f.Value, "Cluster of 3 masters: master with 1 replicas") || !strings.Contains(f.Warn, "failover") {
		t.Errorf("%+v", f)
	}
	if f := fact(t, s, "eviction"); f.Value != "noeviction" {
		t.Errorf("%+v", f)
	}
}

func TestClockFact(t *testing.T) {
	for skew, want := range map[time.Duration]bool{0: false, 900 * time.Millisecond: false, -30 * time.Second: true, 30 * time.Second: true} {
		f := clockFact([]inspected{{}, {skew: skew}})
		if (f.Warn != "") != want {
			t.Errorf("a skew of %v: %+v", skew, f)
		}
	}
	if f := clockFact([]inspected{{skew: -2 * time.Second}}); f.Value != "the server's is 2s behind that of this machine" {
		t.Errorf("%+v", f)
	}
}
