package larder_test

import (
	"crypto/rand"
	"net/url"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder"
	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
)

// TestShardSite changes the set of nodes of a running site in the three roll-outs, with four processes: one node comes, one leaves and one gets
// another weight.
func TestShardSite(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no SIGTERM")
	}
	clients, rounds := 60, 1
	if os.Getenv("LARDER_SOAK") != "" {
		clients, rounds = 200, 8
	}
	redis := testserver.Redis(t)
	for round := range rounds {
		shardSite(t, redis.URL, clients, uint64(time.Now().UnixNano())+uint64(round))
	}
}

func shardSite(t *testing.T, server string, clients int, seed uint64) {
	dir := quickFolder(t)
	nodes := map[string]string{
		"a": "file:" + dir + "/a",
		"b": server + "?x-key-prefix=site-" + strings.ToLower(rand.Text()[:8]) + ":",
		"c": "file:" + dir + "/c",
		"d": server + "?x-key-prefix=site-" + strings.ToLower(rand.Text()[:8]) + ":",
	}
	shardURL := func(names string, parameters ...string) string {
		u := "shard:?" + strings.Join(parameters, "&")
		for name := range strings.FieldsSeq(names) {
			u += "&node=" + url.QueryEscape(name+"="+nodes[name])
		}
		return u
	}
	next := shardURL("a c d", "weight=a:2")
	siteMove{
		now:      shardURL("a b c"),
		both:     shardURL("a b c d", "weight=d:0", "next=d:1", "next=b:0", "next=a:2", "recheck=200ms"),
		next:     next,
		programs: 4, clients: clients, seed: seed,
	}.run(t)

	whole, err := larder.Open(t.Context(), next)
	if err != nil {
		t.Fatal(err)
	}
	defer whole.Close()
	on := whole.(interface{ Where(key string) string })
	for name, rawURL := range nodes {
		s, err := larder.Open(t.Context(), rawURL)
		if err != nil {
			t.Fatal(err)
		}
		for info, err := range store.List(t.Context(), s, "") {
			if err != nil {
				t.Error(err)
				continue
			}
			item, err := store.Peek(t.Context(), s, info.Key)
			if err == nil && (on.Where(info.Key) != name || strings.Contains(string(item.Value), "LarderHandover")) {
				t.Errorf("node %s holds %d bytes that it should not", name, len(item.Value))
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

var _ interface{ Where(key string) string } = (*shard.Store)(nil)
