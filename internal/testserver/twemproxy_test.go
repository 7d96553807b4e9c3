//go:build unix

package testserver

import (
	"fmt"
	"testing"
)

// A twemproxy passes on what it is asked, starts again at its address, and knows nothing of what another holds.
func TestTwemproxy(t *testing.T) {
	cache := NewMemcached(t)
	proxies := []*Server{
		NewTwemproxy(t, "md5", "ketama", cache.Addr+":1 cache-a"),
		NewTwemproxy(t, "one_at_a_time", "modula", cache.Addr+":1"),
	}
	for i, proxy := range proxies {
		if err := asks(proxy, fmt.Sprintf("set key-%d 0 0 1\r\na\r\n", i), "STORED"); err != nil {
			t.Fatal(err)
		}
		if err := asks(cache, fmt.Sprintf("get key-%d\r\n", i), fmt.Sprintf("VALUE key-%d 0 1", i)); err != nil {
			t.Error(err)
		}
	}
	proxies[0].Kill(t)
	if err := asks(proxies[0], "get key-1\r\n", "VALUE"); err == nil {
		t.Error("one that was killed answers")
	}
	proxies[0].Start(t)
	if err := asks(proxies[0], "get key-1\r\n", "VALUE key-1 0 1"); err != nil {
		t.Errorf("after it was started again: %v", err)
	}
}
