package larder_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder"
	"github.com/larder-go/larder/codec"
	"github.com/larder-go/larder/dbstore"
	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/internal/traits"
	"github.com/larder-go/larder/store"
)

// visits is a program that knows its backend by URL alone.
func visits(ctx context.Context, rawURL string) (string, error) {
	s, err := larder.Open(ctx, rawURL)
	if err != nil {
		return "", err
	}
	defer s.Close()

	counter := codec.NewTyped[int](s, codec.JSON)
	for range 3 {
		err := counter.Update(ctx, "visits", func(n *int) (*int, error) {
			if n == nil {
				n = new(int)
			}
			*n++
			return n, nil
		})
		if err != nil {
			return "", err
		}
	}
	n, err := counter.Get(ctx, "visits")
	if err != nil {
		return "", err
	}
	if err := s.Delete(ctx, "visits"); err != nil {
		return "", err
	}
	_, err = s.Get(ctx, "visits")
	return fmt.Sprintf("%d visits, then gone: %t", n, err == store.ErrNotFound), nil
}

// The backend is the URL and nothing else. In place of these, try redis://host?x-timeout=24h, memcached://host?x-timeout=24h, or
// postgres://user@host/db?x-timeout=24h after "larder migrate up".
func Example_anyBackend() {
	dir, err := os.MkdirTemp("", "larder")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	for _, rawURL := range []string{
		"map:?x-timeout=24h",
		"file:" + dir + "/data?x-timeout=24h",
		"bolt:" + dir + "/data.db?x-timeout=24h",
	} {
		fmt.Println(visits(context.Background(), rawURL))
	}
	// Output:
	// 3 visits, then gone: true <nil>
	// 3 visits, then gone: true <nil>
	// 3 visits, then gone: true <nil>
}

// TestEveryURL runs the program of the Example on every backend, by every scheme that names it.
func TestEveryURL(t *testing.T) {
	dir := t.TempDir()
	postgres := testserver.Postgres(t)
	memcached, redis := testserver.Memcached(t), testserver.Redis(t)
	own := "x-prefix=" + strings.ToLower(t.Name()) + ":"
	urls := map[string]string{
		"map": "map:", "file": "file:" + filepath.ToSlash(dir) + "/data", "bolt": "bolt:" + filepath.ToSlash(dir) + "/data.db",
		"postgres": postgres.URL + "?" + own, "postgresql": strings.Replace(postgres.URL, "postgres:", "postgresql:", 1) + "?" + own,
		"memcached": memcached.URL + "?" + own, "redis": redis.URL + "?" + own,
		"rediss": "", // package redisstore tests TLS
	}
	if postgres.Own() {
		urls["postgres+unix"] = "postgres+unix://" + postgres.Socket + "?user=larder&dbname=postgres&" + own
	}
	if redis.Own() {
		urls["redis+unix"] = "redis+unix://" + redis.Socket + "?" + own
	}
	socket := filepath.Join(filepath.Dir(redis.Socket), "memcached.sock")
	if memcached.Own() && redis.Own() {
		urls["memcached+unix"] = testserver.NewMemcached(t, "-s", socket).URL + "?" + own
	}
	u, err := url.Parse(postgres.URL)
	if err != nil {
		t.Fatal(err)
	}
	m, err := dbstore.OpenMigrator(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.Close()
	for _, b := range traits.All() {
		for _, scheme := range append([]string{b.Scheme}, b.Schemes...) {
			rawURL, ok := urls[scheme]
			if rawURL == "" {
				if !ok && redis.Own() && postgres.Own() && memcached.Own() {
					t.Errorf("%s: is not tested", scheme)
				}
				continue
			}
			t.Run(scheme, func(t *testing.T) {
				if got, err := visits(t.Context(), rawURL); got != "3 visits, then gone: true" || err != nil {
					t.Errorf("%s, %v", got, err)
				}
				if got, err := visits(t.Context(), withTimeout(rawURL, time.Hour)); got != "3 visits, then gone: true" || err != nil {
					t.Errorf("with a time-out: %s, %v", got, err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				if _, err := visits(ctx, rawURL); !errors.Is(err, context.Canceled) {
					t.Errorf("cancelled: %v", err)
				}
			})
		}
	}
}

func withTimeout(rawURL string, timeout time.Duration) string {
	separator := "?"
	if strings.Contains(rawURL, "?") {
		separator = "&"
	}
	return rawURL + separator + "x-timeout=" + timeout.String()
}
