package shard_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder"
	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
)

// names are those of the nodes of a test, the first n.
func names(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = string(rune('a' + i))
	}
	return all
}

// shardURL is the URL of nodes a, b, c and so on with these URLs.
func shardURL(nodes []string, more ...string) string {
	var query []string
	for i, name := range names(len(nodes)) {
		query = append(query, "node="+name+"="+url.QueryEscape(nodes[i]))
	}
	return "shard:?" + strings.Join(append(query, more...), "&")
}

// add puts parameters behind a URL.
func add(rawURL string, params ...string) string {
	if len(params) == 0 {
		return rawURL
	}
	separator := "?"
	if strings.Contains(rawURL, "?") {
		separator = "&"
	}
	return rawURL + separator + strings.Join(params, "&")
}

// expiry writes e as the parameters of a URL.
func expiry(e store.Expiry) (params []string) {
	if e.Timeout != 0 {
		params = append(params, "x-timeout="+e.Timeout.String())
	}
	if e.TouchAfter != 0 {
		params = append(params, "x-touch-after="+e.TouchAfter.String())
	}
	return params
}

// unique is the name of a place that nobody else uses.
func unique() string { return strings.ToLower(rand.Text()[:10]) }

// memoryDir is a new folder in memory, where there is such a file system.
func memoryDir(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "larder-test-")
	if err != nil {
		return filepath.ToSlash(t.TempDir())
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.ToSlash(dir)
}

// opened is what a shard: URL opens.
type opened interface {
	store.Closer
	Where(key string) string
	Node(name string) store.Store
	Placement() shard.Placement
}

func open(t testing.TB, rawURL string) opened {
	t.Helper()
	return openAny(t, rawURL).(opened)
}

func openAny(t testing.TB, rawURL string) store.Closer {
	t.Helper()
	s, err := larder.Open(context.Background(), rawURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// over is a Store over these nodes, a, b, c and so on.
func over(t testing.TB, stores ...store.Store) *shard.Store {
	t.Helper()
	nodes, set := map[string]store.Store{}, []shard.Node(nil)
	for i, name := range names(len(stores)) {
		nodes[name] = stores[i]
		set = append(set, shard.Node{Name: name})
	}
	p, err := shard.NewPlacement("", set)
	if err != nil {
		t.Fatal(err)
	}
	s, err := shard.New(nodes, p)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// keyOn is a key of this node, another one for each number.
func keyOn(s interface{ Where(string) string }, node string, number int) string {
	for i := 0; ; i++ {
		if key := fmt.Sprintf("key-%d-%d", number, i); s.Where(key) == node {
			return key
		}
	}
}

func set(t testing.TB, s store.Store, key, value string) {
	t.Helper()
	if err := s.Set(t.Context(), key, []byte(value)); err != nil {
		t.Fatal(err)
	}
}

func want(t testing.TB, s store.Store, key, value string) {
	t.Helper()
	if got, err := s.Get(t.Context(), key); err != nil || string(got) != value {
		t.Errorf("Get = %q, %v; want %q", got, err, value)
	}
}

// wantNodeError demands the error of a node, with its name and a class.
func wantNodeError(t testing.TB, err error, node string, class error) {
	t.Helper()
	var of *shard.NodeError
	if !errors.As(err, &of) || of.Node != node || !errors.Is(err, class) || !strings.HasSuffix(err.Error(), "(node "+node+")") {
		t.Errorf("%v; want %v of node %s", err, class, node)
	}
}

// eventually polls ok until it holds or a generous time has passed.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("not within 20 s: %s", what)
		}
		<-time.After(2 * time.Millisecond)
	}
}

// memcached starts n servers, and returns them and their URLs.
func memcached(t testing.TB, n int, params ...string) (servers []*testserver.Server, urls []string) {
	t.Helper()
	for range n {
		s := testserver.NewMemcached(t)
		servers = append(servers, s)
		urls = append(urls, add(s.URL, params...))
	}
	return servers, urls
}
