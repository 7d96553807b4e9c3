package redisstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// parsed reads a URL as Mux does, and returns what OpenURL is given.
func parsed(t *testing.T, raw string) *url.URL {
	t.Helper()
	var seen *url.URL
	look := func(_ context.Context, u *url.URL) (store.Closer, error) { seen = u; return store.NewMap(nil), nil }
	if _, err := (store.Mux{"redis": look, "rediss": look, "redis+unix": look}).Open(t.Context(), raw); err != nil {
		t.Fatal(err)
	}
	return seen
}

func TestURLs(t *testing.T) {
	for raw, want := range map[string]string{
		"redis://h":                           "Client h:6379 0",
		"redis://h/":                          "Client h:6379 0",
		"redis://h:7000/3":                    "Client h:7000 3",
		"redis://[::1]/3":                     "Client [::1]:6379 3",
		"redis://h?db=3":                      "Client h:6379 3",
		"redis+unix:///run/redis.sock?db=2":   "Client /run/redis.sock 2",
		"redis+unix://u:p@/run/redis.sock":    "Client /run/redis.sock 0 u p",
		"redis://u:p%40%23@h":                 "Client h:6379 0 u p@#",
		"redis://:p@h":                        "Client h:6379 0  p",
		"rediss://h":                          "Client h:6379 0 TLS",
		"redis://h1,h2:7000,[::1]:7001":       "ClusterClient h1:6379 h2:7000 [::1]:7001",
		"redis://h1,h2,[::1]/0":               "ClusterClient h1:6379 h2:6379 [::1]:6379",
		"redis://h1?x-cluster=true":           "ClusterClient h1:6379",
		"rediss://u:p@h1?x-cluster=true":      "ClusterClient h1:6379 u p TLS",
		"redis://h1?x-cluster=false":          "Client h1:6379 0",
		"redis://s1,s2:1/4?x-master=mymaster": "Client FailoverClient 4",
	} {
		client, o, err := fromURL(parsed(t, raw))
		if err != nil {
			t.Errorf("%s: %v", raw, err)
			continue
		}
		client.Close()
		if got := describe(client); got != want || o == nil {
			t.Errorf("%s is %q; want %q", raw, got, want)
		}
	}
}

func describe(client redis.UniversalClient) string {
	var words []string
	user, password, encrypted := "", "", false
	switch c := client.(type) {
	case *redis.Client:
		o := c.Options()
		words = append(words, "Client", o.Addr, fmt.Sprint(o.DB))
		user, password, encrypted = o.Username, o.Password, o.TLSConfig != nil
	case *redis.ClusterClient:
		o := c.Options()
		words = append(append(words, "ClusterClient"), o.Addrs...)
		user, password, encrypted = o.Username, o.Password, o.TLSConfig != nil
	}
	if user != "" || password != "" {
		words = append(words, user, password)
	}
	if encrypted {
		words = append(words, "TLS")
	}
	return strings.Join(words, " ")
}

func TestURLOptions(t *testing.T) {
	u := parsed(t, "redis://h?x-timeout=30m&x-touch-after=-1ns&x-max-value=77&x-key-prefix=p:&x-op-timeout=250ms&x-pool-size=7")
	client, o, err := fromURL(u)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	want := Options{Expiry: store.Expiry{Timeout: 30 * time.Minute, TouchAfter: -1}, Prefix: "p:", MaxValue: 77}
	if *o != want {
		t.Errorf("the options are %+v", *o)
	}
	c := client.(*redis.Client).Options()
	if c.PoolSize != 7 || c.ReadTimeout != 250*time.Millisecond || c.DialTimeout != 250*time.Millisecond || c.PoolTimeout != 250*time.Millisecond {
		t.Errorf("the client's options are %+v", c)
	}
}

