package fleettest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/larder-go/larder/memstore"
	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
)

// memstoreOn is a store on a selector, as a program makes one.
func memstoreOn(t testing.TB, s memcache.ServerSelector, conns int) *memstore.Store {
	t.Helper()
	c := client(t, s)
	c.MaxIdleConns = conns
	m, err := memstore.New(c, &memstore.Options{Selector: s, MaxConns: conns, Expiry: store.Expiry{Timeout: time.Hour}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// A dead server takes its share of the keys with it and no other. Its keys fail at once as an outage, reads and writes; none is looked for, or put,
// anywhere else, so that nothing old comes back with it. The others answer as fast as before.
func TestDeadServer(t *testing.T) {
	ctx := context.Background()
	f := newFleet(t, "equal", 1, 1, 1, 1, 1)
	const dead = 2
	p, err := shard.NewPlacement(shard.Ketama, f.nodes)
	if err != nil {
		t.Fatal(err)
	}
	s := memstoreOn(t, f.selector(t, shard.Ketama), 64)
	all := keys("key", 500)
	for _, key := range all {
		if err := s.Set(ctx, key, []byte(key)); err != nil {
			t.Fatal(err)
		}
	}
	before := median(t, s, all, func(key string) bool { return p.Place(key) != dead })
	f.servers[dead].Kill(t)

	share := 0
	for round := range 3 {
		for _, key := range all {
			_, getErr := s.Get(ctx, key)
			setErr := s.Set(ctx, key, []byte(key))
			hurt := p.Place(key) == dead
			if hurt && (!errors.Is(getErr, store.ErrUnavailable) || !errors.Is(setErr, store.ErrUnavailable)) || !hurt && (getErr != nil || setErr != nil) {
				t.Fatalf("%s, on the dead server %t: Get %v, Set %v", key, hurt, getErr, setErr)
			}
			if hurt && round == 0 {
				share++
			}
		}
	}
	if share < len(all)/10 || share > len(all)*3/10 {
		t.Errorf("%d of %d keys were on one server of five", share, len(all))
	}
	for i, server := range f.servers {
		if i == dead {
			continue
		}
		direct := one(t, server.Addr)
		for _, key := range all {
			if _, err := direct.Get(key); (err == nil) != (p.Place(key) == i) {
				t.Fatalf("server %d holds %s: %t", i, key, err == nil)
			}
		}
	}
	after := median(t, s, all, func(key string) bool { return p.Place(key) != dead })
	t.Logf("p50 of a Get from the others: %v before, %v after; %d of %d keys are gone", before, after, share, len(all))
	if after > time.Second { // no figure, but none waits for what is gone
		t.Errorf("the others take %v, before %v", after, before)
	}

	f.servers[dead].Start(t)
	for _, key := range all {
		if err := s.Set(ctx, key, []byte(key)); err != nil {
			t.Fatalf("after it is back: %v", err)
		}
		if got, err := s.Get(ctx, key); err != nil || string(got) != key {
			t.Fatalf("after it is back: %q, %v", got, err)
		}
	}
}

func median(t *testing.T, s store.Store, keys []string, counts func(string) bool) time.Duration {
	t.Helper()
	var took []time.Duration
	for _, key := range keys {
		if !counts(key) {
			continue
		}
		begin := time.Now()
		if _, err := s.Get(context.Background(), key); err != nil {
			t.Fatal(err)
		}
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	return took[len(took)/2]
}

// What others do while a server is down, if nobody tells them otherwise: libmemcached and twemproxy fail, as we do; python-memcached puts the keys
// elsewhere, unless it may try one server only.
func TestDeadServerOfOthers(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "equal", 1, 1, 1)
	f.servers[1].Kill(t)
	all := keys("key", 60)
	onDead := func(placement string) (n int) {
		p, err := shard.NewPlacement(placement, f.nodes)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range all {
			if p.Place(key) == 1 {
				n++
			}
		}
		return n
	}
	for _, o := range []struct {
		name      string
		job       job
		placement string
		elsewhere bool
	}{
		{"pylibmc", newJob(f, "pylibmc", `{"ketama": true}`), shard.Ketama, false},
		{"python-memcached", newJob(f, "python-memcached", `{}`), shard.ModPython, true},
		{"python-memcached that tries one server", newJob(f, "python-memcached", `{"retries": 1}`), shard.ModPython, false},
	} {
		o.job.Set = make(map[string][]byte)
		for key, value := range pairs(all, o.name) {
			o.job.Set[key] = []byte(value)
		}
		want := len(all)
		if !o.elsewhere {
			want -= onDead(o.placement)
		}
		if done := len(o.job.do(t).Done); done != want {
			t.Errorf("%s has put %d keys; want %d", o.name, done, want)
		}
	}
	proxied := one(t, newTwemproxy(t, f, "md5", "ketama").Addr)
	done := 0
	for key, value := range pairs(all, "twemproxy") {
		if proxied.Set(&memcache.Item{Key: key + "t", Value: []byte(value)}) == nil {
			done++
		}
	}
	p, _ := shard.NewPlacement(shard.KetamaWeighted, f.nodes)
	want := 0
	for _, key := range all {
		if p.Place(key+"t") != 1 {
			want++
		}
	}
	if done != want {
		t.Errorf("twemproxy has put %d keys; want %d", done, want)
	}
}
