package layertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// TestOutages takes each side of Layer(memcached, Postgres) away while it is used.
func TestOutages(t *testing.T) {
	cache, pg := testserver.NewMemcached(t), testserver.Postgres(t)
	if !cache.Own() {
		t.Skip("it must pause the server")
	}
	proxy := testserver.NewProxy(t, pg.Addr)
	direct := postgres(t, pg)
	slow := open(t, strings.Replace(direct, pg.Addr, proxy.Addr, 1)+"&x-op-timeout=500ms")
	layer := store.Layer(open(t, part(cache.URL, "x-op-timeout=300ms")), slow, nil)
	value := func(key string) string {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		v, err := layer.Get(ctx, key)
		if err != nil && err != store.ErrNotFound {
			t.Errorf("Get: %v", err)
		}
		return string(v)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	for _, key := range []string{"a", "b", "c"} {
		must(layer.Set(t.Context(), key, []byte("old")))
		value(key)
	}

	ticks := time.NewTicker(100 * time.Millisecond)
	defer ticks.Stop()
	turns := func(yield func() bool) { // for as long as it takes to ask a cache again, and a little more
		for n := 0; n < 15 && yield(); n++ {
			<-ticks.C
		}
	}

	// The cache hangs: it answers nobody, and what is written and deleted meanwhile is not read as it was, then and afterwards.
	cache.Pause(t)
	must(layer.Set(t.Context(), "a", []byte("new")))
	if err := layer.Delete(t.Context(), "b"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Delete without the cache: %v", err)
	}
	check := func(when string) {
		t.Helper()
		if got := fmt.Sprint(value("a"), ".", value("b"), ".", value("c")); got != "new..old" {
			t.Errorf("%s: %s", when, got)
		}
	}
	check("while the cache hangs")
	began := time.Now()
	for range 50 {
		value("c")
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("50 reads while the cache hangs took %v", took)
	}
	cache.Resume(t)
	for range turns { // it is left alone for a second, and then asked again
		check("after the cache has hung")
	}

	// The cache is killed and comes back empty.
	cache.Kill(t)
	must(layer.Set(t.Context(), "c", []byte("newer")))
	if got := value("c"); got != "newer" {
		t.Errorf("without a cache: %q", got)
	}
	cache.Start(t)
	for range turns {
		if got := value("c"); got != "newer" {
			t.Fatalf("with an empty cache: %q", got)
		}
	}

	// Postgres is gone: what a copy tells is told, and nothing is said to be absent.
	proxy.Refuse()
	if got := value("c"); got != "newer" {
		t.Errorf("no copy answered without Postgres: %q", got)
	}
	for name, call := range map[string]func() error{
		"get":    func() error { _, err := layer.Get(t.Context(), "none"); return err },
		"set":    func() error { return layer.Set(t.Context(), "c", []byte("lost")) },
		"delete": func() error { return layer.Delete(t.Context(), "c") },
		"load":   func() error { _, err := store.Load(t.Context(), layer, "c"); return err },
	} {
		if err := call(); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s without Postgres: %v", name, err)
		}
	}
	if _, err := layer.Get(t.Context(), "c"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("a copy answered after a write of which nobody knows: %v", err)
	}
	proxy.Pass()
	back := func() bool { v, err := layer.Get(t.Context(), "c"); return err == nil && string(v) == "newer" }
	for end := time.Now().Add(10 * time.Second); !back(); {
		if time.Now().After(end) {
			t.Fatal("Postgres is back, and not found")
		}
	}
}