func TestBadURLs(t *testing.T) {
	for raw, want := range map[string]string{
		"redis:///0":                               "names no host",
		"redis:h":                                  "names no host",
		"redis+unix://h/run/redis.sock":            "names no socket",
		"redis+unix:":                              "names no socket",
		"redis://h/path":                           "number of a database",
		"redis://h/-1":                             "number of a database",
		"redis://h/1?db=2":                         "twice",
		"redis://h?db=x":                           "not a whole number",
		"redis://h1,h2/1":                          "only database 0",
		"redis://h?x-cluster=true&db=1":            "only database 0",
		"redis://h?x-cluster=true&x-master=m":      "exclude each other",
		"redis://h1,h2?x-cluster=false":            "several hosts",
		"redis+unix:///s?x-cluster=1":              "unix socket",
		"redis://h?x-sentinel-password=secret":     "x-master",
		"redis://h?x-op-timeout=-1s":               "negative",
		"redis://h?x-pool-size=-1":                 "negative",
		"redis://h?x-timeout=-1s":                  "negative",
		"redis://h?x-timout=1s":                    "unknown parameter",
		"redis://h?x-master=m&x-tout=1&password=x": "unknown parameter",
	} {
		_, _, err := fromURL(parsed(t, raw))
		if !errors.Is(err, store.ErrInvalidURL) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", raw, err, want)
		}
		noSecrets(t, err, "secret")
	}
	if _, _, err := fromURL(&url.URL{Scheme: "redis", Host: "h", Fragment: "secret"}); !errors.Is(err, store.ErrInvalidURL) || !strings.Contains(err.Error(), "fragment") {
		t.Errorf("with a fragment: %v", err)
	}
	for raw, want := range map[string]string{
		"redis://h?x-max-value=-1":         "MaxValue",
		"redis://h?x-max-value=9999999999": "MaxValue",
		"redis://h?x-key-prefix=a%00b":     "NUL",
	} {
		if _, err := OpenURL(t.Context(), parsed(t, raw)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", raw, err, want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	ring := redis.NewRing(&redis.RingOptions{})
	defer ring.Close()
	for _, client := range []redis.UniversalClient{nil, ring, (*redis.Client)(nil), (*redis.ClusterClient)(nil), (*redis.Ring)(nil)} {
		if s, err := New(client, nil); err == nil {
			t.Errorf("New(%T) = %v", client, s)
		}
	}
	client := redis.NewClient(&redis.Options{})
	defer client.Close()
	if _, err := New(client, &Options{Expiry: store.Expiry{Timeout: -1}}); err == nil {
		t.Error("New takes a negative Timeout")
	}
	if s, err := New(client, nil); err != nil || s.prefix != "larder:" || s.maxValue != 64<<20 {
		t.Errorf("New(client, nil) = %+v, %v", s, err)
	}
}

// A URL that leads nowhere, or to somebody who does not let one in, says so at once and shows no password.
func TestOpenFails(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	l.Close()
	locked := testserver.NewRedis(t)
	for _, user := range [][]any{{"app", "on", ">hunter2", "~*", "+@all"}, {"default", "resetpass", ">sesame"}} {
		if err := newClient(t, locked.Addr).Do(t.Context(), append([]any{"acl", "setuser"}, user...)...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	open := testserver.Redis(t)
	for raw, want := range map[string]string{
		"redis://:hunter2@" + closed:             "refused",
		"rediss://:hunter2@" + closed:            "refused",
		"redis+unix://u:hunter2@/no/redis.sock":  "no such file",
		"redis://" + locked.Addr:                 "NOAUTH",
		"redis://:hunter3@" + locked.Addr:        "WRONGPASS",
		"redis://app:hunter3@" + locked.Addr:     "WRONGPASS",
		"redis://" + open.Addr + "/9999":         "no database of that number",
		"redis://" + open.Addr + "?x-cluster=1":  "no Cluster",
		"rediss://:hunter2@" + open.Addr:         "begins with redis and not",
		"redis://" + closed + "/0?x-master=m":    "Sentinel",
		"redis://" + open.Addr + "/0?x-master=m": "Sentinel",
		"redis://" + closed + "?x-cluster=1":     "refused",
	} {
		begin := time.Now()
		s, err := OpenURL(t.Context(), parsed(t, raw+sep(raw)+"x-op-timeout=2s"))
		if err == nil {
			s.Close()
			t.Errorf("%s is opened", store.Redact(raw))
			continue
		}
		if !strings.HasPrefix(err.Error(), "redisstore: open: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", store.Redact(raw), err, want)
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%s: it took %v", store.Redact(raw), took)
		}
		noSecrets(t, err, "hunter", "sesame")
		t.Logf("%s: %v", store.Redact(raw), err)
	}
	for _, raw := range []string{"redis://app:hunter2@" + locked.Addr, "redis://:sesame@" + locked.Addr, "redis+unix://" + open.Socket + "?db=1"} {
		s := openRaw(t, raw)
		mustSet(t, s, "key", "value")
		wantValue(t, s, "key", "value")
	}
}

func sep(raw string) string {
	if strings.Contains(raw, "?") {
		return "&"
	}
	return "?"
}

// One seed host leads to the whole Cluster; one node of a Cluster taken for a single server says what is wrong.
func TestOpenCluster(t *testing.T) {
	nodes := testserver.RedisCluster(t)
	s := openRaw(t, "redis://"+nodes[4].Addr+fmt.Sprintf("?x-cluster=true&x-key-prefix=t%d:", nextPrefix.Add(1)))
	for i := range 20 {
		mustSet(t, s, fmt.Sprint(i), "value")
		wantValue(t, s, fmt.Sprint(i), "value")
	}
	single := openRaw(t, "redis://"+nodes[0].Addr)
	var err error
	for i := 0; i < 100 && err == nil; i++ {
		err = single.Set(t.Context(), fmt.Sprint(i), nil)
	}
	if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "x-cluster") {
		t.Errorf("Set on a node that does not have the key: %v", err)
	}
}

// Sentinel leads to the master, and to the new one after a failover.
func TestSentinel(t *testing.T) {
	server := testserver.NewRedis(t)
	host, port, _ := net.SplitHostPort(server.Addr)
	addr := startSentinel(t, fmt.Sprintf("sentinel monitor mymaster %s %s 1\n", host, port))
	s := openRaw(t, "redis://"+addr+"/2?x-master=mymaster&x-timeout=1h")
	mustSet(t, s, "key", "value")
	wantValue(t, s, "key", "value")
	direct := redis.NewClient(&redis.Options{Addr: server.Addr, DB: 2})
	defer direct.Close()
	if n, err := direct.Exists(t.Context(), "larder:key").Result(); n != 1 || err != nil {
		t.Errorf("in the master's database 2: %d, %v", n, err)
	}
	if _, err := OpenURL(t.Context(), parsed(t, "redis://"+addr+"?x-master=another")); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("a master that the Sentinel does not know: %v", err)
	}
}

// startSentinel starts one with this configuration, and returns its address.
func startSentinel(t *testing.T, config string) string {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("no redis-server for a Sentinel")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_, port, _ := net.SplitHostPort(addr)
	file := filepath.Join(t.TempDir(), "sentinel.conf")
	if err := os.WriteFile(file, []byte("bind 127.0.0.1\nport "+port+"\n"+config), 0o644); err != nil {
		t.Fatal(err)
	}
	l.Close()
	cmd := exec.Command(path, file, "--sentinel")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for giveUp := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
			return addr
		}
		if time.Now().After(giveUp) {
			t.Fatal(err)
		}
	}
}
