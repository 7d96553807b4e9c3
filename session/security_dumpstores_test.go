package session_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
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

// dumpStores are the six stores, each with a way to read all that lies there without the store's own code. That of a Map is all it has.
var dumpStores = []struct {
	name string
	open func(t *testing.T) (store.Store, func(t *testing.T) []byte)
}{
	{"map", func(t *testing.T) (store.Store, func(*testing.T) []byte) {
		s := store.NewMap(nil)
		return s, func(t *testing.T) []byte {
			var all bytes.Buffer
			for info, err := range s.List(t.Context(), "") {
				value, getErr := s.Get(t.Context(), info.Key)
				if err != nil || getErr != nil {
					t.Fatal(err, getErr)
				}
				fmt.Fprintf(&all, "%s\n%s\n", info.Key, value)
			}
			return all.Bytes()
		}
	}},
	{"disk", func(t *testing.T) (store.Store, func(*testing.T) []byte) {
		dir := memoryDir(t)
		s, err := diskstore.Open(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s, func(t *testing.T) []byte { return readFolder(t, dir) }
	}},
	{"bolt", func(t *testing.T) (store.Store, func(*testing.T) []byte) {
		path := filepath.Join(memoryDir(t), "dump.db")
		db, err := bbolt.Open(path, 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		s, err := boltstore.New(db, nil)
		if err != nil {
			t.Fatal(err)
		}
		return s, func(t *testing.T) []byte { // pages that are free now too
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			return raw
		}
	}},
	{"postgres", openDumpPostgres},
	{"memcached", openDumpMemcached},
	{"redis", func(t *testing.T) (store.Store, func(*testing.T) []byte) {
		c := redis.NewClient(&redis.Options{Addr: testserver.Redis(t).Addr})
		t.Cleanup(func() { c.Close() })
		prefix := "dump-" + rand.Text()[:8] + ":"
		s, err := redisstore.New(c, &redisstore.Options{Prefix: prefix})
		if err != nil {
			t.Fatal(err)
		}
		return s, func(t *testing.T) []byte { return dumpRedis(t, c, prefix) }
	}},
}

func readFolder(t *testing.T, dir string) []byte {
	var all bytes.Buffer
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		fmt.Fprintf(&all, "%s\n%s\n", path, raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.Bytes()
}

// openDumpPostgres dumps the tables as they are, and what the server has written into its log.
func openDumpPostgres(t *testing.T) (store.Store, func(*testing.T) []byte) {
	ctx, schema, server := context.Background(), "dump"+rand.Text()[:8], testserver.Postgres(t)
	pool, err := pgxpool.New(ctx, server.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	migrator, err := dbstore.NewMigrator(pool, &dbstore.MigratorOptions{Schema: schema})
	if err == nil {
		_, err = migrator.Up(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Exec(ctx, "DROP SCHEMA "+pgx.Identifier{schema}.Sanitize()+" CASCADE") })
	s, err := dbstore.New(pool, &dbstore.Options{Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	return s, func(t *testing.T) []byte {
		var all bytes.Buffer
		conn, err := pool.Acquire(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Release()
		rows, _ := conn.Query(ctx, "SELECT table_name FROM information_schema.tables WHERE table_schema = $1", schema)
		tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil || len(tables) == 0 {
			t.Fatal("no tables", err)
		}
		for _, table := range tables {
			if _, err := conn.Conn().PgConn().CopyTo(ctx, &all, "COPY "+pgx.Identifier{schema, table}.Sanitize()+" TO STDOUT (FORMAT binary)"); err != nil {
				t.Fatal(err)
			}
		}
		if server.Own() {
			all.WriteString(server.Log())
		}
		return all.Bytes()
	}
}

// openDumpMemcached lists the keys as an operator does who is on the machine.
func openDumpMemcached(t *testing.T) (store.Store, func(*testing.T) []byte) {
	addr, prefix := testserver.Memcached(t).Addr, "dump-"+rand.Text()[:8]+":"
	c := memcache.New(addr)
	c.Timeout = 10 * time.Second // a machine may be busy
	t.Cleanup(func() { c.Close() })
	s, err := memstore.New(c, &memstore.Options{KeyPrefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	return s, func(t *testing.T) []byte {
		var all bytes.Buffer
		for _, key := range metadump(t, addr) {
			if strings.HasPrefix(key, prefix) {
				item, err := c.Get(key)
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&all, "%s\n%s\n", key, item.Value)
			}
		}
		return all.Bytes()
	}
}

func metadump(t *testing.T, addr string) (keys []string) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	lines := bufio.NewScanner(conn)
	for fmt.Fprint(conn, "lru_crawler metadump all\r\n"); lines.Scan(); {
		switch line := lines.Text(); {
		case strings.HasPrefix(line, "BUSY"): // the crawler is on its own round
			fmt.Fprint(conn, "lru_crawler metadump all\r\n")
		case strings.HasPrefix(line, "END"):
			return keys
		default:
			text, _, _ := strings.Cut(strings.TrimPrefix(line, "key="), " ")
			key, err := url.PathUnescape(text)
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, key)
		}
	}
	t.Fatal("the dump of memcached's keys does not end: ", lines.Err())
	return nil
}

func dumpRedis(t *testing.T, c *redis.Client, prefix string) []byte {
	var all bytes.Buffer
	keys := c.Scan(t.Context(), 0, prefix+"*", 1000).Iterator()
	for keys.Next(t.Context()) {
		value, err := c.Get(t.Context(), keys.Val()).Result()
		dump, dumpErr := c.Dump(t.Context(), keys.Val()).Result()
		if err != nil || dumpErr != nil {
			t.Fatal(err, dumpErr)
		}
		fmt.Fprintf(&all, "%s\n%s\n%s\n", keys.Val(), value, dump)
	}
	if err := keys.Err(); err != nil {
		t.Fatal(err)
	}
	return all.Bytes()
}
