package fleettest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"testing"

	"github.com/larder-go/larder"
	"github.com/larder-go/larder/internal/testneed"
	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
)

func open(t testing.TB, url string) store.Closer {
	t.Helper()
	s, err := larder.Open(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// A service in another language finds its keys where Larder put them: the entry under the key, on the server that its own client asks. What it
// reads there is Larder's record, with the key and the value in it; what it writes under that key Larder calls corrupt, and never takes for a value.
func TestLarderEntries(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	f := newFleet(t, "weighted", 1, 2, 1)
	value := func(key string) string { return "the value of " + key }
	finds := map[string]func(t *testing.T, key string) []byte{
		shard.Ketama:          findByPylibmc(f, `{"ketama": true}`),
		shard.KetamaWeighted:  findByTwemproxy(t, f),
		shard.ModLibmemcached: findByTools(f),
		shard.ModPython:       findByPython(f),
	}
	for placement, find := range finds {
		t.Run(placement, func(t *testing.T) {
			prefix := ""
			if placement == shard.KetamaWeighted { // which is in front of the key to everybody, and hashed with it
				prefix = "app:"
			}
			s := open(t, f.url(placement)+"&x-timeout=1h&x-key-prefix="+prefix)
			for i := range 8 {
				key := fmt.Sprint("session-", placement, "-", i)
				if err := s.Set(ctx, key, []byte(value(key))); err != nil {
					t.Fatal(err)
				}
				record := find(t, prefix+key)
				if !bytes.Contains(record, []byte(key)) || !bytes.Contains(record, []byte(value(key))) {
					t.Fatalf("under %s it finds %q", key, record)
				}
			}
		})
	}
	s := open(t, f.url(shard.Ketama))
	j := newJob(f, "pylibmc", `{"ketama": true}`)
	j.set(t, map[string]string{"session-" + shard.Ketama + "-0": "another's"})
	if got, err := s.Get(ctx, "session-"+shard.Ketama+"-0"); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("what another put: %q, %v; want ErrCorrupt", got, err)
	}
	if err := s.Set(ctx, "session-"+shard.Ketama+"-0", nil); err != nil {
		t.Error(err)
	}
	if _, err := s.Get(ctx, "session-"+shard.Ketama+"-0"); err != nil {
		t.Errorf("after it was set again: %v", err)
	}
}

func findByPylibmc(f *fleet, behaviors string) func(*testing.T, string) []byte {
	return func(t *testing.T, key string) []byte {
		j := newJob(f, "pylibmc", behaviors)
		j.Get = []string{key}
		return j.do(t).Found[key]
	}
}

func findByPython(f *fleet) func(*testing.T, string) []byte {
	return func(t *testing.T, key string) []byte {
		j := newJob(f, "python-memcached", `{}`)
		j.Get = []string{key}
		return j.do(t).Found[key]
	}
}

func findByTools(f *fleet) func(*testing.T, string) []byte {
	return func(t *testing.T, key string) []byte {
		s := tools()(t, f).(toolset)
		out, err := s.command([]string{"memccat", "memcat"}, key)(t).Output()
		if _, exit := err.(*exec.ExitError); err != nil && !exit {
			t.Fatal(err)
		}
		return out
	}
}

func findByTwemproxy(t *testing.T, f *fleet) func(*testing.T, string) []byte {
	proxy := newTwemproxy(t, f, "md5", "ketama")
	return func(t *testing.T, key string) []byte { return []byte(get(t, one(t, proxy.Addr), []string{key})[key]) }
}

// Larder itself may stand behind twemproxy, where it has no timeout: that proxy does not know "gat", by which a read is a use.
func TestLarderThroughTwemproxy(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	f := newFleet(t, "equal", 1, 1, 1)
	proxy := newTwemproxy(t, f, "md5", "ketama")
	s, past := open(t, proxy.URL), open(t, f.url(shard.KetamaWeighted))
	for i := range 50 {
		key, text := fmt.Sprint("key-", i), []byte("value")
		if err := s.Set(ctx, key, text); err != nil {
			t.Fatal(err)
		}
		if got, err := past.Get(ctx, key); err != nil || !bytes.Equal(got, text) {
			t.Fatalf("past the proxy: %q, %v", got, err)
		}
		item, err := store.Load(ctx, s, key)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.Swap(ctx, s, key, item.Version, &store.Item{Value: []byte("second")}); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Swap(ctx, past, key, item.Version, &store.Item{Value: []byte("third")}); !errors.Is(err, store.ErrConflict) {
			t.Fatalf("a Swap that is late: %v", err)
		}
		if err := s.Delete(ctx, key); err != nil {
			t.Fatal(err)
		}
		if _, err := past.Get(ctx, key); err != store.ErrNotFound {
			t.Fatalf("after Delete: %v", err)
		}
	}
	timed := open(t, proxy.URL+"?x-timeout=1h")
	if err := timed.Set(ctx, "key", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := timed.Get(ctx, "key"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("with a timeout, through twemproxy: %v; want ErrUnavailable", err)
	}
}

// TestVersions tells which clients the tests met, for the page.
func TestVersions(t *testing.T) {
	out, err := exec.Command(tool(t, "memccat", "memcat"), "--version").CombinedOutput()
	t.Logf("memcat: %s, %v", bytes.TrimSpace(out), err)
	for need, module := range map[string]string{testneed.Pylibmc: "pylibmc", testneed.PythonMemcached: "memcache"} {
		out, err := exec.Command(python(t, need, module), "-c", "import "+module+"; print("+module+".__version__)").Output()
		t.Logf("%s: %s, %v", need, bytes.TrimSpace(out), err)
	}
}
