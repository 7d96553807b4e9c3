package session_test

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"go.etcd.io/bbolt"

	"github.com/larder-go/larder/boltstore"
	"github.com/larder-go/larder/dbstore"
	"github.com/larder-go/larder/diskstore"
	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/memstore"
	"github.com/larder-go/larder/redisstore"
	"github.com/larder-go/larder/store"
)

// raceStores are the six stores on which clients race. Tests keep apart by session.Options.Prefix.
var raceStores = []struct {
	name string
	open func(t testing.TB) store.Store
}{
	{"map", func(testing.TB) store.Store { return store.NewMap(nil) }},
	{"disk", openRaceDisk},
	{"bolt", openRaceBolt},
	{"postgres", openRacePostgres},
	{"memcached", openRaceMemcached},
	{"redis", openRaceRedis},
}

// memoryDir is in memory where there is a file system for that: races are the same there, and what is synced costs nothing.
func memoryDir(t testing.TB) string {
	parent := "/dev/shm"
	if _, err := os.Stat(parent); err != nil {
		parent = ""
	}
	dir, err := os.MkdirTemp(parent, "larder")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func openRaceDisk(t testing.TB) store.Store {
	s, err := diskstore.Open(memoryDir(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func openRaceBolt(t testing.TB) store.Store {
	db, err := bbolt.Open(filepath.Join(memoryDir(t), "race.db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	s, err := boltstore.New(db, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func openRacePostgres(t testing.TB) store.Store {
	ctx, schema := context.Background(), "race "+rand.Text()[:8]
	pool, err := pgxpool.New(ctx, testserver.Postgres(t).URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	m, err := dbstore.NewMigrator(pool, &dbstore.MigratorOptions{Schema: schema})
	if err == nil {
		_, err = m.Up(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := pool.Exec(ctx, "DROP SCHEMA "+pgx.Identifier{schema}.Sanitize()+" CASCADE"); err != nil {
			t.Log(err)
		}
	})
	s, err := dbstore.New(pool, &dbstore.Options{Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func openRaceMemcached(t testing.TB) store.Store {
	c := memcache.New(testserver.Memcached(t).Addr)
	c.Timeout, c.MaxIdleConns = 10*time.Second, 64 // a machine may be busy
	t.Cleanup(func() { c.Close() })
	s, err := memstore.New(c, &memstore.Options{KeyPrefix: "race-" + rand.Text()[:8] + ":"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func openRaceRedis(t testing.TB) store.Store {
	c := redis.NewClient(&redis.Options{Addr: testserver.Redis(t).Addr})
	t.Cleanup(func() { c.Close() })
	s, err := redisstore.New(c, &redisstore.Options{Prefix: "race-" + rand.Text()[:8] + ":"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
