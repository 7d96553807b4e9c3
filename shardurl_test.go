package larder_test

import (
	"context"
	"errors"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/internal/testserver"
)

func shardURL(nodes []string, more ...string) string {
	var query []string
	for i, node := range nodes {
		query = append(query, "node="+string(rune('a'+i))+"="+url.QueryEscape(node))
	}
	return "shard:?" + strings.Join(append(query, more...), "&")
}

// TestShardURL: the program of the Example over nodes of every kind that needs no table, alone and beside each other.
func TestShardURL(t *testing.T) {
	redis, memcached := testserver.Redis(t), testserver.Memcached(t)
	own := "?x-prefix=" + strings.ToLower(t.Name())
	dir := filepath.ToSlash(t.TempDir())
	for _, nodes := range [][]string{
		{"map:"}, {"map:", "map:", "map:"}, {"file:" + dir + "/a", "file:" + dir + "/b"}, {"bolt:" + dir + "/a.db", "bolt:" + dir + "/b.db"},
		{redis.URL + own + "1:", redis.URL + own + "2:"}, {memcached.URL + own + "1:", memcached.URL + own + "2:"},
		{"file:" + dir + "/c", redis.URL + own + "3:", memcached.URL + own + "3:", "map:"},
	} {
		for _, more := range [][]string{nil, {"weight=a:3"}, {"placement=ketama"}, {"x-prefix=p:"}} {
			if got, err := visits(t.Context(), shardURL(nodes, more...)); got != "3 visits, then gone: true" || err != nil {
				t.Errorf("%q %q: %s, %v", nodes, more, got, err)
			}
		}
		timed := make([]string, len(nodes))
		for i, node := range nodes {
			timed[i] = withTimeout(node, time.Hour)
		}
		if got, err := visits(t.Context(), shardURL(timed)); got != "3 visits, then gone: true" || err != nil {
			t.Errorf("%q: %s, %v", timed, got, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := visits(ctx, shardURL(nodes)); !errors.Is(err, context.Canceled) {
			t.Errorf("%q, cancelled: %v", nodes, err)
		}
	}
}
