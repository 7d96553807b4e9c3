package memstore

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// facts inspects s and returns what it says by name.
func facts(t *testing.T, s store.Store) map[string]store.Fact {
	t.Helper()
	list, err := store.Inspect(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]store.Fact)
	for _, fact := range list {
		if _, twice := found[fact.Name]; twice || fact.Name == "" || fact.Value == "" {
			t.Errorf("%+v", fact)
		}
		found[fact.Name] = fact
	}
	return found
}

// wantWarns checks which facts of s have a warning.
func wantWarns(t *testing.T, s store.Store, names ...string) {
	t.Helper()
	var warned []string
	found := facts(t, s)
	for name, fact := range found {
		if fact.Warn != "" {
			warned = append(warned, name)
		}
	}
	slices.Sort(warned)
	slices.Sort(names)
	if !slices.Equal(warned, names) {
		t.Errorf("there are warnings about %q; want %q\n%+v", warned, names, found)
	}
}

func TestInspect(t *testing.T) {
	t.Parallel()
	server := testserver.NewMemcached(t)
	good := open(t, server.URL+"?x-timeout=1h")
	wantWarns(t, good)
	wantWarns(t, store.Prefix(good, "p:"))
	if got := facts(t, good)["server"].Value; !strings.HasPrefix(got, "memcached 1.") {
		t.Errorf("the server is %q", got)
	}
	wantWarns(t, open(t, server.URL), "idle time-out")
	wantWarns(t, open(t, server.URL+"?x-timeout=30000d"), "idle time-out")
	wantWarns(t, open(t, server.URL+"?x-timeout=1h&x-max-value=1048576"), "largest value")
	wantWarns(t, open(t, server.URL+"?x-timeout=1h&x-max-conns=10000"), "connections")

	s, err := New(memcache.New(server.Addr), &Options{Expiry: store.Expiry{Timeout: time.Hour}})
	if err != nil {
		t.Fatal(err)
	}
	wantWarns(t, s, "server")
}

// A server that is full has removed entries before their time, or refuses writes.
func TestInspectFull(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{"on; ": {"-m", "2"}, "off; ": {"-m", "2", "-M"}} {
		server := testserver.NewMemcached(t, args...)
		s := open(t, server.URL+"?x-timeout=1h")
		for i := range 20 {
			s.Set(context.Background(), strings.Repeat("k", i+1), make([]byte, 500_000))
		}
		wantWarns(t, s, "eviction")
		if got := facts(t, s)["eviction"].Value; !strings.HasPrefix(got, want) || strings.Contains(got, " 0 ") {
			t.Errorf("with %q the eviction is %q", args, got)
		}
	}
}

func TestInspectSeveral(t *testing.T) {
	t.Parallel()
	server, other := testserver.Memcached(t), testserver.NewMemcached(t)
	both := open(t, "memcached://"+server.Addr+","+other.Addr+"?x-timeout=1h")
	wantWarns(t, both)
	other.Kill(t)
	wantWarns(t, both, "server ("+other.Addr+")")
	if _, err := open(t, other.URL).Inspect(context.Background()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Inspect of a server that is down: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := both.Inspect(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Inspect under a cancelled context: %v", err)
	}
	other.Start(t)
	other.Pause(t)
	defer other.Resume(t)
	ctx, cancel = context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := both.Inspect(ctx); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Inspect of a server that does not answer, in 50 ms: %v", err)
	}
}

// What a server that is set up badly would say.
func TestFacts(t *testing.T) {
	s := open(t, "memcached://h?x-timeout=1h")
	good := map[string]string{"version": "1.6.18", "uptime": "5", "item_size_max": "1048576", "bytes": "0", "limit_maxbytes": "67108864", "evictions": "0",
		"curr_connections": "5", "max_connections": "1024", "inter": "127.0.0.1"}
	for warn, change := range map[string][2]string{
		"":              {"inter", "10.1.2.3"},
		"access":        {"inter", "NULL"},
		"access ":       {"inter", "0.0.0.0"},
		"access  ":      {"inter", "192.0.2.1"},
		"connections":   {"curr_connections", "900"},
		"connections ":  {"max_connections", "many"},
		"clock":         {"time", "1000000000"},
		"clock ":        {"time", ""},
		"eviction":      {"evictions", ""},
		"memory":        {"bytes", ""},
		"largest value": {"item_size_max", ""},
	} {
		a := &stats{said: make(map[string]string), on: "on", asked: time.Unix(1_800_000_000, 0)}
		for name, value := range good {
			a.said[name] = value
		}
		a.said["time"] = "1800000000"
		a.said[change[0]] = change[1]
		var warned []string
		for _, fact := range a.facts(s) {
			if fact.Warn != "" {
				warned = append(warned, fact.Name)
			}
		}
		if got := strings.Join(warned, ","); got != strings.TrimSpace(warn) {
			t.Errorf("%s = %q: warnings about %q; want %q", change[0], change[1], got, warn)
		}
	}
}
