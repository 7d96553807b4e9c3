package memstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

func TestURLs(t *testing.T) {
	for raw, want := range map[string][]string{
		"memcached://h":                        {"tcp h:11211"},
		"memcached://h/":                       {"tcp h:11211"},
		"memcached://h:1,h2,[::1],[fe80::1]:2": {"tcp h:1", "tcp h2:11211", "tcp [::1]:11211", "tcp [fe80::1]:2"},
		"memcached://[::1]":                    {"tcp [::1]:11211"},
		"memcached://[fe80::1%25eth0]:2":       {"tcp [fe80::1%eth0]:2"},
		"memcached://h:65535,h2:":              {"tcp h:65535", "tcp h2:11211"},
		"memcached://127.0.0.1:11212":          {"tcp 127.0.0.1:11212"},
		"memcached+unix:///run/mc.sock":        {"unix /run/mc.sock"},
	} {
		s := open(t, raw)
		var got []string
		s.selector.Each(func(addr net.Addr) error {
			got = append(got, addr.Network()+" "+filepath.ToSlash(addr.String()))
			return nil
		})
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q; want %q", raw, got, want)
		}
	}
}

func TestURLParameters(t *testing.T) {
	s := open(t, "memcached://h?x-timeout=2h&x-touch-after=5m&x-max-value=5000&x-key-prefix=app:&x-max-conns=7&x-op-timeout=90ms")
	if s.expiry != (store.Expiry{Timeout: 2 * time.Hour, TouchAfter: 5 * time.Minute}) || s.maxValue != 5000 || s.prefix != "app:" || s.maxConns != 7 ||
		s.client.Timeout != 90*time.Millisecond || s.client.MaxIdleConns != 7 {
		t.Errorf("%+v", s)
	}
	s = open(t, "memcached://h")
	if s.maxValue != 1_000_000 || s.maxConns != 64 || s.client.Timeout != time.Second || s.client.MaxIdleConns != 64 {
		t.Errorf("the defaults are %+v", s)
	}
}

func TestURLsInvalid(t *testing.T) {
	for raw, says := range map[string]string{
		"memcached:":                       "names no server",
		"memcached:///":                    "names no server",
		"memcached:h":                      "names no server",
		"memcached://h/0":                  "no databases",
		"memcached://h#x":                  "memcached://",
		"memcached://:11211":               "no name",
		"memcached://h:0":                  "1 to 65535",
		"memcached://h:99999":              "1 to 65535",
		"memcached://h:65536,h2:1":         "1 to 65535",
		"memcached://[::1]:99999":          "1 to 65535",
		"memcached://::1":                  "[::1]:11211",
		"memcached://fe80::1:11211":        "[::1]:11211",
		"memcached://user:secret@h":        "has a user",
		"memcached://h?x-bucket=b":         "x-bucket",
		"memcached://h?x-max-conns=-1":     "MaxConns of -1",
		"memcached://h?x-max-value=-1":     "MaxValue of -1",
		"memcached://h?x-op-timeout=-1s":   "x-op-timeout is negative",
		"memcached://h?x-timeout=-1s":      "x-timeout is negative",
		"memcached://h?x-key-prefix=a%20b": "KeyPrefix",
		"memcached+unix://h/x":             "names a server",
		"memcached+unix:":                  "names no path",
	} {
		_, err := store.Mux{"memcached": OpenURL, "memcached+unix": OpenURL}.Open(context.Background(), raw)
		if !errors.Is(err, store.ErrInvalidURL) || !strings.Contains(fmt.Sprint(err), says) || strings.Contains(fmt.Sprint(err), "secret") {
			t.Errorf("%s: %v; want ErrInvalidURL and %q", raw, err, says)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := OpenURL(ctx, &url.URL{Scheme: "memcached", Host: "h"}); !errors.Is(err, context.Canceled) {
		t.Errorf("under a cancelled context: %v", err)
	}
}

func TestOptionsInvalid(t *testing.T) {
	client := memcache.New("127.0.0.1:1")
	for _, o := range []*Options{{MaxValue: -1}, {MaxValue: 1<<30 + 1}, {MaxConns: -1}, {Expiry: store.Expiry{Timeout: -1}}} {
		if _, err := New(client, o); err == nil || !strings.HasPrefix(err.Error(), "memstore: open: ") {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := New(nil, nil); err == nil {
		t.Error("no client is a client")
	}
}

func TestUnixSocket(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "mc") // t.TempDir is too long for a socket, and its parent closed to others
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	server := testserver.NewMemcached(t, "-s", filepath.Join(dir, "mc.sock"))
	s := open(t, server.URL+"?x-timeout=1h")
	set(t, s, "key", "value")
	want(t, s, "key", "value")
	wantWarns(t, s)
}

func TestIPv6(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("NOT TESTED, NO IPv6: %v", err)
	}
	l.Close()
	server := testserver.NewMemcached(t, "-l", "::1") // besides
	_, port, _ := net.SplitHostPort(server.Addr)
	s := open(t, "memcached://[::1]:"+port+"?x-timeout=1h")
	set(t, s, "key", "value")
	want(t, s, "key", "value")
	s = open(t, "memcached://"+server.Addr+",[::1]:"+port+"?x-timeout=1h")
	for i := range 20 {
		set(t, s, fmt.Sprint(i), "value")
		want(t, s, fmt.Sprint(i), "value")
	}
}

// Entries lie where the client's own selector would look for them.
func TestPlacement(t *testing.T) {
	var servers memcache.ServerList
	if err := servers.SetServers("127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3", "[::1]:4", "/run/mc.sock"); err != nil {
		t.Fatal(err)
	}
	ours := hosts{&host{"tcp", "127.0.0.1:1"}, &host{"tcp", "127.0.0.1:2"}, &host{"tcp", "127.0.0.1:3"}, &host{"tcp", "[::1]:4"}, &host{"unix", "/run/mc.sock"}}
	for range 1000 {
		key := fmt.Sprint(rand.Uint64())
		a, err := servers.PickServer(key)
		b, err2 := ours.PickServer(key)
		if err != nil || err2 != nil || a.String() != b.String() || a.Network() != b.Network() {
			t.Fatalf("%s is at %v, and by the client's selector at %v", key, b, a)
		}
	}
}

// Close of a store that New made leaves the caller's client alone.
func TestCloseLeavesClient(t *testing.T) {
	p := testserver.NewProxy(t, testserver.Memcached(t).Addr)
	s := fresh(t, Options{}, p.Addr)
	set(t, s, "key", "value")
	s.Close()
	if _, err := s.client.Get(s.name("key")); err != nil || p.Accepted() != 1 {
		t.Errorf("the client, after Close of the store: %v, %d connections", err, p.Accepted())
	}
	if _, err := s.Inspect(context.Background()); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Inspect after Close: %v", err)
	}
}
