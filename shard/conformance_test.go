package shard_test

import (
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larder-go/larder/dbstore"
	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/internal/traits"
	"github.com/larder-go/larder/store"
	"github.com/larder-go/larder/store/storetest"
)

// kind opens nodes of one kind for a case: each is a URL, and what takes it away, where something can.
type kind func(t *testing.T) (rawURL string, proxy *testserver.Proxy)

func files(t *testing.T) (string, *testserver.Proxy) { return "file:" + memoryDir(t), nil }
func bolt(t *testing.T) (string, *testserver.Proxy)  { return "bolt:" + memoryDir(t) + "/node.db", nil }

// short gives a node a prefix as those on servers have, so that the longest key is the same everywhere.
func short(k kind) kind {
	return func(t *testing.T) (string, *testserver.Proxy) {
		node, proxy := k(t)
		return add(node, "x-prefix="+prefix()), proxy
	}
}

// prefix keeps apart the nodes that share a server.
func prefix() string { return unique() + ":" }

// behind is a server of ours, reached over a proxy that can fail.
func behind(server func(t testing.TB) *testserver.Server, params ...string) kind {
	return func(t *testing.T) (string, *testserver.Proxy) {
		s := server(t)
		proxy := testserver.NewProxy(t, s.Addr)
		return add(strings.Replace(s.URL, s.Addr, proxy.Addr, 1), slices.Concat([]string{"x-prefix=" + prefix()}, params)...), proxy
	}
}

// suite remembers what the stores of a run were opened with, for the hooks.
type suite struct {
	kinds []kind

	mu   sync.Mutex
	made map[store.Store]*made
}

type made struct {
	url     string
	nodes   []string
	proxies []*testserver.Proxy
}

func (c *suite) open(t *testing.T, m *made) store.Store {
	s := open(t, m.url)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.made == nil {
		c.made = map[store.Store]*made{}
	}
	c.made[s] = m
	return s
}

func (c *suite) of(s store.Store) *made {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.made[s]
}

// config is what storetest is told. The lacks are those of the nodes.
func (c *suite) config() storetest.Config {
	return storetest.Config{
		New: func(t *testing.T, e store.Expiry) store.Store {
			m := &made{}
			for _, k := range c.kinds {
				node, proxy := k(t)
				m.nodes = append(m.nodes, add(node, expiry(e)...))
				if proxy != nil {
					m.proxies = append(m.proxies, proxy)
				}
			}
			m.url = shardURL(m.nodes)
			return c.open(t, m)
		},
		Reopen: func(t *testing.T, s store.Store) store.Store { return c.open(t, c.of(s)) },
	}
}

// down takes all nodes away.
func (c *suite) down(_ *testing.T, s store.Store) func() {
	m := c.of(s)
	for _, p := range m.proxies {
		p.Refuse()
	}
	return func() {
		for _, p := range m.proxies {
			p.Pass()
		}
	}
}

// damage turns a bit in each byte of the file that is the entry.
func (c *suite) damage(t *testing.T, s store.Store, key string) {
	node := c.of(s).nodes[s.(opened).Where(key)[0]-'a']
	u, err := url.Parse(node)
	if err != nil {
		t.Fatal(err)
	}
	dir := u.Opaque + u.Path
	found, err := filepath.Glob(filepath.FromSlash(dir) + "/??/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range found {
		data, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(data), key) {
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := range data {
			data[i] ^= 0x10
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Time{}, info.ModTime()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	memcached, redis, postgres := traits.Of("memcached"), traits.Of("redis"), traits.Of("postgres")
	ofMemcached, ofRedis := behind(testserver.Memcached), behind(testserver.Redis)
	ofPostgres := behind(func(t testing.TB) *testserver.Server {
		s := testserver.Postgres(t)
		migrate(t, s)
		return s
	}, "pool_max_conns=8")
	for name, test := range map[string]struct {
		soak   bool
		kinds  []kind
		change func(c *suite, cfg *storetest.Config)
	}{
		"files": {false, []kind{files, files, files}, func(c *suite, cfg *storetest.Config) {
			cfg.Timeout, cfg.Corrupt, cfg.Lacks = 200*time.Millisecond, c.damage, traits.Of("file").Lacks
		}},
		"bolt": {true, []kind{bolt, bolt, bolt}, func(_ *suite, cfg *storetest.Config) {
			cfg.Lacks, cfg.Reopen = traits.Of("bolt").Lacks, nil
		}},
		"memcached": {false, []kind{ofMemcached, ofMemcached, ofMemcached, ofMemcached}, func(c *suite, cfg *storetest.Config) {
			cfg.Timeout, cfg.Slack, cfg.MaxValue, cfg.Lacks, cfg.Down = memcached.Timeout, memcached.Slack, memcached.MaxValue, memcached.Lacks, c.down
		}},
		"redis": {false, []kind{ofRedis, ofRedis, ofRedis}, func(c *suite, cfg *storetest.Config) {
			cfg.Slack, cfg.Lacks, cfg.Down = redis.Slack, redis.Lacks, c.down
		}},
		"mix": {false, []kind{short(files), short(bolt), ofPostgres}, func(_ *suite, cfg *storetest.Config) {
			cfg.Timeout, cfg.Reopen = 200*time.Millisecond, nil
		}},
		"servers": {true, []kind{ofRedis, ofMemcached, ofPostgres}, func(c *suite, cfg *storetest.Config) {
			cfg.Timeout, cfg.Slack, cfg.MaxValue, cfg.Lacks, cfg.Down = memcached.Timeout, memcached.Slack, 0, memcached.Lacks, c.down
		}},
		"postgres": {true, []kind{ofPostgres, ofPostgres, ofPostgres}, func(c *suite, cfg *storetest.Config) {
			cfg.Lacks, cfg.Down = postgres.Lacks, c.down
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if test.soak && os.Getenv("LARDER_SOAK") == "" {
				t.Skip("LARDER_SOAK=1 runs it; the nodes of the mix are of the same kinds")
			}
			t.Parallel()
			c := &suite{kinds: test.kinds}
			cfg := c.config()
			if name != "files" && name != "bolt" {
				cfg.MaxKey = store.MaxKeyLen - len(prefix())
			}
			test.change(c, &cfg)
			storetest.Run(t, cfg)
		})
	}
}

// TestConformanceBubble is on a clock of its own, where the borders of time are tested to the nanosecond.
func TestConformanceBubble(t *testing.T) {
	storetest.Run(t, storetest.Config{
		New: func(t *testing.T, e store.Expiry) store.Store {
			return over(t, mapWith(e), mapWith(e), mapWith(e))
		},
		Bubble: true,
	})
}

func mapWith(e store.Expiry) store.Store { return store.NewMap(&store.MapOptions{Expiry: e}) }

// migrate makes the table.
func migrate(t testing.TB, s *testserver.Server) {
	t.Helper()
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	m, err := dbstore.OpenMigrator(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := m.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
}
